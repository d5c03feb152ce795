"""Counts, transfusions and vital status of others, and what they show together."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from mappings.facts import Missing, PartialDate, Response, VitalStatus, Word
from mappings.registry.blood_facts import Transfusion, shown_recovery
from mappings.registry.course import read
from tests.lib.pushing import LOINC, SNOMED, amount, code, observation

ME = "Patient/p"
DAY = PartialDate("2026-03-17")


def facts(*resources):
    (course,) = read({"id": f"r{n}", "subject": {"reference": ME}} | one for n, one in enumerate(resources))
    return course.facts


def count(value, day, which="26499-4", **more):
    return observation(ME, code(which, LOINC), day, **{"valueQuantity": amount(value, "10*9/L"), **more})


def transfusion(day="2026-03-17", status="completed", **more):
    said = {"resourceType": "Procedure", "status": status, "code": code("platelet-transfusion")}
    return said | ({"performedDateTime": day} if day else {}) | more


RISING = [count(value, f"2026-03-{day}") for day, value in ((10, "0.1"), (16, "0.5"), (17, "0.6"), (18, "0.7"))]


def test_recovery_is_shown_by_counts_of_anyone():
    found = facts(*RISING, count("0.4", "2026-03"), count("0.4", "2026-03-17", status="cancelled"))
    shown = shown_recovery("neutrophils", found.counts, found.transfusions, date(2026, 3, 2))
    assert shown.day == date(2026, 3, 16)
    assert shown_recovery("platelets", found.counts, found.transfusions, date(2026, 3, 2)) is None


def test_platelets_after_a_transfusion_do_not_count():
    rising = [
        count(value, f"2026-03-{day}", "26515-7") for day, value in ((10, "9"), (16, "25"), (17, "30"), (18, "35"))
    ]
    for given, day in (([], date(2026, 3, 16)), ([transfusion("2026-03-12"), transfusion(None)], None)):
        found = facts(*rising, *given)
        shown = shown_recovery("platelets", found.counts, found.transfusions, date(2026, 3, 2))
        assert (shown and shown.day) == day


@pytest.mark.parametrize(
    ("status", "given"),
    [
        ("completed", True),
        ("not-done", False),
        ("unknown", Missing("unknown")),
    ],
)
def test_a_transfusion_was_given_or_not(status, given):
    assert [one.fact for one in facts(transfusion(status=status)).transfusions] == [Transfusion(DAY, given)]


def test_a_planned_transfusion_is_none():
    assert facts(transfusion(status="preparation")).transfusions == ()


def test_a_count_by_an_analyser_is_a_count():
    (found,) = facts(count("0.6", "2026-03-17", "751-8")).counts
    assert (found.fact.of, found.fact.value.value) == ("neutrophils", Decimal("0.6"))


def test_blasts_and_residual_disease_of_a_day_without_a_category_are_one_response():
    blasts = observation(ME, code("11150-0", LOINC), valueQuantity=amount("3", "%"))
    mrd = observation(ME, code("aml-mrd"), valueCodeableConcept=code("mrd-positive"))
    (one,) = facts(blasts, mrd).responses
    assert (one.fact.category, one.fact.marrow_blasts_percent, one.fact.mrd.result.key) == (
        None,
        Decimal(3),
        "positive",
    )
    assert one.source == "Observation/r0"


def test_blasts_of_the_day_belong_to_a_response_that_names_none():
    response = observation(ME, code("97509-4", LOINC), valueCodeableConcept=code("103338009", SNOMED))
    blasts = observation(ME, code("11150-0", LOINC), valueQuantity=amount("3", "%"))
    other = observation(ME, code("11150-0", LOINC), "2026-06-01", valueQuantity=amount("9", "%"))
    found = [one.fact for one in facts(response, blasts, other).responses]
    assert found == [
        Response(DAY, Word("CR"), Decimal(3)),
        Response(PartialDate("2026-06-01"), None, Decimal(9)),
    ]


def vital(answer, on="2026-03-17"):
    return observation(ME, code("vital-status"), on, valueCodeableConcept=code(answer, SNOMED))


def cause(on):
    return observation(ME, code("79378-6", LOINC), on, valueCodeableConcept=code("cause-gvhd"))


@pytest.mark.parametrize("on", ["2026-03-17", "2026-03-18"])
def test_the_cause_stands_beside_the_death(on):
    alive, dead = (
        one.fact for one in facts(vital("438949009", "2026-03-01"), vital("419099009"), cause(on)).vital_status
    )
    assert alive == VitalStatus(Word("alive"), PartialDate("2026-03-01"))
    assert dead == VitalStatus(Word("dead"), DAY, Word("gvhd"))


def test_a_death_without_a_cause_has_none():
    (dead,) = facts(vital("419099009")).vital_status
    assert dead.fact.cause is None


@pytest.mark.parametrize(("said", "score"), [({"valueInteger": 0}, 0), ({"valueQuantity": amount("80", "%")}, 80)])
def test_a_performance_is_a_whole_number(said, score):
    (found,) = facts(observation(ME, code("89243-0", LOINC), **said)).performance
    assert found.fact.karnofsky == score
    (odd,) = facts(observation(ME, code("89243-0", LOINC), valueQuantity=amount("80.5", "%"))).performance
    assert odd.fact.karnofsky is None
