"""A first look at a resource that tells only whether all is well; `validate` explains where it is not.

Most resources are sound, and a sound one needs no paths and no sentences. The same schemas and rules are asked;
what is left out could only find nothing: elements whose type has no rule, and the words for faults that are not there.
A "no" here is no verdict: it sends the resource to the whole validation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

import jsonschema_rs

from mappings.canonicals import UCUM
from mappings.r4 import codes, containment, extensions, units
from mappings.r4.datatype_rules import TIME_UNITS
from mappings.r4.rule import Node
from mappings.r4.shapes import COMPANION, Shape, schema, shape

PLAIN = frozenset({"Coding", "CodeableConcept", "Quantity", "Duration", "Meta"})
"""Types that are nearly always without extensions; those that have one are left to the whole validation.

So nothing in them needs to be entered, and their rules (qty-3, drt-1, units and codes) can be said
in the schema.
"""

SAID = PLAIN | {"Extension"}
"""Types whose rules the narrowed schema says."""

_LINEAR = jsonschema_rs.RegexOptions()
_EXTENSIONS = ("extension", "modifierExtension")
_EXTENDED = frozenset({"url", "extension"}) | {
    f"value{kind}"
    for kind in (
        *(
            "Boolean",
            "Canonical",
            "Code",
            "Date",
            "DateTime",
            "Decimal",
            "Instant",
            "Integer",
            "Markdown",
            "PositiveInt",
        ),
        *(
            "String",
            "UnsignedInt",
            "Uri",
            "Url",
            "Uuid",
            "CodeableConcept",
            "Coding",
            "Duration",
            "Identifier",
            "Period",
        ),
        *("Quantity", "Range", "Ratio", "Reference"),
    )
}
"""The values of most extensions; the others, with all that may stand in them, would be most of every schema."""

_APART = frozenset({"id", "extension"})
_TIME = {"system": {"const": UCUM}, "code": {"enum": sorted(TIME_UNITS)}}
_CODED: dict[str, Callable[[], dict[str, Any]]] = {
    "Coding": codes.quick,
    "Quantity": lambda: units.quick() | {"dependentRequired": {"code": ["system"]}},
    "Duration": lambda: {"required": ["value", "system", "code"], "allOf": [{"properties": _TIME}]},
}


@dataclass(slots=True, eq=False)
class Kind:
    """What is asked of one type: its rules, and which of its elements are worth entering.

    `needed`: what an element must have to be worth a look, where its type has no rule of its own.
    """

    rules: tuple[Callable[[Node], bool], ...]
    reference: bool
    name: str
    plain: bool
    integers: frozenset[str]
    needed: frozenset[str] = frozenset()
    inner: dict[str, tuple[Kind, frozenset[str], bool]] = field(default_factory=dict)
    """With what may be referred to there, and whether extensions stand there, of which some are ours."""


@dataclass(slots=True)
class _Look:
    """One resource with what it contains, and the `#` references met on the way."""

    around: Node
    contained: dict[str, str]
    seen: set[str] = field(default_factory=set)


def sound(resource: Node) -> bool:
    """Does the resource, with what it contains, break none of the rules that no schema can say?"""
    contained = resource.get("contained", ())
    look = _Look(resource, {f"#{one.get('id')}": one["resourceType"] for one in contained})
    if contained and not _containable(contained):
        return False
    if not all(_clean(kind_of(one["resourceType"]), one, look) for one in (resource, *contained)):
        return False
    return look.contained.keys() <= look.seen


@cache
def validator(resource_type: str) -> Any:
    """The schema of a type, narrowed to what needs no second look; None where there is no schema."""
    document = schema(resource_type)
    if document is None:
        return None
    narrowed = {name: _narrowed(name, said) for name, said in document["$defs"].items()}
    return jsonschema_rs.validator_for(document | {"$defs": narrowed}, pattern_options=_LINEAR)


def _narrowed(name: str, said: dict[str, Any]) -> dict[str, Any]:
    if name in PLAIN:
        kept = {key: value for key, value in said["properties"].items() if key[0] != "_" and key not in _APART}
        said = said | {"properties": kept} | _CODED.get(name, dict)()
    elif name == "Extension":  # two elements, its URL and one more: a value or extensions (ext-1)
        kept = {key: value for key, value in said["properties"].items() if key in _EXTENDED}
        said = said | {"properties": kept, "minProperties": 2, "maxProperties": 2}
    elif "id" in said.get("properties", ()) and name != COMPANION:
        said = said | {"dependentSchemas": said.get("dependentSchemas", {}) | {"id": {"minProperties": 2}}}  # ele-1
    return said


@cache
def kind_of(resource_type: str) -> Kind:
    """What is asked of a resource type that has a schema."""
    known: dict[int, Kind] = {}
    out = _kind(shape(resource_type), known)
    _prune(known)
    return out


def _kind(of: Shape, known: dict[int, Kind]) -> Kind:
    if id(of) not in known:
        rules = () if of.name in SAID else tuple(rule.broken for rule in of.rules)
        out = known[id(of)] = Kind(rules, of.name == "Reference", of.name, of.name in PLAIN, of.integers)
        extended = _EXTENSIONS if of.name != "Extension" else ()
        out.inner = {
            key: (_kind(child, known), targets, key in extended) for key, (child, targets) in of.children.items()
        }
    return known[id(of)]


def _prune(known: dict[int, Kind]) -> None:
    """Leaves out what never leads to anything that is asked."""
    asked = {id(kind) for kind in known.values() if not kind.plain and (kind.rules or kind.reference or kind.integers)}
    while True:
        entered = [kind for kind in known.values() if not kind.plain]
        leads = {id(kind) for kind in entered if any(id(child) in asked for child, *_ in kind.inner.values())}
        if leads <= asked:
            break
        asked |= leads
    for kind in known.values():
        kind.inner = {key: entry for key, entry in kind.inner.items() if id(entry[0]) in asked}
        kind.needed = kind.integers.union(kind.inner)


def _containable(contained: list[Node]) -> bool:
    for one in contained:
        meta = one.get("meta", {})
        if "contained" in one or not meta.keys().isdisjoint(("versionId", "lastUpdated", "security")):
            return False
    return True


def _clean(kind: Kind, node: Node, look: _Look) -> bool:
    """Is all well in an element that fits its schema? What lies in it is entered only where something may be asked."""
    for broken in kind.rules:
        if broken(node):
            return False
    inner = kind.inner
    for key in inner.keys() & node.keys():
        child, targets, extended = inner[key]
        value = node[key]
        for one in (value,) if value.__class__ is dict else value:
            if one is None:
                continue
            if child.reference and "reference" in one and not _leads(one["reference"], targets, look):
                return False
            if extended and not extensions.sound(one, kind.name, key, look.around):
                return False
            if (child.rules or not child.needed.isdisjoint(one)) and not _clean(child, one, look):
                return False
    return kind.integers.isdisjoint(node) or not any(isinstance(node.get(key), Decimal) for key in kind.integers)


def _leads(target: str, targets: frozenset[str], look: _Look) -> bool:
    if target[0] == "#":
        look.seen.add(target)
        found = look.contained.get(target) if target != "#" else look.around["resourceType"]
        return found in targets or (found is not None and "Resource" in targets)
    return ":" not in target or containment.misplaced(target, targets, look.around) is None
