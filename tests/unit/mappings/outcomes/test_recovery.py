"""Engraftment as the counts show it, beside what the centre reports."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from mappings.intake import schema
from mappings.outcomes import map_course
from mappings.r4.build import Ids
from tests.lib.charts import AS_OF, ENROLMENT, chart, codes, mapped, of_profile, only, visit
from tests.lib.plans import COURSE

UNKNOWN = {"not_done": "unknown"}


def count(day, neutrophils=None, platelets=None, **more):
    said = {"neutrophils": neutrophils, "platelets": platelets}
    amounts = {
        line: {"value": Decimal(str(value)), "unit": "10*9/L"} for line, value in said.items() if value is not None
    }
    return {"date": f"2026-03-{day:02d}", **amounts, **more}


RISING = [count(10, 0), count(15, 0.2), count(16, 0.5), count(17, 0.8), count(18, 1.2)]


def reported(**said):
    return visit(engraftment={"counts": RISING, **said})


def shown(*visits, **enrolment):
    return of_profile(chart(*visits, **enrolment), "engraftment-date")


def test_the_day_is_the_first_of_three_and_rests_on_their_observations():
    resources = chart(reported())
    found = only(resources, "engraftment-date")
    assert codes(found["code"]) == {"engraftment-neutrophil-date"}
    assert found["valueDateTime"] == "2026-03-16"
    assert found["effectiveDateTime"] == "2026-03-18"
    counted = {f"Observation/{one['id']}": one for one in of_profile(resources, "blood-count")}
    days = [counted[one["reference"]]["effectiveDateTime"] for one in found["derivedFrom"]]
    assert days == ["2026-03-16", "2026-03-17", "2026-03-18"]
    assert "interpretation" not in found


def test_platelets_wait_for_seven_days_without_a_transfusion():
    rising = [count(day, platelets=value) for day, value in ((5, 9), (20, 25), (21, 30), (22, 35), (27, 40), (28, 41))]
    transfused = visit(engraftment={"counts": rising, "platelet_transfusions": ["2026-03-14", UNKNOWN]})
    (found,) = shown(transfused)
    assert (codes(found["code"]), found["valueDateTime"]) == ({"engraftment-platelet-date"}, "2026-03-21")


def test_an_agreeing_report_is_said_to_agree():
    for day in ("2026-03-16", "2026-03", "2026"):
        (found,) = shown(reported(neutrophils={"status": "engrafted", "date": day}))
        assert codes(found["interpretation"][0]) == {"agrees-with-report"}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"status": "engrafted", "date": "2026-03-18"}, "2026-03-18"),
        ({"status": "primary-graft-failure", "date": "2026-04-02"}, "primary-graft-failure"),
        ({"status": "never-below"}, "never-below"),
    ],
)
def test_a_contradicting_report_is_flagged_and_both_are_kept(status, told):
    resources = chart(reported(neutrophils=status))
    found = only(resources, "engraftment-date")
    assert codes(found["interpretation"][0]) == {"contradicts-report"}
    assert found["note"] == [{"text": f"The counts show 2026-03-16, the centre reports {told}. Both are kept."}]
    report = only(resources, "engraftment")
    assert report.get("effectiveDateTime") == status.get("date")


@pytest.mark.parametrize(
    "neutrophils",
    [
        {"status": "engrafted", "date": UNKNOWN},
        {"status": "not-evaluable"},
        {"status": UNKNOWN},
        UNKNOWN,
        {"status": "secondary-graft-failure", "date": "2026-07-01"},
    ],
)
def test_a_report_that_settles_nothing_is_not_judged(neutrophils):
    (found,) = shown(reported(neutrophils=neutrophils))
    assert "interpretation" not in found


def test_a_later_loss_is_another_event_than_the_engraftment():
    first = reported(neutrophils={"status": "engrafted", "date": "2026-03-16"})
    lost = visit("m12", "2026-10-01", engraftment={"neutrophils": {"status": "secondary-graft-failure"}})
    (found,) = shown(first, lost)
    assert codes(found["interpretation"][0]) == {"agrees-with-report"}


def test_counts_of_several_visits_are_put_together_and_each_visit_is_named():
    first = visit("m1", "2026-04-02", engraftment={"counts": RISING[:3]})
    second = visit("m3", "2026-06-01", engraftment={"counts": RISING[2:]})
    entries = mapped(first, second)
    (found,) = [one for one in entries if "engraftment-date|" in one.resource["meta"]["profile"][0]]
    assert found.resource["valueDateTime"] == "2026-03-16"
    assert found.sources == ("FR-SYN/SYN-0001/m3",)
    (both,) = [
        one
        for one in mapped(visit("m1", "2026-04-02", engraftment={"counts": RISING[:4]}), second)
        if "engraftment-date|" in one.resource["meta"]["profile"][0]
    ]
    assert both.resource["valueDateTime"] == "2026-03-16"


def test_a_count_that_a_later_visit_corrects_counts_as_corrected():
    corrected = visit("m12", "2026-10-01", engraftment={"counts": [count(16, 0.4), count(19, 1.3)]})
    (found,) = shown(reported(), corrected)
    assert found["valueDateTime"] == "2026-03-17"


@pytest.mark.parametrize(
    "counts",
    [
        UNKNOWN,
        [count(16, 0.5, date=UNKNOWN), *RISING[3:]],
        [count(16, 0.5, date="2026-03"), *RISING[3:]],
        [{"date": "2026-03-16", "neutrophils": UNKNOWN}, *RISING[3:]],
    ],
)
def test_what_is_not_known_shows_nothing(counts):
    counts = counts if counts is UNKNOWN else [*RISING[:2], *counts]
    assert shown(visit(engraftment={"counts": counts})) == []


def test_transfusions_said_to_be_missing_are_on_no_day():
    (found,) = shown(reported(platelet_transfusions=UNKNOWN))
    assert found["valueDateTime"] == "2026-03-16"


def test_without_a_graft_that_was_given_nothing_is_shown():
    assert shown(reported(), transplant={"date": "2026-03-02", "planned": True}) == []
    assert shown(reported(), transplant={"planned": False, "date": UNKNOWN}) == []
    assert shown(reported(), transplant=None) == []
    assert shown(visit(engraftment=UNKNOWN)) == []


def test_two_visits_that_date_one_recovery_differently_leave_both_dates():
    first = visit("m1", "2026-04-02", engraftment={"neutrophils": {"status": "engrafted", "date": "2026-03-16"}})
    second = visit("m3", "2026-06-01", engraftment={"neutrophils": {"status": "engrafted", "date": "2026-03-19"}})
    found = only(chart(first, second), "engraftment")
    assert found["effectiveDateTime"] == "2026-03-19"
    assert found["note"] == [{"text": "An earlier visit dated it 2026-03-16."}]
    assert "note" not in only(chart(second), "engraftment")


def test_blasts_that_were_told_without_a_category_make_no_response():
    told = schema.follow_up(visit(response={"date": "2026-08-30", "category": "CR", "marrow_blasts_percent": 1}), AS_OF)
    alone = replace(told, response=replace(told.response, category=None))
    resources = [entry.resource for entry in map_course(schema.enrolment(ENROLMENT, AS_OF), [alone], Ids(COURSE))]
    assert of_profile(resources, "response") == []
    assert only(resources, "marrow-blasts")["valueQuantity"]["value"] == 1


def test_an_item_takes_the_id_under_which_it_was_brought():
    plain = map_course(schema.enrolment(ENROLMENT, AS_OF), [schema.follow_up(reported(), AS_OF)], Ids(COURSE))
    count_of = next(one.resource["id"] for one in plain if "blood-count|" in one.resource["meta"]["profile"][0])
    ids = Ids(COURSE, adopted={count_of: "lab-77"})
    again = map_course(schema.enrolment(ENROLMENT, AS_OF), [schema.follow_up(reported(), AS_OF)], ids)
    assert {one.resource["id"] for one in plain} - {one.resource["id"] for one in again} == {count_of}
    assert "lab-77" in {one.resource["id"] for one in again}
