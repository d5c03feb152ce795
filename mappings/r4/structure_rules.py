"""Invariants of StructureDefinition and of the ElementDefinitions in it, by the name of the resource or of its part.

Where R4's sentence asks more than its expression, what only the sentence asks is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from mappings.r4.rule import Finder, Node, Rule, has, has_choice, repeated, rule, twice

_BOTH = ("snapshot", "differential")
_SPECIFICATION = "http://hl7.org/fhir/StructureDefinition"
_OF_REFERENCES = {"Reference", "canonical"}
_CODED = {"code", "Coding", "CodeableConcept", "Quantity", "string", "uri"}
_SYSTEM_TYPE = r"http://hl7\.org/fhirpath/System\.[A-Z][A-Za-z]+"
_TYPE = {
    "differential": re.compile(rf"[a-zA-Z0-9]+|{_SYSTEM_TYPE}"),
    "snapshot": re.compile(rf"[a-zA-Z0-9.]+|{_SYSTEM_TYPE}"),
}
_WORD = r"""[^\s.,:;'"/|?!@#$%&*()\[\]{}]{1,64}"""
_PATH = re.compile(rf"{_WORD}(?:\.{_WORD}(?:\[x\])?(?::[^\s.]+)?)*")
_PLAIN_PATH = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:\.[a-z][A-Za-z0-9]*(?:\[x])?)*")
_SLICE_NAME = re.compile(r"[a-zA-Z0-9/\-_\[\]@]+")


def _elements(structure: Node, view: str) -> list[Node]:
    found: list[Node] = structure.get(view, {}).get("element", [])
    return found


def _places(structure: Node, view: str, broken: Callable[[Node], bool], at: str) -> Iterator[str]:
    for index, element in enumerate(_elements(structure, view)):
        if broken(element):
            yield f"{view}.element[{index}]" + (f".{at}" if at else "")


def _each(key: str, says: str, broken: Callable[[Node], bool], at: str = "", *, views: tuple[str, ...] = _BOTH) -> Rule:
    """A rule that one look at each element of the views decides."""
    return Rule(key, says, lambda n: (place for view in views for place in _places(n, view, broken, at)))


def _is_root(element: Node) -> bool:
    return "." not in element.get("path", ".")


def _is_logical(structure: Node) -> bool:
    return structure.get("kind") == "logical"


def _of_the_specification(structure: Node) -> bool:
    url: str = structure.get("url", "")
    return url.startswith(_SPECIFICATION)


def _first(view: str, broken: Callable[[Node, Node], bool], at: str) -> Finder:
    """The first element of a view, where it breaks a rule that the structure decides with it."""

    def find(structure: Node) -> Iterable[str]:
        elements = _elements(structure, view)
        return (f"{view}.element[0].{at}",) if elements and broken(structure, elements[0]) else ()

    return find


def _strays(view: str) -> Finder:
    """Elements that do not stand below the root; in a differential the root itself may be left out."""

    def find(structure: Node) -> Iterable[str]:
        elements = _elements(structure, view)
        first = str(elements[0].get("path", "")) if elements else ""
        kind = str(structure.get("type", ""))
        at_root = first == kind if view == "snapshot" else first.startswith(kind)
        root = first if view == "snapshot" else first.partition(".")[0]
        if elements and not (at_root or _is_logical(structure)):
            yield f"{view}.element[0].path"
        for index, element in enumerate(elements[1:], 1):
            if not str(element.get("path", "")).startswith(f"{root}."):
                yield f"{view}.element[{index}].path"

    return find


def _twice_in(view: str, name: str) -> Finder:
    def find(structure: Node) -> Iterable[str]:
        values = [element.get(name) for element in _elements(structure, view)]
        return [f"{view}.element[{i}].{name}" for i in repeated(values)]

    return find


def _paths_twice(structure: Node) -> Iterable[str]:
    return () if structure.get("derivation") == "constraint" else _twice_in("snapshot", "path")(structure)


