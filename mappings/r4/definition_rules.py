"""Invariants of conformance and definitional resources, by the name of the resource or of its part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mappings.r4.rule import Finder, Node, Rule, has, has_choice, repeated, rule

_NAMES = {
    "ActivityDefinition": "adf-0", "CapabilityStatement": "cpb-0", "CodeSystem": "csd-0", "ConceptMap": "cmd-0",
    "ImplementationGuide": "ig-0", "Library": "lib-0", "Measure": "mea-0", "NamingSystem": "nsd-0",
    "OperationDefinition": "opd-0", "PlanDefinition": "pdf-0", "Questionnaire": "que-0", "SearchParameter": "spd-0",
    "StructureDefinition": "sdf-0", "ValueSet": "vsd-0",
}  # fmt: skip
_NAME = re.compile(r"[A-Z][A-Za-z0-9_]{0,254}")
_SHORT_ANSWERS = {"boolean", "decimal", "integer", "string", "text", "url", "open-choice"}
_LISTED_ANSWERS = {"choice", "open-choice", "decimal", "integer", "date", "dateTime", "time", "string", "quantity"}
_OF_REFERENCES = {"Reference", "canonical"}


def _named(key: str) -> Rule:
    return rule(key, "the name can be used by programs: letters, digits and _, beginning with a capital letter",
                lambda n: "name" in n and not _NAME.fullmatch(n["name"]), "name", severity="warning")  # fmt: skip


def _nested(nodes: list[Node], child: str, place: str) -> Iterator[tuple[str, Node]]:
    for index, node in enumerate(nodes):
        here = f"{place}[{index}]"
        yield here, node
        yield from _nested(node.get(child, []), child, f"{here}.{child}")


def _twice_below(child: str, name: str) -> Rule:
    key, says = {
        "linkId": ("que-2", "a linkId stands once in a questionnaire"),
        "code": ("csd-1", "a code stands once in a code system"),
    }[name]

    def find(node: Node) -> Iterable[str]:
        found = list(_nested(node.get(child, []), child, child))
        return [f"{found[i][0]}.{name}" for i in repeated([inner.get(name) for _, inner in found])]

    return Rule(key, says, find)


def _twice(key: str, says: str, child: str, *names: str) -> Rule:
    def find(node: Node) -> Iterable[str]:
        values = [tuple(inner.get(name) for name in names) for inner in node.get(child, ())]
        return [f"{child}[{i}]" for i in repeated([value if any(value) else None for value in values])]

    return Rule(key, says, find)


def _of_type(node: Node, *kinds: str) -> bool:
    return node.get("type") in kinds


_QUESTIONNAIRE_ITEM = (
    rule("que-1", "a group has items below it", lambda n: _of_type(n, "group") and "item" not in n),
    rule("que-1", "a display has no items below it", lambda n: _of_type(n, "display") and "item" in n),
    rule("que-3", "a display has no code", lambda n: _of_type(n, "display") and "code" in n, "code"),
    rule("que-4", "answers come from options or from a value set, not both",
         lambda n: "answerOption" in n and has(n, "answerValueSet")),
    rule("que-5", "this type of question has no list of answers",
         lambda n: n.get("type") not in _LISTED_ANSWERS and (has(n, "answerValueSet") or "answerOption" in n)),
    rule("que-6", "a display is neither required nor repeated",
         lambda n: _of_type(n, "display") and has(n, "required", "repeats")),
    rule("que-8", "groups and displays have no initial value",
         lambda n: _of_type(n, "group", "display") and "initial" in n, "initial"),
    rule("que-9", "a display is not read-only", lambda n: _of_type(n, "display") and has(n, "readOnly"), "readOnly"),
    rule("que-10", "only simple questions have a longest answer",
         lambda n: has(n, "maxLength") and n.get("type") not in _SHORT_ANSWERS, "maxLength"),
    rule("que-11", "where options are listed, the initial one is marked there",
         lambda n: "answerOption" in n and "initial" in n, "initial"),
    # The sentence of R4 says more than one, its expression more than two: the looser holds.
    rule("que-12", "several conditions say whether all or any must hold",
         lambda n: len(n.get("enableWhen", ())) > 2 and not has(n, "enableBehavior"), "enableBehavior"),
    rule("que-13", "only a repeated question has several initial values",
         lambda n: len(n.get("initial", ())) > 1 and n.get("repeats") is not True, "initial"),
)  # fmt: skip

_CAPABILITY = (
    rule("cpb-1", "a capability statement has a rest, messaging or document part",
         lambda n: not has(n, "rest", "messaging", "document")),
    rule("cpb-2", "a capability statement has a description, software or implementation",
         lambda n: not has(n, "description", "software", "implementation")),
    Rule("cpb-3", "only an instance has messaging end-points",
         lambda n: [f"messaging[{i}].endpoint" for i, m in enumerate(n.get("messaging", ()))
                    if "endpoint" in m and n.get("kind") != "instance"]),
    _twice("cpb-7", "a document profile stands once for each mode", "document", "profile", "mode"),
    rule("cpb-14", "an instance names its implementation",
         lambda n: n.get("kind") == "instance" and "implementation" not in n, "implementation"),
    rule("cpb-15", "a capability names its software and no implementation",
         lambda n: n.get("kind") == "capability" and ("implementation" in n or "software" not in n)),
    rule("cpb-16", "requirements name neither software nor implementation",
         lambda n: n.get("kind") == "requirements" and has(n, "implementation", "software")),
)  # fmt: skip


def _element_lists(structure: Node) -> Iterator[tuple[str, list[Node]]]:
    for view in ("snapshot", "differential"):
        yield f"{view}.element", structure.get(view, {}).get("element", [])


def _strays(structure: Node) -> Iterable[str]:
    kind = structure.get("type", "")
    if structure.get("kind") == "logical" or not kind:
        return
    for place, elements in _element_lists(structure):
        for index, element in enumerate(elements):
            path = str(element.get("path", kind))
            if path != kind and not path.startswith(f"{kind}."):
                yield f"{place}[{index}].path"


def _without_id(structure: Node) -> Iterable[str]:
    for place, elements in _element_lists(structure):
        yield from (f"{place}[{i}].id" for i, element in enumerate(elements) if "id" not in element)


def _twice_in(view: str) -> Finder:
    def find(structure: Node) -> Iterable[str]:
        elements = structure.get(view, {}).get("element", [])
        return [f"{view}.element[{i}].id" for i in repeated([element.get("id") for element in elements])]

    return find


_STRUCTURE = (
    rule("sdf-4", "a structure that is not abstract has a base",
         lambda n: n.get("abstract") is not True and not has(n, "baseDefinition"), "baseDefinition"),
    rule("sdf-5", "an extension says where it may stand",
         lambda n: n.get("type") == "Extension" and n.get("derivation") != "specialization" and "context" not in n,
         "context"),
    rule("sdf-6", "a structure has a snapshot or a differential", lambda n: not has(n, "snapshot", "differential")),
    rule("sdf-18", "only an extension has a context invariant",
         lambda n: has(n, "contextInvariant") and n.get("type") != "Extension", "contextInvariant"),
    Rule("sdf-8", "every element stands below the type of the structure", _strays),
    Rule("sdf-14", "an element definition has an id", _without_id),
    Rule("sdf-16", "the id of an element definition stands once in the snapshot", _twice_in("snapshot")),
    Rule("sdf-17", "the id of an element definition stands once in the differential", _twice_in("differential")),
)  # fmt: skip


_ELEMENT_DEFINITION = (
    rule("eld-2", "the least number of an element is not above the most",
         lambda n: n.get("max", "*")[:9].isdecimal() and n.get("min", 0) > int(n["max"][:9])),
    rule("eld-3", "the most is a number or *",
         lambda n: "max" in n and n["max"] != "*" and not n["max"].isdecimal(), "max"),
    rule("eld-5", "a content reference stands without a type and its limits",
         lambda n: has(n, "contentReference") and (has(n, "type", "binding", "example", "maxLength")
                                                   or has_choice(n, "fixed") or has_choice(n, "pattern"))),
    rule("eld-6", "a fixed value needs one type", lambda n: has_choice(n, "fixed") and len(n.get("type", ())) > 1),
    rule("eld-7", "a pattern needs one type", lambda n: has_choice(n, "pattern") and len(n.get("type", ())) > 1),
    rule("eld-8", "a fixed value and a pattern exclude each other",
         lambda n: has_choice(n, "fixed") and has_choice(n, "pattern")),
    _twice("eld-13", "a type stands once", "type", "code"),
    _twice("eld-14", "the key of a constraint stands once", "constraint", "key"),
    rule("eld-15", "a default and the meaning of absence exclude each other",
         lambda n: has_choice(n, "defaultValue") and has(n, "meaningWhenMissing")),
    rule("eld-18", "a modifier gives its reason",
         lambda n: n.get("isModifier") is True and not has(n, "isModifierReason"), "isModifierReason"),
    rule("eld-22", "only a slice constrains a slice",
         lambda n: has(n, "sliceIsConstraining") and not has(n, "sliceName")),
)  # fmt: skip

RULES: dict[str, tuple[Rule, ...]] = {
    "Questionnaire": (_twice_below("item", "linkId"),),
    "QuestionnaireItem": _QUESTIONNAIRE_ITEM,
    "QuestionnaireItemEnableWhen": (
        rule("que-7", "whether an answer exists is true or false",
             lambda n: n.get("operator") == "exists" and not has(n, "answerBoolean")),
    ),
    "CapabilityStatement": _CAPABILITY,
    "CapabilityStatementRest": (_twice("cpb-9", "a resource type is described once", "resource", "type"),),
    "CapabilityStatementRestResource": (
        _twice("cpb-12", "a search parameter is described once", "searchParam", "name"),
    ),
    "StructureDefinition": _STRUCTURE,
    "StructureDefinitionMapping": (
        rule("sdf-2", "a mapping has a name or a URI", lambda n: not has(n, "name", "uri")),
    ),
    "ElementDefinition": _ELEMENT_DEFINITION,
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
             lambda n: "valueSet" in n and not n["valueSet"].startswith(("http:", "https", "urn:", "#")), "valueSet"),
    ),
    "CodeSystem": (_twice_below("concept", "code"),),
    "ValueSetComposeInclude": (
        rule("vsd-1", "an include names a system or value sets", lambda n: not has(n, "system", "valueSet")),
        rule("vsd-2", "concepts and filters need a system",
             lambda n: has(n, "concept", "filter") and not has(n, "system"), "system"),
        rule("vsd-3", "concepts and filters exclude each other", lambda n: "concept" in n and "filter" in n),
    ),
    "ValueSetExpansionContains": (
        rule("vsd-6", "an entry has a code or a display", lambda n: not has(n, "code", "display")),
        rule("vsd-9", "an entry without a code is abstract",
             lambda n: not has(n, "code") and n.get("abstract") is not True),
        rule("vsd-10", "a code has a system", lambda n: has(n, "code") and not has(n, "system"), "system"),
    ),
    "ConceptMapGroupElementTarget": (
        rule("cmd-1", "a narrower or inexact match is commented",
             lambda n: n.get("equivalence") in {"narrower", "inexact"} and not has(n, "comment"), "comment"),
    ),
    "ConceptMapGroupUnmapped": (
        rule("cmd-2", "a fixed code is given", lambda n: n.get("mode") == "fixed" and not has(n, "code"), "code"),
        rule("cmd-3", "the other map is named", lambda n: n.get("mode") == "other-map" and not has(n, "url"), "url"),
    ),
    "OperationDefinitionParameter": (
        rule("opd-1", "a parameter has a type or parts", lambda n: not has(n, "type", "part")),
        rule("opd-2", "only a string has a search type", lambda n: has(n, "searchType") and n.get("type") != "string",
             "searchType"),
        rule("opd-3", "only references have target profiles",
             lambda n: has(n, "targetProfile") and n.get("type") not in _OF_REFERENCES, "targetProfile"),
    ),
    "SearchParameter": (
        rule("spd-1", "an XPath says how it is used",
             lambda n: has(n, "xpath") and not has(n, "xpathUsage"), "xpathUsage"),
        rule("spd-2", "only references are chained",
             lambda n: has(n, "chain") and n.get("type") != "reference", "chain"),
    ),
    "MeasureGroupStratifier": (
        rule("mea-1", "a stratifier has criteria of its own or components, one of them and not both",
             lambda n: has(n, "code", "description", "criteria") == ("component" in n)),
    ),
    "NamingSystem": (
        Rule("nsd-1", "a root has no UUID",
             lambda n: [f"uniqueId[{i}].type" for i, u in enumerate(n.get("uniqueId", ()))
                        if n.get("kind") == "root" and u.get("type") == "uuid"]),
    ),
}  # fmt: skip

for _type, _key in _NAMES.items():
    RULES[_type] = (*RULES.get(_type, ()), _named(_key))
