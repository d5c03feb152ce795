"""What is remembered of the way in which elements are cleaned, and that it tells nothing of a patient."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.canonicals import DEFAULT
from mappings.r4.frozen import frozen
from mappings.registry import cleaning
from mappings.registry.allow_list import allow_list
from mappings.registry.cleaning import Passage, StaysHome, Walk

UCUM = "http://unitsofmeasure.org"
LOINC = {"system": "http://loinc.org", "code": "26515-7"}
ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}


def walk(kind="Observation"):
    return Walk(allow_list().resources[kind], kind, allow_list(), DEFAULT)


def meta():
    return Walk(allow_list().meta, "Observation.meta", allow_list(), DEFAULT)


def passage():
    return Passage({"Patient/p": "Patient/pseudonym"}, 10, 2026)


def observation(**more):
    return {"status": "final", "code": {"coding": [LOINC]}, "subject": {"reference": "Patient/p"}} | more


def remembered(one):
    return set(one._plans)


def test_an_element_that_nobody_knows_falls_and_its_name_is_not_remembered():
    observations, on_the_way = walk(), passage()
    for name in ("dubois", "_dubois", "valuestring"):
        kept, why = observations.parts(observation(**{name: "Dubois"}), on_the_way)
        assert (kept.keys(), why) == ({"status", "code", "subject"}, "")
        assert on_the_way.counted()[f"Observation.{name}"] == 1
    assert remembered(observations) == set()


def test_what_r4_knows_and_the_rules_do_not_name_falls_as_often_as_it_comes():
    observations, on_the_way = walk(), passage()
    for _ in range(3):
        observations.parts(observation(note=[{"text": "Dubois"}]), on_the_way)
    assert on_the_way.counted() == {"Observation.note": 3}
    assert remembered(observations) == {("status", "code", "subject", "note")}


def test_what_a_value_loses_is_asked_of_each_value_again():
    """The same keys, and another verdict: only the keys are remembered."""
    observations, on_the_way = walk(), passage()
    good = {"value": 5, "unit": "%", "system": UCUM, "code": "%"}
    for quantity, left in ((good, True), (good | {"code": "dubois"}, False), (good, True)):
        assert ("valueQuantity" in observations.parts(observation(valueQuantity=quantity), on_the_way)[0]) is left
    assert observations.parts(observation() | {"status": "dubois"}, on_the_way)[1] == "cannot leave without its status"
    assert observations.parts(observation(), on_the_way)[1] == ""


def test_few_sets_of_keys_are_remembered(monkeypatch):
    monkeypatch.setattr(cleaning, "_MANY", 2)
    observations = walk()
    for name in ("issued", "note", "device"):
        observations.parts(observation(**{name: "x"}), passage())
    assert remembered(observations) == {("status", "code", "subject", "device")}


def test_profiles_leave_whether_they_are_remembered_or_not(monkeypatch):
    monkeypatch.setattr(cleaning, "_MANY", 1)
    metas, urls = meta(), [DEFAULT.profile("engraft-patient"), DEFAULT.profile("engraft-aml")]
    for _ in range(2):
        assert metas({"profile": [*urls, "http://chu-a.example/dubois", 7]}, passage()) == {"profile": urls}


@pytest.mark.parametrize("odd", [7, None, True, [], {}, ["final"], [["final"]]], ids=str)
def test_what_is_no_text_where_a_text_should_stand_falls(odd):
    on_the_way = passage()
    kept, _ = walk().parts(observation(subject={"reference": odd}, effectiveDateTime=odd), on_the_way)
    assert kept.keys() == {"status", "code"}
    assert walk().parts(observation() | {"status": odd}, on_the_way)[0].get("status") in (None, ["final"])


@pytest.mark.parametrize("beside", [[ABSENT], "x", {"extension": "Dubois"}, {"extension": [{"url": "x"}]}, {}, None])
def test_beside_a_value_only_known_extensions_leave(beside):
    assert "_status" not in walk().parts(observation(_status=beside), passage())[0]
    assert walk().parts(observation(_status={"extension": [ABSENT]}), passage())[0]["_status"]["extension"] == [ABSENT]


@pytest.mark.parametrize("modifier", [[{"url": "http://a.example/negated"}], "x", {"url": "x"}])
def test_a_modifier_keeps_the_resource_at_home_however_it_is_written(modifier):
    with pytest.raises(StaysHome):
        walk().parts(observation(modifierExtension=modifier), passage())


WORDS = ("status", "code", "subject", "note", "valueQuantity", "extension", "_status", "dubois", "value", "reference")
LEAVES = st.sampled_from((None, True, 7, "final", "Patient/p", "2026-05-05", "%", "Dubois"))


def around(inner):
    return inner | st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)


ODD = around(around(LEAVES))
USED = walk()


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(WORDS), ODD, max_size=5))
def test_what_was_cleaned_before_changes_nothing(node):
    used, fresh = passage(), passage()
    assert USED.parts(node, used) == walk().parts(node, fresh)
    assert used.counted() == fresh.counted()
    assert "Dubois" not in str(USED.parts(node, used))
    assert "dubois" not in str(remembered(USED))


def test_what_never_changes_is_cleaned_like_anything_else():
    node = observation(category=[{"coding": [LOINC], "text": "Dubois"}], note=[{"text": "Dubois"}])
    told, on_the_way = passage(), passage()
    assert walk().parts(frozen(node), on_the_way) == walk().parts(node, told)
    assert on_the_way.counted() == told.counted()
    assert walk().parts(frozen(node), passage())[0].keys() == {"status", "code", "subject", "category"}
