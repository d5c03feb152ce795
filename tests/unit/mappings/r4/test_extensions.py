"""Extensions of ours stand where they may and carry what they say, under every base; others' are theirs."""

from __future__ import annotations

import pytest

from mappings.canonicals import DEFAULT_BASE
from mappings.r4 import extensions, glance
from mappings.r4.validate import validate
from tests.lib.specimens import specimen

HOSPITAL = "https://fhir.hospital.example/engraft"
DONOR = {"coding": [{"system": f"{DEFAULT_BASE}/CodeSystem/engraft", "code": "haploidentical"}]}
LATER = {"url": f"{DEFAULT_BASE}/StructureDefinition/dli-number", "valueInteger": 1}


def donor(base=DEFAULT_BASE, **value):
    value = value or {"valueCodeableConcept": DONOR}
    return {"url": f"{base}/StructureDefinition/transplant-donor", **value}


def told(resource):
    """(place, code) of each fault; what has none passes the first look, and nothing else does."""
    found = [(fault.path, fault.code) for fault in validate(resource)]
    assert glance.sound(resource) is (found == [])
    return found


def procedure(*found, **more):
    return specimen("Procedure") | {"extension": [*found]} | more


def test_where_it_may_stand_with_what_it_may_carry():
    assert told(procedure(donor(), LATER)) == []


def test_a_value_of_another_type():
    assert told(procedure(donor(valueString="x"))) == [("Procedure.extension[0].valueString", "structure")]


@pytest.mark.parametrize(
    ("resource", "where"),
    [
        (specimen("Observation") | {"extension": [donor()]}, "Observation.extension[0]"),
        (specimen("Procedure") | {"modifierExtension": [donor()]}, "Procedure.modifierExtension[0]"),
        (
            specimen("Procedure") | {"_performedDateTime": {"extension": [donor()]}},
            "Procedure._performedDateTime.extension[0]",
        ),
        (
            specimen("Procedure") | {"subject": {"reference": "Patient/1", "extension": [donor()]}},
            "Procedure.subject.extension[0]",
        ),
    ],
)
def test_where_it_may_not_stand(resource, where):
    assert told(resource) == [(where, "structure")]


def test_the_same_name_under_another_base_is_somebody_elses():
    assert told(procedure(donor(HOSPITAL, valueString="x"))) == []


def test_under_the_base_of_a_profile_that_is_named_it_is_ours():
    named = {"profile": ["http://x", f"{HOSPITAL}/StructureDefinition/engraft-transplant"]}
    graft = {"coding": [{"system": "http://snomed.info/sct", "code": "50223000"}]}
    whole = {"identifier": [{"value": "1"}], "code": graft, "meta": named}
    assert told(procedure(donor(HOSPITAL, valueInteger=1), **whole)) == [
        ("Procedure.extension[0].valueInteger", "structure")
    ]


def test_a_name_that_nobody_here_knows_is_a_warning():
    guess = {"url": f"{DEFAULT_BASE}/StructureDefinition/guess", "valueString": "x"}
    profile = {"url": f"{DEFAULT_BASE}/StructureDefinition/engraft-patient", "valueString": "x"}
    for unknown in (guess, profile):
        (fault,) = validate(procedure(unknown))
        assert (fault.path, fault.severity) == ("Procedure.extension[0].url", "warning")
        assert not glance.sound(procedure(unknown))


@pytest.mark.parametrize(
    ("context", "carriers"),
    [
        ([("element", "Dosage")], {"Dosage"}),
        ([("element", "RequestGroup.action"), ("element", "Observation")], {"RequestGroupAction", "Observation"}),
        ([("element", "Patient.birthDate")], {"FHIRPrimitiveExtension"}),
        ([("element", "Patient.contact.name")], {"HumanName"}),
        ([("element", "date")], {"FHIRPrimitiveExtension"}),
        ([("element", "Element")], None),
        ([("element", "Patient.nonsense")], None),
        ([("element", "NoSuchType.path")], None),
        ([("fhirpath", "Patient.where(active)")], None),
    ],
)
def test_a_context_names_the_types_that_may_carry_it(context, carriers):
    found = extensions._contexts([{"type": kind, "expression": said} for kind, said in context])
    assert found == (None if carriers is None else frozenset(carriers))


def test_every_extension_of_ours_that_may_stand_anywhere_does(monkeypatch):
    anywhere = extensions.Known("x", None, False, extensions.Element(), lambda _: True)
    monkeypatch.setattr(extensions, "_known", lambda _: (DEFAULT_BASE, anywhere))
    assert told(procedure({"url": "http://x/StructureDefinition/y", "valueString": "x"})) == []
