"""Invariants of R4's data types, by the name of the type; they hold wherever the type stands."""

from __future__ import annotations

from mappings.canonicals import UCUM
from mappings.r4 import narrative
from mappings.r4.moments import is_after
from mappings.r4.rule import Node, Rule, has, has_choice, rule

TIME_UNITS = frozenset("ns us ms s ks min h d wk mo mo_s mo_j mo_g a a_t a_j a_g".split())
_WITHOUT_OFFSET = frozenset({"C", "CM", "CD", "CV"})


def _one_of(node: Node, first: str, second: str) -> bool:
    return has(node, first) != has(node, second)


def _neither_or_both(node: Node) -> bool:
    if len(node) == 2 and "id" not in node and "_url" not in node:
        return False  # a url and one thing more; nearly all of them are so
    return ("extension" in node) == has_choice(node, "value")


def _several_values(node: Node) -> bool:
    return len(node) > 2 and len({key.lstrip("_") for key in node if key.lstrip("_").startswith("value")}) > 1


def _low_above_high(node: Node) -> bool:
    low, high = node.get("low", {}), node.get("high", {})
    units = ("system", "code") if "code" in low or "code" in high else ("unit",)
    comparable = all(low.get(unit) == high.get(unit) for unit in units) and "value" in low and "value" in high
    return bool(comparable and low["value"] > high["value"])


def _offset_without_event(node: Node) -> bool:
    events = node.get("when")
    return "offset" in node and (not events or not _WITHOUT_OFFSET.isdisjoint(events))


def _below_zero(name: str) -> Rule:
    key = {"duration": "tim-4", "period": "tim-5"}[name]
    return rule(key, f"a {name} is not negative", lambda node: node.get(name, 0) < 0, name)


_CODED = rule("qty-3", "a coded unit names its system", lambda n: has(n, "code") and not has(n, "system"), "system")


def _measure(key: str) -> tuple[Rule, ...]:
    """Of Age and Distance: a value has a code, and the system is UCUM."""
    return (
        _CODED,
        rule(key, "a value has a coded unit", lambda n: has(n, "value") and not has(n, "code"), "code"),
        rule(key, "the system is UCUM", lambda n: n.get("system", UCUM) != UCUM, "system"),
    )


RULES: dict[str, tuple[Rule, ...]] = {
    "Extension": (
        rule("ext-1", "an extension has a value or extensions, one of them and not both",
             _neither_or_both),
        rule("ext-1", "one, and only one, type of a choice element may be given here", _several_values),
    ),
    "Quantity": (_CODED,),
    "Age": (*_measure("age-1"), rule("age-1", "an age is positive", lambda n: n.get("value", 1) <= 0, "value")),
    "Distance": _measure("dis-1"),
    "Count": (
        *_measure("cnt-3"),
        rule("cnt-3", "the unit of a count is 1", lambda n: n.get("code", "1") != "1", "code"),
        rule("cnt-3", "a count is a whole number", lambda n: n.get("value", 0) % 1 != 0, "value"),
    ),
    "Duration": (
        _CODED,
        rule("drt-1", "a coded unit is UCUM's and comes with a value",
             lambda n: "code" in n and (n.get("system") != UCUM or not has(n, "value"))),
        # R4's sentence asks for the code, its expression does not: others' durations may lack it.
        rule("drt-1", "a duration has a UCUM code",
             lambda n: has(n, "value") and not has(n, "code"), "code", severity="warning"),
        rule("drt-1", "the unit of a duration is one of time",
             lambda n: n.get("system") == UCUM and n.get("code", "d") not in TIME_UNITS, "code"),
    ),
    "Period": (
        rule("per-1", "a period does not end before it starts",
             lambda n: "start" in n and "end" in n and is_after(n["start"], n["end"])),
    ),
    "Range": (rule("rng-2", "the low of a range is not above its high", _low_above_high),),
    "Ratio": (
        rule("rat-1", "a ratio has a numerator and a denominator, or neither and an extension",
             lambda n: _one_of(n, "numerator", "denominator") or not has(n, "numerator", "extension")),
    ),
    "Attachment": (
        rule("att-1", "data has a content type", lambda n: "data" in n and not has(n, "contentType"), "contentType"),
    ),
    "ContactPoint": (
        rule("cpt-2", "a contact point with a value has a system",
             lambda n: has(n, "value") and not has(n, "system"), "system"),
    ),
    "Expression": (
        rule("exp-1", "an expression has its text or a reference", lambda n: not has(n, "expression", "reference")),
    ),
    "TimingRepeat": (
        rule("tim-1", "a duration has a unit", lambda n: has(n, "duration") and not has(n, "durationUnit"),
             "durationUnit"),
        rule("tim-2", "a period has a unit", lambda n: has(n, "period") and not has(n, "periodUnit"), "periodUnit"),
        _below_zero("duration"),
        _below_zero("period"),
        rule("tim-6", "a longest period comes with a period", lambda n: has(n, "periodMax") and not has(n, "period"),
             "periodMax"),
        rule("tim-7", "a longest duration comes with a duration",
             lambda n: has(n, "durationMax") and not has(n, "duration"), "durationMax"),
        rule("tim-8", "a highest count comes with a count", lambda n: has(n, "countMax") and not has(n, "count"),
             "countMax"),
        rule("tim-9", "an offset comes with an event, and not with a meal as such", _offset_without_event, "offset"),
        rule("tim-10", "a time of day and an event exclude each other",
             lambda n: has(n, "timeOfDay") and has(n, "when"), "when"),
    ),
    "TriggerDefinition": (
        rule("trd-1", "a trigger has data or a timing, not both", lambda n: "data" in n and has_choice(n, "timing")),
        rule("trd-2", "a condition of a trigger comes with data", lambda n: "condition" in n and "data" not in n,
             "condition"),
        rule("trd-3", "a trigger has what its type needs: a name, a timing or data",
             lambda n: (n.get("type") == "named-event" and not has(n, "name"))
             or (n.get("type") == "periodic" and not has_choice(n, "timing"))
             or (n.get("type", "").startswith("data-") and "data" not in n)),
    ),
    "DataRequirementCodeFilter": (
        rule("drq-1", "a filter has a path or a search parameter", lambda n: not _one_of(n, "path", "searchParam")),
    ),
    "DataRequirementDateFilter": (
        rule("drq-2", "a filter has a path or a search parameter", lambda n: not _one_of(n, "path", "searchParam")),
    ),
    "Narrative": (
        Rule("txt-1", "a narrative is well-formed XHTML with plain formatting only", narrative.unsafe),
        Rule("txt-2", "a narrative has some content", narrative.blank),
    ),
}  # fmt: skip
