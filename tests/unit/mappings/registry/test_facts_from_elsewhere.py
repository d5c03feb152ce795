"""Facts of FHIR that others wrote, by its codes alone; and of our own after de-identification."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mappings.facts import (
    AcuteGvhd,
    Administration,
    ChronicGvhd,
    Dli,
    DliWithheld,
    Immunosuppressant,
    Infection,
    Measured,
    Missing,
    PartialDate,
    Relapse,
    Word,
)
from mappings.registry.course import read
from mappings.registry.course_facts import NOTHING, CourseFacts
from mappings.registry.deidentify import deidentify
from tests.lib import leaves
from tests.unit.mappings.registry.patients import KEY, course_of

SNOMED = "http://snomed.info/sct"
DAY = PartialDate("2026-07-01")


def code(value, system=SNOMED):
    return {"coding": [{"system": system, "code": value}]}


def facts(*resources) -> CourseFacts:
    (course,) = read({"id": f"r{n}", "subject": {"reference": "Patient/p"}} | one for n, one in enumerate(resources))
    return course.facts


def only(entries):
    (entry,) = entries
    return entry.fact


def condition(value, **said):
    return {"resourceType": "Condition", "code": code(value), "onsetDateTime": "2026-07-01"} | said


def test_gvhd_is_told_by_its_code():
    acute, chronic = condition("402355000"), condition("402356004", abatementDateTime="2026-08-01T10:00:00+02:00")
    found = facts(acute, chronic)
    assert only(found.acute_gvhd) == AcuteGvhd(DAY)
    assert only(found.chronic_gvhd) == ChronicGvhd(DAY, resolved=PartialDate("2026-08-01"))
    assert found.chronic_gvhd[0].source == "Condition/r1"


@pytest.mark.parametrize("status", ["refuted", "entered-in-error"])
def test_what_was_taken_back_is_no_fact(status):
    said = code(status, "http://terminology.hl7.org/CodeSystem/condition-ver-status")
    assert facts(condition("402355000", verificationStatus=said)) == NOTHING


@pytest.mark.parametrize("value", ["1259237005", "234522008"])
def test_a_relapse_that_rests_on_no_observation_has_no_kind(value):
    evidence = [{"detail": [{"reference": "Observation/elsewhere"}]}]
    assert only(facts(condition(value, evidence=evidence)).relapses) == Relapse(DAY, None)


@pytest.mark.parametrize(
    ("value", "kind", "agent"),
    [("65553006", None, "aspergillus"), ("3218000", "fungal", None), ("34014006", "viral", None)],
)
def test_an_infection_is_told_by_what_its_code_means(value, kind, agent):
    words = (Word(word) if word else None for word in (kind, agent))
    assert only(facts(condition(value)).infections) == Infection(DAY, *words)


def test_another_condition_is_none_of_these():
    assert facts(condition("38341003")) == NOTHING


@pytest.mark.parametrize("written", ["someday", "2026-13", ""])
def test_a_date_that_is_none_is_not_told(written):
    assert only(facts(condition("402355000", onsetDateTime=written)).acute_gvhd) == AcuteGvhd(None)


def test_an_extension_that_gives_no_reason_is_no_reason():
    place = {"extension": [{"url": "http://a.example", "valueString": "x"}]}
    said = condition("402355000", _onsetDateTime=place)
    del said["onsetDateTime"]
    assert only(facts(said).acute_gvhd) == AcuteGvhd(None)


def statement(status, drug="387467008", **period):
    taken = {"resourceType": "MedicationStatement", "status": status, "medicationCodeableConcept": code(drug)}
    return taken | ({"effectivePeriod": period} if period else {})


@pytest.mark.parametrize(
    ("status", "stopped"),
    [
        ("active", None),
        ("completed", Missing("unknown")),
        ("stopped", Missing("unknown")),
        ("on-hold", Missing("unknown")),
    ],
)
def test_a_drug_that_is_no_longer_taken_has_a_stop_that_is_not_known(status, stopped):
    ciclosporin = Word("ciclosporin")
    found = only(facts(statement(status, start="2026-03-08")).immunosuppressants)
    assert found == Immunosuppressant(ciclosporin, PartialDate("2026-03-08"), stopped)
    ended = only(facts(statement(status, end="2026-07-01")).immunosuppressants)
    assert ended == Immunosuppressant(ciclosporin, None, DAY)


@pytest.mark.parametrize("other", [statement("not-taken"), statement("intended"), statement("active", "387508004")])
def test_a_drug_that_was_not_taken_or_suppresses_no_immunity_is_none_of_these(other):
    assert facts(other) == NOTHING


def dose(status="completed", drug="387508004", **said):
    given = {"resourceType": "MedicationAdministration", "status": status, "effectiveDateTime": "2026-07-01"}
    return given | {"medicationCodeableConcept": code(drug)} | said


def test_a_dose_is_told_by_its_drug():
    amount = {"dose": {"value": Decimal("350.0"), "unit": "mg"}}
    found = only(facts(dose(dosage=amount)).doses)
    assert found == Administration("thiotepa", PartialDate("2026-07-01"), given=Measured(Decimal("350.0"), "mg"))
    assert facts(dose(drug="38341003")) == NOTHING
    assert facts(dose("entered-in-error")) == NOTHING


def test_a_dose_that_was_not_given_says_so():
    assert only(facts(dose("not-done", statusReason=[code("38341003")])).doses).given == Missing("not-performed")


def test_an_order_of_elsewhere_names_no_day_of_ours():
    request = {"identifier": {"system": "http://a.example", "value": "c/busulfan/D-5"}}
    assert only(facts(dose(request=request)).doses).day is None


def infusion(status="completed", value="dli", **said):
    ours = "https://engraft.example/fhir/CodeSystem/engraft"
    return {
        "resourceType": "Procedure",
        "status": status,
        "code": code(value, ours),
        "performedDateTime": "2026-07-01",
    } | said


@pytest.mark.parametrize("value", ["dli", "prophylactic-dli"])
@pytest.mark.parametrize("status", ["completed", "in-progress", "stopped"])
def test_an_infusion_is_given_by_either_code(status, value):
    assert only(facts(infusion(status, value)).infusions) == Dli(None, DAY)


def test_an_infusion_that_was_not_done_is_withheld():
    extension = [{"url": "http://a.example", "valueInteger": 9}]
    found = facts(infusion("not-done", extension=extension))
    assert only(found.withheld) == DliWithheld(None, DAY, None)
    assert found.infusions == ()


@pytest.mark.parametrize("other", [infusion("preparation"), infusion("unknown"), infusion(value="conditioning")])
def test_what_was_no_infusion_is_none(other):
    assert facts(other) == NOTHING


def observation(value, **said):
    ours = "https://engraft.example/fhir/CodeSystem/engraft"
    return {"resourceType": "Observation", "status": "final", "code": code(value, ours)} | said


def test_an_observation_without_a_value_that_nothing_rests_on_is_no_fact():
    reason = {"dataAbsentReason": code("not-performed", "http://terminology.hl7.org/CodeSystem/data-absent-reason")}
    said = [observation(item, **reason) for item in ("relapse-kind", "donor-chimerism-percent", "quality-of-life")]
    assert facts(*said) == NOTHING
    assert facts(observation("relapse-kind", status="cancelled")) == NOTHING


def test_a_score_that_has_lost_its_name_is_not_told():
    scores = [{"code": {"text": ""}, "valueInteger": 7}, {"code": code("736535009"), "valueQuantity": {"value": 75}}]
    assert only(facts(observation("quality-of-life", component=scores)).quality_of_life).scores == (
        ("VAS", Decimal(75)),
    )


EXAMPLES = [leaves.full(kind) for kind in ("enrolment", "follow_up")]


def counted(found):
    return {name: len(getattr(found, name)) for name in CourseFacts.__dataclass_fields__}


def test_every_fact_of_the_interfaces_example_is_read():
    (course,) = read(course_of(*EXAMPLES))
    assert all(counted(course.facts).values()), counted(course.facts)
    ciclosporin = [told for told in course.facts.immunosuppressants if told.fact.drug == Word("ciclosporin")]
    assert [(told.fact.stopped, told.on) for told in ciclosporin] == [
        (PartialDate("2026-05-31"), PartialDate("2026-09-02"))
    ]


def test_they_are_still_facts_once_they_have_left_the_centre():
    """Words, cells and intervals stay; days are moved, words of free text and the names of orders stay at home."""
    before, after = (read(course_of(*EXAMPLES))[0], read(deidentify(course_of(*EXAMPLES), KEY).resources)[0])
    assert counted(after.facts) == counted(before.facts)
    moved = after.day_zero.day - before.day_zero.day

    def days(course, shift):
        stops = [told.fact.stopped.exact for told in course.facts.immunosuppressants]
        onsets = [told.fact.onset.exact for told in course.facts.chronic_gvhd]
        return [day + shift for day in (*stops, *onsets, *(told.fact.date.exact for told in course.facts.infusions))]

    assert days(before, moved) == days(after, moved * 0)
    chronic = after.facts.chronic_gvhd[0].fact
    assert (chronic.severity, chronic.organs, chronic.after_dli) == (Word("mild"), (("mouth", 1),), 1)
    assert after.facts.infusions[0].fact.number == 1
    assert after.facts.infusions[0].fact.cd3_per_kg == before.facts.infusions[0].fact.cd3_per_kg
    assert after.facts.doses[0].fact.given == before.facts.doses[0].fact.given
    assert after.facts.quality_of_life[0].fact.scores == before.facts.quality_of_life[0].fact.scores


@pytest.mark.parametrize("value", [None, "busulfan", "", "c/"])
def test_an_order_of_ours_that_nobody_can_read_names_nothing(value):
    named = {"system": "https://engraft.example/fhir/sid/request"} | ({} if value is None else {"value": value})
    found = only(facts(dose(request={"identifier": named})).doses)
    assert (found.action, found.day) == ("thiotepa", None)


def test_the_line_of_a_definition_is_that_of_its_own_protocol(monkeypatch):
    """`set-haplo` would read `set-haplo-pdli-busulfan` as its own line `pdli-busulfan`."""
    monkeypatch.setattr("mappings.registry.treatment_facts.names", lambda: ("set-haplo", "set-haplo-pdli"))
    followed = ["https://engraft.example/fhir/ActivityDefinition/set-haplo-pdli-busulfan|0.1.0"]
    assert only(facts(dose(instantiates=followed)).doses).action == "busulfan"
