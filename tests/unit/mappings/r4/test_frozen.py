"""What never changes cannot be changed, copies of it can, and validation remembers of it only what always holds."""

from __future__ import annotations

import copy
import pickle

import pytest

from mappings.r4 import glance, wire
from mappings.r4.frozen import Frozen, FrozenList, frozen
from mappings.r4.validate import validate
from tests.lib.plans import a_plan

PLAIN = {"coding": [{"system": "http://loinc.org", "code": "29463-7"}], "text": "weight"}
COPIES = {
    "copy": copy.copy,
    "copy()": lambda one: one.copy(),
    "deepcopy": copy.deepcopy,
    "pickle": lambda one: pickle.loads(pickle.dumps(one)),
}


def plain(node):
    """Is it plain, with all that is in it?"""
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return not isinstance(node, Frozen | FrozenList) and all(map(plain, inside))


def test_it_says_the_same_and_is_written_the_same():
    assert frozen(PLAIN) == PLAIN
    assert wire.encode(frozen(PLAIN)) == wire.encode(PLAIN)
    assert wire.content_hash(frozen(PLAIN)) == wire.content_hash(PLAIN)


def test_all_that_is_in_it_never_changes_either_and_is_no_part_of_what_it_was_made_from():
    source = copy.deepcopy(PLAIN)
    made = frozen(source)
    source["coding"][0]["code"] = "8302-2"
    assert made == PLAIN
    assert isinstance(made["coding"], FrozenList)
    assert isinstance(made["coding"][0], Frozen)
    assert frozen([made]) == [made]
    assert frozen(made) is made
    assert frozen(made["coding"]) is made["coding"]
    assert frozen("text") == "text"


OBJECT_CHANGES = {
    "set": lambda one: one.__setitem__("text", "height"),
    "del": lambda one: one.__delitem__("text"),
    "|=": lambda one: one.__ior__({"text": "height"}),
    "clear": lambda one: one.clear(),
    "pop": lambda one: one.pop("text"),
    "popitem": lambda one: one.popitem(),
    "setdefault": lambda one: one.setdefault("id", "a"),
    "update": lambda one: one.update(text="height"),
}
LIST_CHANGES = {
    "set": lambda one: one.__setitem__(0, {}),
    "del": lambda one: one.__delitem__(0),
    "+=": lambda one: one.__iadd__([{}]),
    "*=": lambda one: one.__imul__(2),
    "append": lambda one: one.append({}),
    "clear": lambda one: one.clear(),
    "extend": lambda one: one.extend([{}]),
    "insert": lambda one: one.insert(0, {}),
    "pop": lambda one: one.pop(),
    "remove": lambda one: one.remove(one[0]),
    "reverse": lambda one: one.reverse(),
    "sort": lambda one: one.sort(key=str),
}


@pytest.mark.parametrize("change", OBJECT_CHANGES.values(), ids=OBJECT_CHANGES)
def test_an_object_refuses_every_change(change):
    made = frozen(PLAIN)
    with pytest.raises(TypeError, match="copy it"):
        change(made)
    assert made == PLAIN


@pytest.mark.parametrize("change", LIST_CHANGES.values(), ids=LIST_CHANGES)
def test_a_list_refuses_every_change(change):
    made = frozen(PLAIN)["coding"]
    with pytest.raises(TypeError, match="copy it"):
        change(made)
    assert made == PLAIN["coding"]


@pytest.mark.parametrize(("kind", "base"), [(Frozen, dict), (FrozenList, list)])
def test_every_way_of_python_to_change_one_is_refused(kind, base):
    reading = {
        "__repr__", "__getattribute__", "__getitem__", "__contains__", "__len__", "__iter__", "__reversed__", "__eq__",
        "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__or__", "__ror__", "__add__", "__mul__", "__rmul__",
        "__sizeof__", "__class_getitem__", "__new__", "__init__", "__hash__", "__doc__", "get", "keys", "values",
        "items", "copy", "fromkeys", "count", "index",
    }  # fmt: skip
    changing = vars(base).keys() - reading
    assert {name for name in changing if "never changes" not in refusal(getattr(kind, name))} == set()


def refusal(method):
    with pytest.raises(TypeError) as caught:
        method(None)
    return str(caught.value)


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("source", [PLAIN, PLAIN["coding"]], ids=["object", "list"])
def test_a_copy_can_be_changed(make, source):
    made = make(frozen(source))
    assert made == source
    assert type(made) in (dict, list)
    made.clear()


@pytest.mark.parametrize("make", [copy.deepcopy, COPIES["pickle"]], ids=["deepcopy", "pickle"])
def test_a_deep_copy_is_plain_all_through(make):
    assert plain(make({"code": frozen(PLAIN), "category": frozen([PLAIN])}))


