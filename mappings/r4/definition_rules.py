"""Invariants of conformance and definitional resources, by the name of the resource or of its part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mappings.r4.rule import Node, Rule, has, repeated, rule, twice

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


def _of_type(node: Node, *kinds: str) -> bool:
    return node.get("type") in kinds


def _preferred_twice(naming: Node) -> Iterable[str]:
    values = [u.get("type") if u.get("preferred") is True else None for u in naming.get("uniqueId", ())]
    return [f"uniqueId[{i}].preferred" for i in repeated(values)]


def _of_another_version(guide: Node) -> Iterable[str]:
    for index, resource in enumerate(guide.get("definition", {}).get("resource", ())):
        for at, version in enumerate(resource.get("fhirVersion", ())):
            if version and version not in guide.get("fhirVersion", ()):
                yield f"definition.resource[{index}].fhirVersion[{at}]"


def _of_no_grouping(definition: Node) -> Iterable[str]:
    known = {grouping.get("id") for grouping in definition.get("grouping", ())}
    for index, resource in enumerate(definition.get("resource", ())):
        if "groupingId" in resource and resource["groupingId"] not in known:
            yield f"resource[{index}].groupingId"


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
    rule("que-12", "several conditions say whether all or any must hold",
         lambda n: len(n.get("enableWhen", ())) > 2 and not has(n, "enableBehavior"), "enableBehavior"),
    # The sentence of R4 says more than one, its expression more than two.
    rule("que-12", "several conditions say whether all or any must hold",
         lambda n: len(n.get("enableWhen", ())) == 2 and not has(n, "enableBehavior"), "enableBehavior",
         severity="warning"),
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
    twice("cpb-7", "a document profile stands once for each mode", "document", "profile", "mode"),
    rule("cpb-14", "an instance names its implementation",
         lambda n: n.get("kind") == "instance" and "implementation" not in n, "implementation"),
    rule("cpb-15", "a capability names its software and no implementation",
         lambda n: n.get("kind") == "capability" and ("implementation" in n or "software" not in n)),
    rule("cpb-16", "requirements name neither software nor implementation",
         lambda n: n.get("kind") == "requirements" and has(n, "implementation", "software")),
)  # fmt: skip

RULES: dict[str, tuple[Rule, ...]] = {
    "Questionnaire": (_twice_below("item", "linkId"),),
    "QuestionnaireItem": _QUESTIONNAIRE_ITEM,
    "QuestionnaireItemEnableWhen": (
        rule("que-7", "whether an answer exists is true or false",
             lambda n: n.get("operator") == "exists" and not has(n, "answerBoolean")),
    ),
    "CapabilityStatement": _CAPABILITY,
    "CapabilityStatementRest": (twice("cpb-9", "a resource type is described once", "resource", "type"),),
    "CapabilityStatementRestResource": (
        twice("cpb-12", "a search parameter is described once", "searchParam", "name"),
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
        Rule("nsd-2", "of each type one identifier is preferred", _preferred_twice),
    ),
    "ImplementationGuide": (
        Rule("ig-2", "a resource is of a FHIR version of the guide", _of_another_version),
    ),
    "ImplementationGuideDefinition": (
        Rule("ig-1", "a resource belongs to a grouping of the guide", _of_no_grouping),
    ),
}  # fmt: skip

for _type, _key in _NAMES.items():
    RULES[_type] = (*RULES.get(_type, ()), _named(_key))
