"""What of a pushed resource is not understood is refused with its place."""

from __future__ import annotations

from datetime import date

import pytest

from mappings.canonicals import DEFAULT
from mappings.r4.faults import FaultyInput
from mappings.registry import pushed
from tests.lib.pushing import (
    CLINICAL,
    LOINC,
    SNOMED,
    VER_STATUS,
    amount,
    anc,
    code,
    condition,
    dose,
    gvhd,
    observation,
    procedure,
    statement,
)

ME = "Patient/p"
STAGE = {"code": code("agvhd-stage-skin"), "valueCodeableConcept": code("agvhd-stage-3")}


def understood(resource):
    key = ("FR-037", "P-1", "fhir/X/1")
    return pushed.visit_of(pushed.kept(resource), (), key=key, on=date(2026, 5, 1), canonicals=DEFAULT)


TWO = (code("26499-4", LOINC), code("26515-7", LOINC))
REFUSED = [
    (anc(ME, status="preliminary"), "Observation.status"),
    (observation(ME, code("1-1", LOINC)), "Observation.code"),
    (observation(ME, code("disease-status")), "Observation.code"),
    (observation(ME, code("26499-4", LOINC), valueString="high"), "Observation.value"),
    (observation(ME, code("26499-4", LOINC), None, valueQuantity=amount("1", "10*9/L")), "Observation.effective"),
    (observation(ME, code("29463-7", LOINC), "2026-03", valueQuantity=amount("70", "kg")), "Observation.effective"),
    (observation(ME, code("97509-4", LOINC), valueCodeableConcept=code("1", SNOMED)), "Observation.value"),
    (anc(ME, valueQuantity=amount("1", "10*9/L", system="urn:other")), "Observation.value.system"),
    (anc(ME, valueQuantity=amount("1", "10*9/L") | {"unit": "/uL"}), "Observation.value.unit"),
    (anc(ME, code={"coding": [one for said in TWO for one in said["coding"]]}), "Observation.code"),
    (dose(dosage={"dose": amount("1", "g") | {"unit": "mg"}}), "MedicationAdministration.dosage.dose.unit"),
    (observation(ME, code("gvhd-assessment"), valueBoolean=True), "Observation.value"),
    (observation(ME, code("immunosuppression-status"), valueBoolean=True), "Observation.value"),
    (observation(ME, code("gvhd-treatment")), "Observation.value"),
    (observation(ME, code("agvhd-overall-grade"), valueCodeableConcept=code("agvhd-2")), "Observation.focus"),
    (observation(ME, code("dli-cd3-per-kg"), valueQuantity=amount("1", "10*6/kg")), "Observation.partOf"),
    (
        observation(ME, code("aml-mrd"), valueCodeableConcept=code("mrd-negative"), method=code("1", SNOMED)),
        "Observation.method",
    ),
    (observation(ME, code("quality-of-life"), component=[{"code": {"text": "x"}}]), "Observation.method"),
    (anc(ME, component=[STAGE]), "Observation.component[0].code"),
    (
        observation(
            ME,
            code("gvhd-assessment"),
            valueBoolean=False,
            component=[{"code": code("402355000", SNOMED), "valueBoolean": True}],
        ),
        "Observation.component[0].value",
    ),
    (
        observation(
            ME,
            code("donor-chimerism-percent"),
            valueQuantity=amount("99", "%"),
            component=[{"code": code("chimerism-sample"), "valueCodeableConcept": code("1", SNOMED)}],
        ),
        "Observation.component[0].value",
    ),
    (
        observation(
            ME,
            code("donor-chimerism-percent"),
            valueQuantity=amount("99", "%"),
            component=[{"code": code("1", SNOMED), "valueBoolean": True}],
        ),
        "Observation.component[0].code",
    ),
    (condition("38341003"), "Condition.code"),
    (gvhd(ME, verificationStatus=code("provisional", VER_STATUS)), "Condition.verificationStatus"),
    (gvhd(ME, clinicalStatus=code("resolved", CLINICAL)), "Condition.abatement"),
    (gvhd(ME, stage=[{"summary": code("1", SNOMED)}]), "Condition.stage[0].summary"),
    (gvhd(ME, severity=code("24484000", SNOMED)), "Condition.severity"),
    (condition("28944009", severity=code("1", SNOMED)), "Condition.severity"),
    (condition("28944009", bodySite=[code("site-blood"), code("site-lung")]), "Condition.bodySite[1]"),
    (condition("28944009", bodySite=[code("1", SNOMED)]), "Condition.bodySite[0]"),
    ({"resourceType": "Condition", "code": code("402355000", SNOMED), "onsetString": "spring"}, "Condition.onset"),
    ({"resourceType": "Condition", "onsetDateTime": "2026-03-17", "clinicalStatus": {"coding": []}}, "Condition.code"),
    (procedure("conditioning"), "Procedure.code"),
    (procedure("haplo-hsct"), "Procedure.code"),
    (procedure("dli", "in-progress"), "Procedure.status"),
    (procedure("dli", "not-done"), "Procedure.statusReason"),
    (procedure("platelet-transfusion", "not-done"), "Procedure.status"),
    (procedure("dli", performedDateTime="someday"), "Procedure.performed"),
    (dose("on-hold"), "MedicationAdministration.status"),
    (dose(medicationCodeableConcept=code("1", SNOMED)), "MedicationAdministration.medication"),
    (dose(effectiveDateTime="soon"), "MedicationAdministration.effective"),
    (
        dose(request={"identifier": {"system": "https://engraft.example/fhir/sid/request", "value": "D-13"}}),
        "MedicationAdministration.request.identifier.value",
    ),
    (statement("intended"), "MedicationStatement.status"),
    (statement() | {"medicationCodeableConcept": code("1", SNOMED)}, "MedicationStatement.medication"),
    (statement(end="someday"), "MedicationStatement.effective.end"),
    (statement() | {"effectiveDateTime": "2026-03-17"}, "MedicationStatement.effective"),
    ({"resourceType": "Patient", "deceasedDateTime": "someday"}, "Patient.deceased"),
]


@pytest.mark.parametrize("unit", ["10*3/uL", "G/L", "Giga per litre"])
def test_what_people_read_beside_a_code_may_say_the_same_in_another_way(unit):
    said = understood(anc(ME, valueQuantity=amount("1", "10*9/L") | {"unit": unit})).engraftment.counts[0].neutrophils
    assert said.unit == "10*9/L"


def test_several_codes_of_one_thing_are_one():
    both = [one for said in (code("26499-4", LOINC), code("751-8", LOINC)) for one in said["coding"]]
    assert understood(anc(ME, code={"coding": both})).engraftment.counts


@pytest.mark.parametrize(("resource", "place"), REFUSED)
def test_what_is_not_understood_is_refused_with_its_place(resource, place):
    with pytest.raises(FaultyInput) as refused:
        understood(resource)
    assert place in [fault.path for fault in refused.value.faults]
