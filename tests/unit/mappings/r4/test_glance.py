"""The first look says yes only where the whole validation finds nothing, whatever was done to a resource."""

from __future__ import annotations

import copy
import itertools
from decimal import Decimal
from unittest.mock import patch

import pytest

from mappings.r4 import glance, kind
from mappings.r4 import validate as whole
from mappings.r4.frozen import frozen
from tests.lib.plans import a_plan
from tests.lib.specimens import SPECIMENS, specimen

PLAN = a_plan().applied.care_plan
RESOURCES = a_plan().applied.resources
HOLDING = {
    "resourceType": "CarePlan",
    "contained": [one for one in PLAN["contained"] if one["resourceType"] == "Goal"],
    "status": "active",
    "intent": "plan",
    "subject": {"reference": "Patient/1"},
    "goal": [{"reference": f"#{one['id']}"} for one in PLAN["contained"] if one["resourceType"] == "Goal"],
}
SOUND = (
    {kind: specimen(kind) for kind in SPECIMENS}
    | {one["resourceType"]: one for one in RESOURCES}
    | {"CarePlan that contains": HOLDING}
)
EXTENSION = {"url": "https://engraft.example/fhir/a", "valueString": "b"}
INSTEAD = (
    None, "", " ", "a b", "\x01", "#", "#nothing", "Patient/1", "Device/1", "2026-02-30", 0, 1, True, Decimal("1.0"),
    Decimal("-2.5"), [], {}, [None], {"id": "a"}, {"reference": "#nothing"}, {"extension": [EXTENSION]},
    {"extension": [{"url": "https://engraft.example/fhir/a"}]}, [{"id": "a"}], {"value": 1, "code": "d"},
    {"value": 1, "unit": "day", "system": "http://unitsofmeasure.org", "code": "mg"}, [EXTENSION],
    {"low": {"value": 2, "code": "d"}, "high": {"value": 1, "code": "d"}}, {"start": "2026-03-02", "end": "2026-03-01"},
)  # fmt: skip
ADDED = ("a", {"id": "a"}, [{"id": "a"}], {"reference": "#nothing"}, [EXTENSION])
MORE = {
    "id", "extension", "modifierExtension", "text", "reference", "comparator", "valueReference", "valueDuration",
    "_url", "_value", "_status", "assigner", "period", "offsetDuration", "repeat", "timingTiming", "contained",
}  # fmt: skip


def places(node, path=()):
    """Every element of a resource, by its path."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def sorts(resource):
    """Of each sort of element one."""
    found = {tuple(0 if isinstance(step, int) else step for step in path): path for path in places(resource)}
    return list(found.values())


def damaged(resource):
    """The resource with one element removed, replaced or added, or standing twice; each in place, and mended after."""
    for *steps, last in sorts(resource):
        node = resource
        for step in steps:
            node = node[step]
        before = node[last]
        for instead in INSTEAD:
            node[last] = instead
            yield resource
        node[last] = before
        if isinstance(node, list):
            node.append(before)
            yield resource
            node.pop()
        else:
            del node[last]
            yield resource
            node[last] = before
        if isinstance(before, dict):
            for name, more in itertools.product(MORE - before.keys(), ADDED):
                before[name] = more
                yield resource
                del before[name]


def explained(resource):
    """What the whole validation says, without the first look."""
    with patch.object(glance, "sound", return_value=False):
        return whole.validate(resource)


def looks_sound(resource):
    with patch.object(whole, "_validate", side_effect=LookupError):  # is asked only where the first look is a no
        try:
            return whole.validate(resource) == []
        except LookupError:
            return False


@pytest.mark.parametrize("kind", SOUND)
def test_a_yes_is_never_wrong(kind):
    wrong = [fault for one in damaged(copy.deepcopy(SOUND[kind])) if looks_sound(one) for fault in explained(one)]
    assert wrong == []


@pytest.mark.parametrize("kind", ["MedicationRequest", "Observation", "CarePlan that contains"])
def test_a_yes_is_never_wrong_of_what_never_changes(kind):
    still = ({key: frozen(value) for key, value in one.items()} for one in damaged(copy.deepcopy(SOUND[kind])))
    wrong = [fault for one in still if looks_sound(one) and looks_sound(one) for fault in explained(one)]
    assert wrong == []


@pytest.mark.parametrize("resource", [PLAN, *RESOURCES, HOLDING], ids=lambda one: one["resourceType"])
def test_what_we_make_passes_at_first_sight(resource):
    assert looks_sound(resource)


@pytest.mark.parametrize(("element", "instead"), [("code", "mg"), ("system", "http://loinc.org"), ("value", None)])
def test_a_duration_of_no_time_is_not_passed_at_first_sight(element, instead):
    group = copy.deepcopy(RESOURCES[1])
    first = group["action"][0]["action"][0]["action"][0]
    first["relatedAction"][0]["offsetDuration"][element] = instead
    assert not glance.sound(group)


def test_what_was_learned_from_one_object_is_not_held_against_another():
    """The expression for a set of keys asks an object like the first one on the spot, and any other by its own type."""
    seen = {"resourceType": "Observation", "status": "final", "code": {"text": "a"}, "valueQuantity": {"value": 1}}
    others = ({"value": 2, "unit": "mg"}, {"unit": "mg"}, frozen({"value": 2}))
    faulty = ({"value": "2"}, {"value": 2, "unit": ""}, {"unit": 1}, {}, [], "a", None, frozen({"value": "2"}))
    assert glance.sound(seen)
    assert all(looks_sound(seen | {"valueQuantity": other}) for other in others)
    assert not any(looks_sound(seen | {"valueQuantity": other}) for other in faulty)
    lists = ([{"reference": "Patient/1"}], [frozen({"reference": "Patient/1"})], [{"reference": "Group/1"}] * 2)
    assert all(looks_sound(seen | {"focus": other}) for other in lists)
    assert not any(looks_sound(seen | {"focus": other}) for other in ([{"reference": "a b"}], [], ["a"], [{}], {}))


@pytest.mark.parametrize("kind", ["Account", "DomainResource", "Resource"])
def test_a_type_without_a_schema_is_not_passed_at_first_sight(kind):
    assert not glance.sound({"resourceType": kind})


def test_others_cannot_make_it_remember_without_end():
    names = ("given", "family", "prefix", "suffix", "text", "use")
    parts = {"given": ["A"], "family": "B", "prefix": ["C"], "suffix": ["D"], "text": "E", "use": "usual"}
    for order in itertools.permutations(names):  # 720 sets of keys, as far as their order tells them apart
        name = {name: parts[name] for name in order}
        assert glance.sound({"resourceType": "Patient", "name": [name, name]})
    assert 1 < len(glance._kind("HumanName", "Patient").plans) <= kind.MANY


@pytest.mark.parametrize(
    "holder",
    [
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": RESOURCES[1]}]},
        {"resourceType": "Parameters", "parameter": [{"name": "a", "part": [{"name": "b", "resource": RESOURCES[1]}]}]},
    ],
    ids=["Bundle", "Parameters"],
)
def test_what_others_wrap_is_looked_at_too(holder):
    assert looks_sound(holder)
    spoiled = copy.deepcopy(holder)
    inner = spoiled["entry"][0] if "entry" in spoiled else spoiled["parameter"][0]["part"][0]
    inner["resource"]["status"] = "whatever"
    assert not looks_sound(spoiled)
