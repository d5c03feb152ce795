"""Invariants of R4 4.0.1 that a schema cannot say, as small rules: by resource type, and by data type anywhere.

A rule yields (place below the element, sentence) for each breach. Only resources that pass the schema come here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from mappings.canonicals import UCUM
from mappings.r4.faults import Fault

Node = dict[str, Any]
Breach = tuple[str, str]
Rule = Callable[[Node], Iterator[Breach]]

_INSIDE = {"contained", "resource", "outcome"}
"""Keys below which another resource stands, which is looked at by itself."""


def broken(resource: Node, here: str, *, contained: bool = False) -> Iterator[Fault]:
    """Every invariant that one resource breaks; contained and bundled resources are not entered.

    `contained`: it stands in another one, whose other contained resources its `#` references mean.
    """
    for key, rule in _BY_TYPE.get(resource["resourceType"], ()):
        yield from (_fault(here, place, key, why) for place, why in rule(resource))
    for key, rule in () if contained else _EVERY:
        yield from (_fault(here, place, key, why) for place, why in rule(resource))
    for path, name, node in _walk(resource, here):
        for key, rule in _DATA_TYPES:
            yield from (_fault(path, place, key, why) for place, why in rule({"": name, **node}))


def _fault(here: str, place: str, key: str, why: str) -> Fault:
    return Fault(f"{here}.{place}" if place else here, f"{why} ({key})", "invariant")


def _walk(node: Any, path: str, name: str = "") -> Iterator[tuple[str, str, Node]]:
    if isinstance(node, list):
        for index, inner in enumerate(node):
            yield from _walk(inner, f"{path}[{index}]", name)
    elif isinstance(node, dict):
        yield path, name, node
        for key, inner in node.items():
            if key not in _INSIDE or "resourceType" not in _first(inner):
                yield from _walk(inner, f"{path}.{key}", key)


def _first(value: Any) -> Node:
    found = value[0] if isinstance(value, list) else value
    return found if isinstance(found, dict) else {}


def _codes(concept: Node) -> set[tuple[Any, Any]]:
    return {(coding.get("system"), coding.get("code")) for coding in concept.get("coding", ())}


def _status(concept: Node | None) -> set[str]:
    return {coding.get("code", "") for coding in (concept or {}).get("coding", ())}


def _valued(node: Node) -> bool:
    return any(re.match(r"_?value[A-Z]", key) for key in node)


# resources


def _request_group(group: Node) -> Iterator[Breach]:
    def look(actions: list[Node], place: str) -> Iterator[Breach]:
        for index, action in enumerate(actions):
            here = f"{place}[{index}]"
            if ("resource" in action) == ("action" in action):
                yield here, "an action has either a resource or actions below it"
            yield from look(action.get("action", []), f"{here}.action")

    yield from look(group.get("action", []), "action")


def _care_plan(plan: Node) -> Iterator[Breach]:
    for index, activity in enumerate(plan.get("activity", ())):
        if "detail" in activity and "reference" in activity:
            yield f"activity[{index}]", "an activity has a detail or a reference, not both"


def _goal(goal: Node) -> Iterator[Breach]:
    for index, target in enumerate(goal.get("target", ())):
        if any(key.startswith("detail") for key in target) and "measure" not in target:
            yield f"target[{index}]", "a target with a detail names its measure"


def _observation_absent(observation: Node) -> Iterator[Breach]:
    for place, node in _with_components(observation):
        if "dataAbsentReason" in node and _valued(node):
            yield place, "a value and the reason for its absence exclude each other"


def _observation_code(observation: Node) -> Iterator[Breach]:
    own = _codes(observation["code"])
    components = observation.get("component", ())
    if _valued(observation) and any(_codes(component["code"]) & own for component in components):
        yield "", "an observation with the code of one of its components has no value of its own"


def _reference_range(observation: Node) -> Iterator[Breach]:
    for place, node in _with_components(observation):
        for index, found in enumerate(node.get("referenceRange", ())):
            if not {"low", "high", "text"} & set(found):
                yield f"{place}.referenceRange[{index}".lstrip(".") + "]", "a range has a low, a high or a text"


def _with_components(observation: Node) -> list[tuple[str, Node]]:
    parts = enumerate(observation.get("component", ()))
    return [("", observation), *((f"component[{index}]", component) for index, component in parts)]


def _condition_abatement(condition: Node) -> Iterator[Breach]:
    over = _status(condition.get("clinicalStatus")) & {"inactive", "resolved", "remission"}
    if any(key.lstrip("_").startswith("abatement") for key in condition) and not over:
        yield "clinicalStatus", "a condition that has abated is inactive, resolved or in remission"


def _condition_error(condition: Node) -> Iterator[Breach]:
    if "entered-in-error" in _status(condition.get("verificationStatus")) and "clinicalStatus" in condition:
        yield "clinicalStatus", "what was entered in error has no clinical status"


def _condition_parts(condition: Node) -> Iterator[Breach]:
    for index, stage in enumerate(condition.get("stage", ())):
        if not {"summary", "assessment"} & set(stage):
            yield f"stage[{index}]", "a stage has a summary or an assessment"
    for index, evidence in enumerate(condition.get("evidence", ())):
        if not {"code", "detail"} & set(evidence):
            yield f"evidence[{index}]", "evidence has a code or a detail"


def _administration(administration: Node) -> Iterator[Breach]:
    dosage = administration.get("dosage")
    if dosage is not None and not any(key == "dose" or key.startswith("rate") for key in dosage):
        yield "dosage", "a dosage has a dose or a rate"


def _service_request(request: Node) -> Iterator[Breach]:
    if "orderDetail" in request and "code" not in request:
        yield "orderDetail", "order details need a code"


def _consent(consent: Node) -> Iterator[Breach]:
    if "policy" not in consent and "policyRule" not in consent:
        yield "", "a consent names a policy or a policy rule"


def _group(group: Node) -> Iterator[Breach]:
    if "member" in group and group.get("actual") is not True:
        yield "member", "only an actual group has members"


def _measure_report(report: Node) -> Iterator[Breach]:
    if report.get("type") == "data-collection" and "group" in report:
        yield "group", "a data collection has no groups"
    for i, group in enumerate(report.get("group", ())):
        for j, stratifier in enumerate(group.get("stratifier", ())):
            for k, stratum in enumerate(stratifier.get("stratum", ())):
                if "value" in stratum and "component" in stratum:
                    yield f"group[{i}].stratifier[{j}].stratum[{k}]", "a stratum has a value or components, not both"


def _parameters(parameters: Node) -> Iterator[Breach]:
    def look(found: list[Node], place: str) -> Iterator[Breach]:
        for index, parameter in enumerate(found):
            here = f"{place}[{index}]"
            said = [_valued(parameter), "resource" in parameter, "part" in parameter]
            if sum(said) != 1:
                yield here, "a parameter has a value, a resource or parts, and only one of them"
            yield from look(parameter.get("part", []), f"{here}.part")

    yield from look(parameters.get("parameter", []), "parameter")


_CHANGES = {"batch", "transaction", "history"}
_ANSWERS = {"batch-response", "transaction-response", "history"}


def _bundle(bundle: Node) -> Iterator[Breach]:
    kind = bundle["type"]
    if "total" in bundle and kind not in {"searchset", "history"}:
        yield "total", "only a search or a history has a total"
    seen: set[tuple[str, Any]] = set()
    for index, entry in enumerate(bundle.get("entry", ())):
        here = f"entry[{index}]"
        yield from _entry(entry, here, kind)
        version = entry.get("resource", {}).get("meta", {}).get("versionId")
        name = (entry.get("fullUrl", here), version)
        if name in seen:
            yield f"{here}.fullUrl", "a fullUrl stands once in a Bundle"
        seen.add(name)


def _entry(entry: Node, here: str, kind: str) -> Iterator[Breach]:
    if "search" in entry and kind != "searchset":
        yield f"{here}.search", "only a search has search information"
    if ("request" in entry) != (kind in _CHANGES):
        yield f"{here}.request", "requests stand in a batch, transaction or history, and there in each entry"
    if ("response" in entry) != (kind in _ANSWERS):
        yield f"{here}.response", "responses stand in an answer or a history, and there in each entry"
    if not {"resource", "request", "response"} & set(entry):
        yield here, "an entry has a resource, a request or a response"
    if "/_history/" in entry.get("fullUrl", ""):
        yield f"{here}.fullUrl", "a fullUrl is not specific to a version"


def _document(bundle: Node) -> Iterator[Breach]:
    if bundle["type"] not in {"document", "message"}:
        return
    wanted = "Composition" if bundle["type"] == "document" else "MessageHeader"
    first = (bundle.get("entry") or [{}])[0].get("resource", {})
    if first.get("resourceType") != wanted:
        yield "entry[0]", f"a {bundle['type']} begins with a {wanted}"


def _composition(composition: Node) -> Iterator[Breach]:
    def look(sections: list[Node], place: str) -> Iterator[Breach]:
        for index, section in enumerate(sections):
            here = f"{place}[{index}]"
            if not {"text", "entry", "section"} & set(section):
                yield here, "a section has a text, entries or sections"
            if "emptyReason" in section and "entry" in section:
                yield here, "a section is empty or has entries, not both"
            yield from look(section.get("section", []), f"{here}.section")

    yield from look(composition.get("section", []), "section")


def _capability(statement: Node) -> Iterator[Breach]:
    if not {"rest", "messaging", "document"} & set(statement):
        yield "", "a capability statement has a rest, messaging or document part"
    if not {"description", "software", "implementation"} & set(statement):
        yield "", "a capability statement has a description, software or implementation"
    if statement.get("kind") == "instance" and "implementation" not in statement:
        yield "implementation", "an instance names its implementation"


def _questionnaire(questionnaire: Node) -> Iterator[Breach]:
    seen: set[str] = set()

    def look(items: list[Node], place: str) -> Iterator[Breach]:
        for index, item in enumerate(items):
            here = f"{place}[{index}]"
            if item["linkId"] in seen:
                yield f"{here}.linkId", "a linkId stands once in a questionnaire"
            seen.add(item["linkId"])
            if item["type"] == "display" and "item" in item:
                yield here, "a display has no items below it"
            if "answerOption" in item and "answerValueSet" in item:
                yield here, "answers come from options or from a value set, not both"
            yield from look(item.get("item", []), f"{here}.item")

    yield from look(questionnaire.get("item", []), "item")


def _task(task: Node) -> Iterator[Breach]:
    first, last = task.get("authoredOn"), task.get("lastModified")
    if first and last and last[:10] < first[:10]:
        yield "lastModified", "a task is not modified before it was written"


# every resource


def _contained(resource: Node) -> Iterator[Breach]:
    named = set(_local_references(resource))
    for index, inner in enumerate(resource.get("contained", ())):
        here = f"contained[{index}]"
        if "contained" in inner:
            yield here, "a contained resource contains none"
        if {"versionId", "lastUpdated"} & set(inner.get("meta", ())):
            yield f"{here}.meta", "a contained resource has no version of its own"
        if "security" in inner.get("meta", ()):
            yield f"{here}.meta", "a contained resource has no security label of its own"
        if f"#{inner.get('id')}" not in named and "#" not in set(_local_references(inner)):
            yield here, "a contained resource is referred to, or refers to its container"


def _references(resource: Node) -> Iterator[Breach]:
    there = {f"#{inner.get('id')}" for inner in resource.get("contained", ())} | {"#"}
    for target in sorted(set(_local_references(resource)) - there):
        yield "", f"{target[:65]} is not among the contained resources"


def _local_references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for inner in node:
            yield from _local_references(inner)
    elif isinstance(node, dict):
        for key, inner in node.items():
            if key == "reference" and isinstance(inner, str) and inner.startswith("#"):
                yield inner
            elif key != "resource" or "resourceType" not in _first(inner):
                yield from _local_references(inner)


# data types, known by their elements; the key under which the element stands is in ""


def _only(node: Node, *names: str) -> bool:
    return all(key.lstrip("_") in {"", "id", "extension", *names} for key in node)


def _quantity(node: Node) -> Iterator[Breach]:
    known = _only(node, "value", "comparator", "unit", "system", "code")
    if known and {"value", "unit", "comparator"} & set(node) and "code" in node and "system" not in node:
        yield "system", "a coded unit names its system"


def _duration(node: Node) -> Iterator[Breach]:
    if str(node[""]).endswith("Duration") and "value" in node and (node.get("system"), "code" in node) != (UCUM, True):
        yield "code", "a duration has a UCUM code"


def _period(node: Node) -> Iterator[Breach]:
    if _only(node, "start", "end") and "start" in node and "end" in node:
        length = min(len(node["start"]), len(node["end"]), 10)
        if node["start"][:length] > node["end"][:length]:
            yield "", "a period does not end before it starts"


def _ratio(node: Node) -> Iterator[Breach]:
    if _only(node, "numerator", "denominator") and ("numerator" in node) != ("denominator" in node):
        yield "", "a ratio has a numerator and a denominator"


def _range(node: Node) -> Iterator[Breach]:
    low, high = node.get("low"), node.get("high")
    if not _only(node, "low", "high") or not isinstance(low, dict) or not isinstance(high, dict):
        return
    if low.get("code") == high.get("code") and "value" in low and "value" in high and low["value"] > high["value"]:
        yield "", "the low of a range is not above its high"


def _expression(node: Node) -> Iterator[Breach]:
    known = "language" in node and _only(node, "description", "name", "language", "expression", "reference")
    if known and not {"expression", "reference"} & set(node):
        yield "", "an expression has its text or a reference"


def _repeat(node: Node) -> Iterator[Breach]:
    if node[""] != "repeat":
        return
    for amount, unit in (("duration", "durationUnit"), ("period", "periodUnit")):
        if amount in node and unit not in node:
            yield unit, f"a {amount} has a unit"
        if node.get(amount, 0) < 0:
            yield amount, f"a {amount} is not negative"
    for most, least in (("countMax", "count"), ("durationMax", "duration"), ("periodMax", "period")):
        if most in node and least not in node:
            yield most, f"{most} comes with {least}"
    if "timeOfDay" in node and "when" in node:
        yield "when", "a time of day and an event exclude each other"


_BY_TYPE: dict[str, tuple[tuple[str, Rule], ...]] = {
    "Bundle": (("bdl-1 to bdl-8", _bundle), ("bdl-11, bdl-12", _document)),
    "CapabilityStatement": (("cpb-1, cpb-2, cpb-14", _capability),),
    "CarePlan": (("cpl-3", _care_plan),),
    "Composition": (("cmp-1, cmp-2", _composition),),
    "Condition": (("con-1, con-2", _condition_parts), ("con-4", _condition_abatement), ("con-5", _condition_error)),
    "Consent": (("ppc-1", _consent),),
    "Goal": (("gol-1", _goal),),
    "Group": (("grp-1", _group),),
    "MeasureReport": (("mrp-1, mrp-2", _measure_report),),
    "MedicationAdministration": (("mad-1", _administration),),
    "Observation": (("obs-3", _reference_range), ("obs-6", _observation_absent), ("obs-7", _observation_code)),
    "Parameters": (("inv-1", _parameters),),
    "Questionnaire": (("que-1, que-2, que-4", _questionnaire),),
    "RequestGroup": (("rqg-1", _request_group),),
    "ServiceRequest": (("prr-1", _service_request),),
    "Task": (("inv-1", _task),),
}
_EVERY: tuple[tuple[str, Rule], ...] = (("dom-2 to dom-5", _contained), ("ref-1", _references))
_DATA_TYPES: tuple[tuple[str, Rule], ...] = (
    ("qty-3", _quantity),
    ("drt-1", _duration),
    ("per-1", _period),
    ("rat-1", _ratio),
    ("rng-2", _range),
    ("exp-1", _expression),
    ("tim-1 to tim-9", _repeat),
)
