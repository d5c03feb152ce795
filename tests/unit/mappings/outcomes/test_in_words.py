"""A line of a resource says what it is, when it was and what it says, also where something is missing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mappings.outcomes.in_words import in_words

CD4 = {"text": "CD4 lymphocytes"}


def line(kind="Observation", **said):
    return in_words({"resourceType": kind, "id": "x", **said})


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"valueQuantity": {"comparator": "<", "value": Decimal("5.0"), "unit": "/uL", "code": "/uL"}}, "< 5.0 /uL"),
        ({"valueCodeableConcept": {"coding": [{"code": "x", "display": "Alive"}]}}, "Alive"),
        ({"valueCodeableConcept": {"coding": [{"system": "s", "code": "x"}]}}, "x"),
        ({"dataAbsentReason": {"coding": [{"code": "not-performed"}]}}, "missing (not-performed)"),
        ({"valueBoolean": True}, "yes"),
        ({"valueBoolean": False}, "no"),
        ({"valueInteger": 80}, "80"),
        ({"valueString": "4"}, "4"),
        ({}, ""),
    ],
)
def test_a_value_is_told_as_it_was_written(value, told):
    assert line(code=CD4, effectiveDateTime="2026-03", **value) == ("Observation/x", "CD4 lymphocytes", "2026-03", told)


def test_a_dose_says_how_much_or_why_it_was_not_given():
    """R4 has several reasons of an administration, and one of a procedure."""
    drug, on = {"text": "Thiotepa"}, "2026-02-17"
    given = {"dose": {"value": Decimal("352.50"), "unit": "mg"}}
    made = line("MedicationAdministration", medicationCodeableConcept=drug, effectiveDateTime=on, dosage=given)
    assert made[1:] == ("Thiotepa", on, "352.50 mg")
    reasons = [{"coding": [{"code": "not-performed"}]}, {"text": "fever"}]
    missed = line(
        "MedicationAdministration", medicationCodeableConcept=drug, statusReason=reasons, effectiveDateTime=on
    )
    assert missed.value == "not-performed, fever"


def test_parts_stand_beside_the_value():
    parts = [{"code": {"text": "Sample"}, "valueCodeableConcept": {"text": "Blood"}}]
    assert line(valueInteger=99, component=parts).value == "99; Sample: Blood"


def test_a_span_has_its_ends_as_far_as_they_are_known():
    drug = {"text": "Ciclosporin"}
    made = line("MedicationStatement", medicationCodeableConcept=drug, effectivePeriod={"start": "2026-03-08"})
    assert made[1:] == ("Ciclosporin", "2026-03-08", "")
    assert line(effectivePeriod={"start": "2026-03", "end": "2026-04"}).when == "2026-03 to 2026-04"
    assert line().when == ""


def test_a_condition_says_how_it_stands_and_a_thing_not_done_why():
    resolved = {"coding": [{"code": "resolved"}]}
    assert line("Condition", clinicalStatus=resolved, onsetDateTime="2026-04-20").value == "resolved"
    assert line("Procedure", statusReason={"text": "Active GVHD"}, performedDateTime="2026-08").value == "Active GVHD"
