"""One pushed resource is understood as what a form would tell, or refused with its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from mappings.canonicals import DEFAULT
from mappings.facts import (
    AcuteGvhd,
    AcuteStep,
    Administration,
    BloodCount,
    BodyMeasure,
    Chimerism,
    ChronicGvhd,
    Dli,
    DliWithheld,
    Engraftment,
    Gvhd,
    ImmuneReconstitution,
    Immunosuppressant,
    Immunosuppression,
    Infection,
    Measured,
    Measurements,
    MinimalResidualDisease,
    Missing,
    PartialDate,
    QualityOfLife,
    Recovery,
    Relapse,
    Response,
    VitalStatus,
    Word,
)
from mappings.r4.faults import FaultyInput
from mappings.registry import pushed
from tests.lib.pushing import (
    CLINICAL,
    LOINC,
    SNOMED,
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

DAY = PartialDate("2026-03-17")
ON = date(2026, 5, 1)
UNKNOWN = Missing("unknown")
ATC = "http://www.whocc.no/atc"
ME = "Patient/p"


def understood(resource, *about, on=ON, own=None):
    return pushed.visit_of(
        pushed.kept(resource), about, key=("FR-037", "P-1", "fhir/X/1"), on=on, canonicals=DEFAULT, own=own
    )


def section(resource, *about):
    """The one section that the resource tells."""
    visit = understood(resource, *about)
    said = {name: getattr(visit, name) for name in visit.__dataclass_fields__ if name in SECTIONS}
    (found,) = [value for value in said.values() if value is not None]
    return found


SECTIONS = (
    *("vital_status", "measurements", "engraftment", "response", "relapse", "immune_reconstitution", "chimerism"),
    *("gvhd", "infections", "quality_of_life", "immunosuppression", "administrations", "dli", "dli_withheld"),
)


NUMBER = [{"url": "https://engraft.example/fhir/StructureDefinition/dli-number", "valueInteger": 2}]
EPISODE = {"resourceType": "Condition", "id": "e", "code": code("402355000", SNOMED), "onsetDateTime": "2026-04-20"}
CHRONIC = EPISODE | {"code": code("402356004", SNOMED)}
INFECTION = EPISODE | {"code": code("28944009", SNOMED)}
INFUSION = procedure("dli", id="i", extension=NUMBER)
FOCUS = {"focus": [{"reference": "Condition/e"}]}
STAGE = {"code": code("agvhd-stage-skin"), "valueCodeableConcept": code("agvhd-stage-3")}
PERIOD = {"effectivePeriod": {"start": "2026-04-20"}}
ONSET = PartialDate("2026-04-20")

UNDERSTOOD = {
    "count": (anc(ME), Engraftment(counts=(BloodCount(DAY, Measured(Decimal("0.6"), "10*9/L")),))),
    "platelets below": (
        observation(ME, code("777-3", LOINC), valueQuantity=amount("5", "10*9/L", comparator="<")),
        Engraftment(counts=(BloodCount(DAY, platelets=Measured(Decimal(5), "10*9/L", "<")),)),
    ),
    "count that is missing": (
        observation(
            ME,
            code("26499-4", LOINC),
            dataAbsentReason=code("not-performed", "http://terminology.hl7.org/CodeSystem/data-absent-reason"),
        ),
        Engraftment(counts=(BloodCount(DAY, Missing("not-performed")),)),
    ),
    "subset": (
        observation(ME, code("24467-3", LOINC), valueQuantity=amount("120", "/uL")),
        ImmuneReconstitution(DAY, cd4=Measured(Decimal(120), "/uL")),
    ),
    "weight": (
        observation(ME, code("29463-7", LOINC), valueQuantity=amount("70.5", "kg")),
        Measurements(weight=BodyMeasure(Measured(Decimal("70.5"), "kg"), DAY)),
    ),
    "karnofsky": (observation(ME, code("89243-0", LOINC), valueInteger=80), Measurements(karnofsky=80)),
    "karnofsky as a quantity": (
        observation(ME, code("89243-0", LOINC), valueQuantity=amount("80", "%")),
        Measurements(karnofsky=80),
    ),
    "recovery": (
        observation(ME, code("engraftment-platelets"), valueCodeableConcept=code("engrafted")),
        Engraftment(platelets=Recovery(Word("engrafted"), DAY)),
    ),
    "response": (
        observation(ME, code("97509-4", LOINC), valueCodeableConcept=code("103338009", SNOMED)),
        Response(DAY, Word("CR")),
    ),
    "blasts alone": (
        observation(ME, code("11150-0", LOINC), valueQuantity=amount("2", "%")),
        Response(DAY, None, Decimal(2)),
    ),
    "residual disease": (
        observation(ME, code("aml-mrd"), valueCodeableConcept=code("mrd-negative"), method=code("mrd-method-flow")),
        Response(DAY, None, mrd=MinimalResidualDisease(Word("negative"), Word("flow"))),
    ),
    "relapse observed": (
        observation(ME, code("relapse-kind"), valueCodeableConcept=code("relapse-molecular")),
        Relapse(DAY, Word("molecular")),
    ),
    "relapse": (condition("1259237005"), Relapse(DAY)),
    "chimerism": (
        observation(
            ME,
            code("donor-chimerism-percent"),
            valueQuantity=amount("99.2", "%"),
            component=[{"code": code("chimerism-sample"), "valueCodeableConcept": code("sample-blood")}],
        ),
        (Chimerism(DAY, Decimal("99.2"), Word("blood")),),
    ),
    "acute": (gvhd(ME, "agvhd-2"), Gvhd(acute=(AcuteGvhd(ONSET, Word("II")),))),
    "acute without grade": (gvhd(ME, stage=[{"type": {"text": "x"}}]), Gvhd(acute=(AcuteGvhd(ONSET),))),
    "acute, over": (
        gvhd(ME, clinicalStatus=code("resolved", CLINICAL), abatementDateTime="2026-05-15T10:00:00Z"),
        Gvhd(acute=(AcuteGvhd(ONSET, resolved=PartialDate("2026-05-15")),)),
    ),
    "chronic": (
        gvhd(ME, "cgvhd-severe", code=code("402356004", SNOMED)),
        Gvhd(chronic=(ChronicGvhd(ONSET, Word("severe")),)),
    ),
    "grade of an episode": (
        observation(ME, code("agvhd-overall-grade"), "2026-04-24", valueCodeableConcept=code("agvhd-2")) | FOCUS,
        Gvhd(acute=(AcuteGvhd(ONSET, course=(AcuteStep(PartialDate("2026-04-24"), Word("II")),)),)),
    ),
    "worst grade of an episode": (
        observation(ME, code("agvhd-overall-grade"), None, valueCodeableConcept=code("agvhd-2"), component=[STAGE])
        | FOCUS
        | PERIOD,
        Gvhd(acute=(AcuteGvhd(ONSET, Word("II"), skin=3),)),
    ),
    "severity of an episode": (
        observation(ME, code("cgvhd-nih-severity"), None, valueCodeableConcept=code("cgvhd-mild")) | FOCUS | PERIOD,
        Gvhd(chronic=(ChronicGvhd(ONSET, Word("mild")),)),
    ),
    "treatment of an episode": (
        observation(
            ME,
            code("gvhd-treatment"),
            component=[
                {"code": code("gvhd-treatment"), "valueCodeableConcept": code("gvhd-treatment-ecp")},
                {"code": code("agvhd-steroid-refractory"), "valueBoolean": False},
            ],
        )
        | FOCUS,
        Gvhd(acute=(AcuteGvhd(ONSET, treatment=(Word("ecp"),), steroid_refractory=False),)),
    ),
    "after an infusion": (
        observation(ME, code("gvhd-treatment"), component=[{"code": code("cgvhd-after-dli"), "valueInteger": 1}])
        | FOCUS,
        Gvhd(chronic=(ChronicGvhd(ONSET, after_dli=1),)),
    ),
    "no GVHD": (
        observation(ME, code("gvhd-assessment"), valueBoolean=False),
        Gvhd(assessed=DAY, acute=(), chronic=()),
    ),
    "no acute GVHD": (
        observation(
            ME,
            code("gvhd-assessment"),
            valueBoolean=False,
            component=[{"code": code("402355000", SNOMED), "valueBoolean": False}],
        ),
        Gvhd(assessed=DAY, acute=()),
    ),
    "infection": (
        condition("28944009", severity=code("infection-severe"), bodySite=[code("site-blood")]),
        (Infection(DAY, UNKNOWN, Word("cmv"), Word("blood"), Word("severe")),),
    ),
    "infection by our word": (
        condition("infection-kind-other", system="https://engraft.example/fhir/CodeSystem/engraft"),
        (Infection(DAY, Word("other")),),
    ),
    "agent": (
        observation(ME, code("infection-agent"), valueCodeableConcept=code("agent-ebv")) | FOCUS,
        (Infection(ONSET, UNKNOWN, Word("ebv")),),
    ),
    "quality of life": (
        observation(
            ME,
            code("quality-of-life"),
            method=code("instrument-fact-bmt"),
            component=[
                {"code": {"text": "total"}, "valueQuantity": amount("101", "1")},
                {"code": code("instrument-version"), "valueString": "4"},
            ],
        ),
        QualityOfLife(Word("FACT-BMT"), DAY, "4", (("total", Decimal(101)),)),
    ),
    "drug": (
        statement(start="2026-03-08", end="2026-05-31"),
        Immunosuppression(
            drugs=(Immunosuppressant(Word("ciclosporin"), PartialDate("2026-03-08"), PartialDate("2026-05-31")),)
        ),
    ),
    "no immunosuppression": (
        observation(ME, code("immunosuppression-status"), valueBoolean=False),
        Immunosuppression(assessed=DAY, drugs=()),
    ),
    "dose": (
        dose(dosage={"dose": amount("350", "mg"), "text": "slowly"}),
        (Administration("thiotepa", PartialDate("2026-02-17"), given=Measured(Decimal(350), "mg")),),
    ),
    "dose not given": (
        dose("not-done"),
        (Administration("thiotepa", PartialDate("2026-02-17"), given=Missing("not-performed")),),
    ),
    "infusion": (INFUSION, (Dli(2, DAY),)),
    "infusion without its number": (procedure("dli"), (Dli(UNKNOWN, DAY),)),
    "withheld": (
        procedure("prophylactic-dli", "not-done", statusReason=code("withheld-infection"), extension=NUMBER),
        (DliWithheld(2, DAY, Word("infection")),),
    ),
    "transfusion": (procedure("platelet-transfusion"), Engraftment(platelet_transfusions=(DAY,))),
    "alive": (
        observation(ME, code("vital-status"), valueCodeableConcept=code("438949009", SNOMED)),
        VitalStatus(Word("alive"), DAY),
    ),
    "cause of death": (
        observation(ME, code("79378-6", LOINC), valueCodeableConcept=code("cause-gvhd")),
        VitalStatus(Word("dead"), DAY, Word("gvhd")),
    ),
    "death": (
        {"resourceType": "Patient", "deceasedDateTime": "2026-03-17T10:00:00+01:00"},
        VitalStatus(Word("dead"), DAY),
    ),
    "death on a day that is not known": (
        {"resourceType": "Patient", "deceasedBoolean": True},
        VitalStatus(Word("dead"), UNKNOWN),
    ),
}
ABOUT = {
    "severity of an episode": CHRONIC,
    "after an infusion": CHRONIC,
    "agent": INFECTION,
    "cells": INFUSION,
}


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_it_is_what_a_form_would_tell(name):
    resource, expected = UNDERSTOOD[name]
    about = [ABOUT.get(name, EPISODE)] if "focus" in resource else []
    assert section(resource, *about) == expected


def test_cells_belong_to_their_infusion():
    cells = observation(ME, code("dli-cd3-per-kg"), valueQuantity=amount("1", "10*6/kg"))
    said = section(cells | {"partOf": [{"reference": "Procedure/i"}]}, INFUSION)
    assert said == (Dli(2, DAY, Measured(Decimal(1), "10*6/kg")),)


def test_the_visit_is_on_the_day_of_telling_or_on_a_later_one_that_is_told():
    assert understood(anc(ME)).date == PartialDate("2026-05-01")
    assert understood(anc(ME), on=date(2026, 1, 1)).date == DAY
    assert understood(anc(ME, on="2026-03"), on=date(2026, 1, 1)).date == PartialDate("2026-01-01")
    assert understood(UNDERSTOOD["karnofsky"][0]).date == DAY
    assert understood(UNDERSTOOD["dose"][0], on=date(2026, 1, 1)).date == PartialDate("2026-02-17")
    assert understood(UNDERSTOOD["death"][0]).key == "FR-037/P-1/fhir/X/1"


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ({"issued": "2026-03-18T06:00:00Z"}, date(2026, 3, 18)),
        ({"recordedDate": "2026-03-19"}, date(2026, 3, 19)),
        ({"dateAsserted": "2026-03"}, ON),
        ({}, ON),
    ],
)
def test_the_day_of_telling_is_the_senders_or_that_of_receipt(said, day):
    assert pushed.told_on(said, ON) == day


def test_an_id_of_the_centres_own_tells_two_items_of_a_day_apart():
    assert understood(anc(ME), own="lab 7").engraftment.counts[0].id == "lab 7"
    assert understood(gvhd(ME), own="e1").gvhd.acute[0].id == "e1"
    assert understood(UNDERSTOOD["response"][0], own="x").response == UNDERSTOOD["response"][1]


def test_nothing_is_kept_but_what_is_read():
    said = gvhd(ME, "agvhd-2", text={"div": "x"}, note=[{"text": "y"}], asserter={"display": "Dr Z"}, id="c")
    said["stage"][0]["assessment"] = [{"reference": "Observation/1"}]
    assert set(pushed.kept(said)) == {
        "resourceType",
        "clinicalStatus",
        "verificationStatus",
        "code",
        "onsetDateTime",
        "stage",
    }
    assert pushed.kept(said)["stage"] == [{"summary": code("agvhd-2")}]
    assert pushed.kept(observation(ME, code("x"), valueBoolean=False))["valueBoolean"] is False
    assert "dosage" not in pushed.kept(dose(dosage={"text": "slowly"}))
    context = pushed.context(said)
    assert context == {"resourceType": "Condition", "id": "c", "code": said["code"], "onsetDateTime": "2026-04-20"}


@pytest.mark.parametrize("name", ["implicitRules", "modifierExtension"])
def test_what_changes_the_meaning_of_the_rest_is_refused(name):
    with pytest.raises(FaultyInput) as refused:
        pushed.kept(anc(ME, **{name: "x"}))
    assert [fault.path for fault in refused.value.faults] == [f"Observation.{name}"]


def test_a_code_that_is_there_without_a_coding_is_not_told():
    assert section(gvhd(ME, verificationStatus={"text": "sure"})) == Gvhd(acute=(AcuteGvhd(ONSET),))
    assert replace(section(condition("234522008")), date=DAY) == Relapse(DAY)
