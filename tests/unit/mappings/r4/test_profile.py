"""What claims a profile of ours keeps to it; other people's profiles are theirs to check."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from mappings.r4 import constraint, profile
from mappings.r4.validate import require_valid, validate
from tests.lib.breaches import without
from tests.lib.specimens import specimen

BASE = "https://engraft.example/fhir/StructureDefinition/"
IDENTIFIER = {"identifier": [{"system": "http://x", "value": "1"}]}


def claiming(kind, *profiles, **more):
    return specimen(kind) | {"meta": {"profile": [*profiles]}} | more


def told(resource):
    return {(fault.path, fault.code, fault.severity) for fault in validate(resource)}


def definitions():
    found = (json.loads(file.read_text("utf-8")) for file in files("profiles").iterdir() if file.suffix == ".json")
    return [one for one in found if one["resourceType"] == "StructureDefinition"]


@pytest.mark.parametrize("definition", definitions(), ids=lambda one: one["id"])
def test_no_profile_says_more_than_is_checked(definition):
    """Whoever needs more teaches `mappings.r4.constraint` first."""
    assert constraint.unread(definition) == set()


@pytest.mark.parametrize("base", [BASE, "https://fhir.hospital.example/engraft/StructureDefinition/"])
@pytest.mark.parametrize("version", ["", "|0.1.0"])
def test_what_a_profile_requires_is_missed_under_every_base(base, version):
    resource = claiming("Observation", f"{base}engraft-blood-count{version}")
    assert told(resource) == {("Observation.identifier", "required", "error")}
    assert told(resource | IDENTIFIER) == set()


def test_an_element_within_an_element_is_missed_in_each_of_them():
    order = claiming("MedicationRequest", f"{BASE}engraft-medication-order", **IDENTIFIER)
    order |= {"instantiatesCanonical": ["http://x"], "groupIdentifier": {"value": "1"}}
    dose = {"type": {"text": "calculated"}, "doseQuantity": {"value": 1}}
    order["dosageInstruction"] = [{"text": "x", "doseAndRate": [dose, without(dose, "type")]}]
    assert told(order) == {("MedicationRequest.dosageInstruction[0].doseAndRate[1].type", "required", "error")}


def test_what_may_stand_once_or_never_is_told_when_it_stands_more_often():
    plan = claiming("CarePlan", f"{BASE}engraft-care-plan", **IDENTIFIER, title="x")
    plan |= {"instantiatesCanonical": ["http://x", "http://y"], "activity": [
        {"reference": {"reference": "#t"}}, {"detail": {"status": "scheduled"}}]}  # fmt: skip
    assert told(plan) == {
        ("CarePlan.instantiatesCanonical", "structure", "error"),
        ("CarePlan.activity[1].detail", "structure", "error"),
        ("CarePlan.activity[1].reference", "required", "error"),
    }


def test_a_number_of_times_is_said():
    plan = claiming("CarePlan", f"{BASE}engraft-care-plan", **IDENTIFIER, title="x", instantiatesCanonical=["http://x"])
    assert [fault.message for fault in validate(plan)] == ["is required 2 times by the profile engraft-care-plan"]


@pytest.mark.parametrize("said", [{"performedDateTime": "2026"}, {"_performedDateTime": {"id": "x"}}])
def test_a_choice_is_there_in_any_type_and_also_when_it_is_said_to_be_missing(said):
    procedure = without(claiming("Procedure", f"{BASE}engraft-transplant", **IDENTIFIER), "performedDateTime")
    procedure |= {"code": {"coding": [{"system": "http://snomed.info/sct", "code": "50223000"}]}}
    assert told(procedure) == {("Procedure.performed[x]", "required", "error")}
    assert told(procedure | said) == set()


def test_a_contained_or_bundled_resource_keeps_to_its_own_profile():
    inner = claiming("Observation", f"{BASE}engraft-blood-count")
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": inner}]}
    assert told(bundle) == {("Bundle.entry[0].resource.identifier", "required", "error")}


def test_a_profile_of_another_type_is_refused():
    where = "Observation.meta.profile[1]"
    assert told(claiming("Observation", "http://x", f"{BASE}engraft-patient")) == {(where, "structure", "error")}


@pytest.mark.parametrize("others", [["http://x"], ["http://x", "http://y"]])
def test_a_profile_of_ours_beside_others_is_asked_wherever_it_stands(others):
    ours = f"{BASE}engraft-blood-count"
    for named in ([*others, ours], [ours, *others]):
        assert profile.keeps(claiming("Observation", *named, **IDENTIFIER))
        assert told(claiming("Observation", *named, **IDENTIFIER)) == set()
        assert told(claiming("Observation", *named)) == {("Observation.identifier", "required", "error")}


@pytest.mark.parametrize("url", [f"{BASE}engraft-blood-count|9.9.9", f"{BASE}engraft-guess"])
def test_a_profile_that_cannot_be_asked_is_a_warning(url):
    resource = claiming("Observation", url)
    assert told(resource) == {("Observation.meta.profile[0]", "not-found", "warning")}
    require_valid(resource)


@pytest.mark.parametrize("url", ["http://hl7.org/fhir/StructureDefinition/bodyweight", "urn:x", BASE + "../x"])
def test_somebody_elses_profile_is_theirs(url):
    assert told(claiming("Observation", url)) == set()


def test_a_part_of_a_resource_is_not_held_to_its_profile():
    part = claiming("Observation", f"{BASE}engraft-blood-count")
    part["meta"]["tag"] = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}]
    assert told(part) == set()
    both = part | {"dataAbsentReason": {"text": "x"}}
    assert told(both) == {("Observation", "invariant", "error")}


@pytest.mark.parametrize("meta", [{}, {"source": "http://x"}, {"profile": [f"{BASE}engraft-blood-count"]}])
def test_the_verdict_agrees_with_the_sentences(meta):
    for more in ({}, IDENTIFIER):
        resource = specimen("Observation") | {"meta": meta} | more
        assert profile.keeps(resource) is (list(profile.breaches(resource, "Observation")) == [])


def test_a_profile_that_is_only_said_to_be_missing_is_passed_over():
    resource = specimen("Observation") | {"meta": {"profile": [None], "_profile": [{"id": "x"}]}}
    assert told(resource) == set()