def _foreign_types(structure: Node) -> Iterable[str]:
    if _of_the_specification(structure):
        for view in _BOTH:
            for index, element in enumerate(_elements(structure, view)):
                for at, kind in enumerate(element.get("type", ())):
                    if not _TYPE[view].fullmatch(kind.get("code", "x")):
                        yield f"{view}.element[{index}].type[{at}].code"


def _defaults(structure: Node) -> Iterable[str]:
    """sdf-21: a constraint gives no default."""
    if structure.get("derivation") == "specialization":
        return ()
    return _places(structure, "differential", _has_default, "")


def _defaults_of_the_specification(structure: Node) -> Iterable[str]:
    if _of_the_specification(structure):
        for view in _BOTH:
            yield from _places(structure, view, _has_default, "")


def _has_default(element: Node) -> bool:
    return has_choice(element, "defaultValue")


_STRUCTURE = (
    Rule("sdf-1", "a path stands once in the snapshot, except of a constraint", _paths_twice),
    _each("sdf-3", "an element of a snapshot has a definition and both cardinalities",
          lambda n: not all(has(n, name) for name in ("definition", "min", "max")), views=("snapshot",)),
    rule("sdf-4", "a structure that is not abstract has a base",
         lambda n: n.get("abstract") is not True and not has(n, "baseDefinition"), "baseDefinition"),
    rule("sdf-5", "an extension says where it may stand",
         lambda n: n.get("type") == "Extension" and n.get("derivation") != "specialization" and "context" not in n,
         "context"),
    rule("sdf-6", "a structure has a snapshot or a differential", lambda n: not has(n, "snapshot", "differential")),
    Rule("sdf-8", "every element of a snapshot stands below the type of the structure", _strays("snapshot")),
    Rule("sdf-8a", "every element of a differential stands below the type of the structure", _strays("differential")),
    _each("sdf-8b", "an element of a snapshot has a base", lambda n: "base" not in n, "base", views=("snapshot",)),
    _each("sdf-9", "the root has no label, code or requirements",
          lambda n: _is_root(n) and has(n, "label", "code", "requirements")),
    _each("sdf-10", "a binding names a value set or describes it",
          lambda n: "binding" in n and not has(n["binding"], "valueSet", "description"), "binding",
          views=("snapshot",)),
    Rule("sdf-11", "a snapshot begins with the type of the structure",
         _first("snapshot", lambda n, first: not _is_logical(n) and first.get("path") != n.get("type"), "path")),
    _each("sdf-14", "an element definition has an id", lambda n: "id" not in n, "id"),
    Rule("sdf-15", "the root of a snapshot has no type",
         _first("snapshot", lambda n, first: not _is_logical(n) and "type" in first, "type")),
    Rule("sdf-15a", "the root of a differential has no type",
         _first("differential", lambda n, first: not _is_logical(n) and _is_root(first) and "type" in first, "type")),
    Rule("sdf-16", "the id of an element definition stands once in the snapshot", _twice_in("snapshot", "id")),
    Rule("sdf-17", "the id of an element definition stands once in the differential", _twice_in("differential", "id")),
    rule("sdf-18", "only an extension has a context invariant",
         lambda n: has(n, "contextInvariant") and n.get("type") != "Extension", "contextInvariant"),
    Rule("sdf-19", "a structure of the FHIR specification uses its types only", _foreign_types),
    _each("sdf-20", "the root is not sliced", lambda n: _is_root(n) and "slicing" in n, "slicing",
          views=("differential",)),
    Rule("sdf-21", "only a specialization gives defaults", _defaults),
    Rule("sdf-22", "a structure of the FHIR specification gives no defaults", _defaults_of_the_specification),
    _each("sdf-23", "the root has no slice name", lambda n: _is_root(n) and has(n, "sliceName"), "sliceName"),
)  # fmt: skip


