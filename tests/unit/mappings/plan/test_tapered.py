"""What a confirmed taper does to a plan: nothing that was called off comes back, nothing that ended is dosed anew."""

from __future__ import annotations

from datetime import date

import pytest

from mappings.plan import revision
from mappings.plan.calendar import calendar, span_of
from mappings.plan.reading import read
from mappings.plan.tapered import Confirmed, last_full_day, tapered
from tests.lib.plans import a_plan

PLAN = a_plan(intent="plan").applied.resources
BEFORE = {revision.reference_of(one): one for one in PLAN}
MMF = "mycophenolate-taper"
BEGUN = Confirmed(date(2026, 4, 6), None, "Dr A. Example", "Gate met.")
OVER = Confirmed(date(2026, 4, 6), date(2026, 5, 2), "Dr A. Example", "Gate met.")


def order(resources, action, kind):
    (found,) = [one for one in resources if one["resourceType"] == kind and revision.name_of(one)[0] == action]
    return found


def lines(said, label):
    items = read(tapered(PLAN, {}, {MMF: said} if said else {}))
    (day,) = [one for one in calendar(items).days if one.label == label and one.lines]
    return [line for line in day.lines if line.item.action == "mycophenolate"], day.notices


def test_the_last_full_day_is_the_one_before():
    assert last_full_day(BEGUN) == date(2026, 4, 5)


def test_without_a_confirmation_the_plan_is_as_it_was():
    assert tapered(PLAN, BEFORE, {}) == list(PLAN)


@pytest.mark.parametrize("kind", ["Task", "MedicationRequest"])
def test_what_was_called_off_stays_so(kind):
    off = [revision.withdrawn(one, "relapse") if one["resourceType"] == kind else one for one in PLAN]
    found = tapered(off, BEFORE, {MMF: BEGUN})
    assert order(found, MMF if kind == "Task" else "mycophenolate", kind)["status"] == "cancelled"


def test_a_full_dose_without_dates_gets_its_end():
    undated = a_plan(day_zero=None, draft=True, intent="plan").applied.resources
    found = order(tapered(undated, {}, {MMF: BEGUN}), "mycophenolate", "MedicationRequest")
    assert found["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"] == {"end": "2026-04-05"}


def test_a_full_dose_that_ended_on_another_day_gets_the_new_one():
    before = {revision.reference_of(one): one for one in tapered(PLAN, {}, {MMF: BEGUN})}
    later = Confirmed(date(2026, 4, 8), None, "Dr A. Example", "Gate met.")
    found = order(tapered(PLAN, before, {MMF: later}), "mycophenolate", "MedicationRequest")
    assert found["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"]["end"] == "2026-04-07"


def test_on_the_calendar_the_full_dose_ends_and_the_taper_has_no_amount():
    ((full,), _), ((first,), notices), ((last,), _) = (lines(OVER, day) for day in ("D+34", "D+35", "D+61"))
    assert (full.item.mg, full.taper) == (1000, None)
    for line in (first, last):
        assert line.item.mg is None
        assert line.taper is not None
        assert "mycophenolate" in line.item.title.lower()
    assert notices == ()
    assert first.first
    assert not last.first


def test_a_taper_that_goes_on_is_shown_to_the_end_of_its_window():
    assert lines(BEGUN, "D+56")[0][0].taper.begun == date(2026, 4, 6)
    assert lines(None, "D+56")[0][0].item.mg == 1000
    late = Confirmed(date(2026, 4, 28), None, "Dr A. Example", "")
    assert lines(late, "D+57")[0][0].first


def test_a_deviation_stands_on_the_taper_on_the_order_and_on_the_calendar():
    late = Confirmed(date(2026, 4, 28), None, "Dr A. Example", "Gate not met.", "seen late")
    found = tapered(PLAN, {}, {MMF: late})
    assert "seen late" in order(found, "mycophenolate", "MedicationRequest")["statusReason"]["text"]
    assert lines(late, "D+57")[0][0].taper.against == "DEVIATION from the protocol: seen late"
    assert lines(OVER, "D+35")[0][0].taper.against == ""


def test_its_span_is_what_was_confirmed():
    items = read(tapered(PLAN, {}, {MMF: OVER}))
    taper, full = (next(one for one in items if one.action == action) for action in (MMF, "mycophenolate"))
    assert (span_of(taper, items).first, span_of(taper, items).last) == (OVER.first, OVER.last)
    assert (span_of(full, items).last, span_of(full, items).last_day) == (date(2026, 4, 5), "D+34")
    late = read(tapered(PLAN, {}, {MMF: Confirmed(date(2026, 4, 28), None, "Dr A. Example", "")}))
    span = span_of(next(one for one in late if one.action == MMF), late)
    assert (span.first, span.last) == (date(2026, 4, 28), date(2026, 4, 28))