def test_what_is_laid_over_it_makes_a_plain_object():
    assert type(frozen(PLAIN) | {"text": "height"}) is dict
    assert type({"text": "height"} | frozen(PLAIN)) is dict


# ---- and validation


def observation(**changes):
    return {"resourceType": "Observation", "status": "final", "code": frozen(PLAIN)} | changes


def test_what_was_found_sound_is_not_asked_again():
    code = frozen(PLAIN)
    assert code.passed == frozenset()
    assert glance.sound(observation(code=code))
    assert code.passed == {glance._kind("CodeableConcept", "Observation")}
    assert glance.sound(observation(code=code))


def test_as_another_type_it_is_asked_anew():
    quantity = frozen({"value": 70, "unit": "kg"})
    assert validate(observation(valueQuantity=quantity)) == []
    assert validate(observation(code=quantity)) != []


@pytest.mark.parametrize(
    "fault",
    [
        {"code": frozen({"coding": [{"system": "http://loinc.org", "code": "29463-7 "}]})},
        {"code": frozen({"text": 1})},
        {"code": frozen({})},
        {"category": frozen([])},
        {"category": frozen([{"text": ""}])},
        {"category": [frozen({"text": ""})]},
        {"valueQuantity": frozen({"value": 1, "system": "http://unitsofmeasure.org", "code": "no-unit"})},
        {"subject": frozen({"reference": "Device"})},
        {"meta": frozen({"profile": ["a b"]})},
    ],
)
def test_a_fault_in_it_is_found_each_time(fault):
    first, second = validate(observation(**fault)), validate(observation(**fault))
    assert first == second != []
    assert validate(copy.deepcopy(observation(**fault))) == first


def holding(**changes):
    inner = {"resourceType": "Observation", "id": "a", "status": "final", "code": PLAIN}
    return observation(contained=[inner], **changes)


def test_a_reference_in_it_is_held_against_what_stands_around_it_each_time():
    inside = frozen([{"reference": "#a"}])
    assert validate(holding(hasMember=inside)) == []
    assert [fault.path for fault in validate(observation(hasMember=inside))] == ["Observation.hasMember[0].reference"]
    assert [fault.path for fault in validate(holding())] == ["Observation.contained[0]"]


def test_a_reference_by_type_and_id_asks_for_nothing_around_it_and_is_remembered_where_it_may_stand():
    subject = frozen({"reference": "Device/a"})
    assert validate(observation(subject=subject)) == []
    assert len(subject.passed) == 1
    assert validate(observation(subject=subject)) == []
    patient = {"resourceType": "Condition", "code": {"text": "a"}, "subject": subject}  # no device has a disease
    assert [fault.path for fault in validate(patient)] == ["Condition.subject.reference"]
    for asked_anew in ({"reference": "http://a.org/Patient/1"}, {"reference": "Patient/a", "display": "b"}):
        other = frozen(asked_anew)
        assert validate(observation(subject=other)) == []
        assert other.passed == frozenset()


def test_what_holds_a_reference_is_not_remembered():
    component = frozen(
        [{"code": {"text": "a"}, "extension": [{"url": "http://a.org/b", "valueReference": {"reference": "#a"}}]}]
    )
    assert validate(holding(component=component)) == []
    assert component[0].passed == frozenset()
    assert validate(observation(component=component)) != []


def test_what_is_contained_may_not_have_a_version_though_its_meta_never_changes():
    inner = {"resourceType": "Observation", "id": "a", "status": "final", "code": PLAIN}
    spoiled = inner | {"meta": frozen({"versionId": "1"})}
    faults = validate(observation(contained=[spoiled], hasMember=[{"reference": "#a"}]))
    assert [fault.path for fault in faults] == ["Observation.contained[0].meta"]


def test_what_kept_to_one_profile_is_asked_anew_by_another():
    base = "https://engraft.example/fhir/StructureDefinition/"
    weight = frozen({"coding": [{"system": "http://loinc.org", "code": "29463-7"}]})
    more = {"identifier": [{"value": "1"}], "subject": {"reference": "Patient/1"}}
    for profile, found in (("body-measure", []), ("blood-count", ["Observation.code"]), ("body-measure", [])):
        resource = observation(code=weight, meta={"profile": [f"{base}engraft-{profile}"]}, **more)
        assert [fault.path for fault in validate(resource)] == found
        assert [fault.path for fault in validate(resource)] == found


@pytest.mark.parametrize("element", ["instantiatesCanonical", "dosageInstruction"])
def test_a_profile_counts_the_items_of_a_list_that_never_changes(element):
    order = next(one for one in a_plan().applied.resources if one["resourceType"] == "MedicationRequest")
    twice = copy.deepcopy(order[element]) * 2
    assert validate(order | {element: frozen(order[element])}) == []
    assert [fault.path for fault in validate(order | {element: frozen(twice)})] == [f"MedicationRequest.{element}"]