def _limited(element: Node) -> bool:
    """Whether an element says of its content what a content reference already says."""
    choices = ("defaultValue", "fixed", "pattern", "minValue", "maxValue")
    return has(element, "type", "binding", "example", "maxLength") or any(has_choice(element, n) for n in choices)


_ELEMENT = (
    rule("eld-2", "the least number of an element is not above the most",
         lambda n: n.get("max", "*")[:9].isdecimal() and n.get("min", 0) > int(n["max"][:9])),
    rule("eld-3", "the most is a number or *",
         lambda n: "max" in n and n["max"] != "*" and not n["max"].isdecimal(), "max"),
    rule("eld-5", "a content reference stands without a type and its limits",
         lambda n: has(n, "contentReference") and _limited(n)),
    rule("eld-6", "a fixed value needs one type", lambda n: has_choice(n, "fixed") and len(n.get("type", ())) > 1),
    rule("eld-7", "a pattern needs one type", lambda n: has_choice(n, "pattern") and len(n.get("type", ())) > 1),
    rule("eld-8", "a fixed value and a pattern exclude each other",
         lambda n: has_choice(n, "fixed") and has_choice(n, "pattern")),
    # The expression holds for every element that has a type at all.
    rule("eld-11", "only coded elements, strings and URIs are bound",
         lambda n: "binding" in n and "type" in n and _CODED.isdisjoint(t.get("code") for t in n["type"]),
         "binding", severity="warning"),
    twice("eld-13", "a type stands once", "type", "code"),
    twice("eld-14", "the key of a constraint stands once", "constraint", "key"),
    rule("eld-15", "a default and the meaning of absence exclude each other",
         lambda n: has_choice(n, "defaultValue") and has(n, "meaningWhenMissing")),
    rule("eld-16", "a slice name is of letters, digits and / - _ [ ] @",
         lambda n: "sliceName" in n and not _SLICE_NAME.fullmatch(n["sliceName"]), "sliceName"),
    rule("eld-18", "a modifier gives its reason",
         lambda n: n.get("isModifier") is True and not has(n, "isModifierReason"), "isModifierReason"),
    rule("eld-19", "the name of an element has no special characters",
         lambda n: "path" in n and not _PATH.fullmatch(n["path"]), "path"),
    rule("eld-20", "the name of an element is of letters and digits, or code generators may fail",
         lambda n: "path" in n and not _PLAIN_PATH.fullmatch(n["path"]), "path", severity="warning"),
    rule("eld-22", "only a slice constrains a slice",
         lambda n: has(n, "sliceIsConstraining") and not has(n, "sliceName")),
)  # fmt: skip

RULES: dict[str, tuple[Rule, ...]] = {
    "StructureDefinition": _STRUCTURE,
    "StructureDefinitionMapping": (
        rule("sdf-2", "a mapping has a name or a URI", lambda n: not has(n, "name", "uri")),
    ),
    "ElementDefinition": _ELEMENT,
    "ElementDefinitionSlicing": (
        rule("eld-1", "a slicing has discriminators or a description",
             lambda n: not has(n, "discriminator", "description")),
    ),
    "ElementDefinitionType": (
        rule("eld-4", "only references are aggregated",
             lambda n: has(n, "aggregation") and n.get("code") not in _OF_REFERENCES, "aggregation"),
        rule("eld-17", "only references have target profiles",
             lambda n: has(n, "targetProfile") and n.get("code") not in _OF_REFERENCES, "targetProfile"),
    ),
    "ElementDefinitionBinding": (
        rule("eld-12", "a value set is named by an http, https or urn address",
             lambda n: "valueSet" in n and not n["valueSet"].startswith(("http:", "https", "urn:")), "valueSet"),
    ),
    "ElementDefinitionConstraint": (
        rule("eld-21", "a constraint has an expression, or programs cannot check it",
             lambda n: not has(n, "expression"), "expression", severity="warning"),
    ),
}  # fmt: skip
