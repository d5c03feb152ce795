"""The plan day by day: nothing planned is missing, nothing given is lost, no free day looks like a dose."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.facts import PartialDate
from mappings.plan.amounts import plain
from mappings.plan.calendar import UNPLANNED, amount, calendar, span_of, spans, weekday
from mappings.plan.marks import Mark
from mappings.plan.reading import Item, Kind, read
from tests.lib.plans import GRAFT, a_plan

ITEMS = read(a_plan(intent="plan").applied.resources)


def mark(action, when, words="350 mg", day=""):
    return Mark(action, PartialDate(when), words, day)


def on(label, done=(), items=ITEMS):
    """The lines of one protocol day."""
    found = [day for day in calendar(items, done).days if day.label == label and day.lines]
    return found[0].lines if found else ()


def line(label, action, done=()):
    (found,) = [one for one in on(label, done) if one.item.action == action and one.item.reference]
    return found


def test_days_run_from_thirteen_before_the_graft_to_the_last_visit():
    days = calendar(ITEMS).days
    assert (days[0].label, days[0].first, days[0].lines[0].item.action) == ("D-13", date(2026, 2, 17), "thiotepa")
    assert (days[-1].first, days[-1].lines[0].item.action) == (date(2028, 3, 2), "visit-m24")
    assert {"pdli-1", "pdli-2", "pdli-3"} == {one.item.action for one in on("D+120")}


def test_no_date_is_left_out_and_none_stands_twice():
    days = calendar(ITEMS).days
    for before, after in pairwise(days):
        assert after.first == before.last + timedelta(days=1)


def test_days_on_which_nothing_is_planned_are_told_as_such():
    free = {(day.label, day.last_label) for day in calendar(ITEMS).days if not day.lines}
    assert ("D+1", "D+2") in free
    assert ("D+4", "D+4") in free
    assert ("D+93", "D+119") in free
    assert not any(label in ("D-8", "D-7", "D-6") for label, _ in free), "rest days are planned"


@pytest.mark.parametrize("day", ["D-8", "D-7", "D-6"])
def test_rest_days_stand_on_each_of_their_days(day):
    assert [one.item.action for one in on(day)] == ["rest"]


def test_immunosuppression_stands_on_every_day_and_through_the_window_of_its_taper():
    def days(action):
        return [day.label for day in calendar(ITEMS).days if any(one.item.action == action for one in day.lines)]

    assert days("mycophenolate") == [f"D+{day}" for day in range(6, 57)]
    assert days("ciclosporin") == [f"D+{day}" for day in range(6, 91)]


def test_in_the_window_of_a_taper_the_full_dose_goes_on_and_the_line_says_which_taper():
    assert line("D+34", "mycophenolate").taper is None
    tapering = line("D+35", "mycophenolate")
    assert tapering.taper
    assert (tapering.taper.action, amount(tapering.item)) == ("mycophenolate-taper", "1000 mg x 2")


def test_a_gate_is_told_once_on_the_day_from_which_it_may_open():
    noticed = {day.label: day.notices for day in calendar(ITEMS).days if day.notices}
    assert set(noticed) == {"D+35", "D+62", "D+120"}
    (taper,) = noticed["D+35"]
    assert (taper.titles, taper.last_label) == (("Taper of mycophenolate",), "D+56")
    assert "no active GVHD" in taper.text
    (pdli,) = noticed["D+120"]
    assert [title[-1] for title in pdli.titles] == ["1", "2", "3"]
    assert "immunosuppression stopped for at least 1 month" in pdli.text
    assert pdli.last_label == ""


def test_a_gate_without_an_order_of_its_own_words_is_told_by_its_condition():
    gated = Item("ServiceRequest/1", "dli", Kind.PROCEDURE, "DLI", first=GRAFT, gate="Only with: no GVHD")
    (day,) = calendar([gated]).days
    assert day.notices[0].text == "Only with: no GVHD"


def test_day_zero_is_that_of_the_graft_or_counted_from_the_days_that_are_named():
    assert calendar(ITEMS).day_zero == GRAFT
    without = [item for item in ITEMS if item.action != "graft"]
    assert calendar(without).day_zero == GRAFT
    assert calendar([item for item in ITEMS if not item.day]).day_zero is None


def test_what_has_no_date_stands_apart():
    assert [one.item.action for one in calendar(ITEMS).open] == ["visit-baseline"]
    undated = read(a_plan(intent="plan", draft=True, day_zero=None).applied.resources)
    found = calendar(undated)
    assert (found.days, found.day_zero, len(found.open)) == ((), None, len(undated))


@pytest.mark.parametrize(
    ("done", "label", "told"),
    [
        (mark("thiotepa", "2026-02-17"), "D-13", "350 mg"),
        (mark("thiotepa", "2026-02-17", day="D-13"), "D-13", "350 mg"),
        (mark("busulfan", "2026-02-26", "225 mg", "D-5"), "D-5", "225 mg, 2026-02-26"),
        (mark("busulfan", "2026-02-26", "225 mg"), "D-4", "225 mg"),
        (mark("mycophenolate", "2026-03-09", "2000 mg"), "D+7", "2000 mg"),
        (mark("mycophenolate", "2026-03-09", "2000 mg", "D+7"), "D+7", "2000 mg"),
        (mark("mycophenolate", "2026-04-10", "1500 mg"), "D+39", "1500 mg"),
        (mark("graft", "2026-03-03", "given"), "D0", "given, 2026-03-03"),
        (mark("visit-m3", "2026-06-05", "reported"), "D+92", "reported, 2026-06-05"),
        (mark("pdli-1", "2026-07", "CD3 0.1 10*6/kg"), "D+120", "CD3 0.1 10*6/kg, 2026-07"),
    ],
)
def test_what_was_done_stands_beside_what_was_planned(done, label, told):
    assert line(label, done.action, [done]).marks == (told,)


def test_nothing_else_is_marked():
    done = [mark("busulfan", "2026-02-26", "225 mg", "D-5")]
    marked = [one for day in calendar(ITEMS, done).days for one in day.lines if one.marks]
    assert len(marked) == 1


def test_a_dose_that_was_not_planned_keeps_a_line_of_its_own():
    (stranger,) = [one for one in on("D-7", [mark("etoposide", "2026-02-23", "180 mg")]) if one.marks]
    assert (stranger.item.title, stranger.marks, stranger.item.text) == ("Etoposide", ("180 mg",), UNPLANNED)
    (unknown,) = [one for one in on("D+1", [mark("placebo", "2026-03-03")]) if one.marks]
    assert unknown.item.title == "placebo"


def test_two_doses_of_a_day_are_both_told():
    done = [mark("mycophenolate", "2026-03-09", "1000 mg"), mark("mycophenolate", "2026-03-09", "500 mg")]
    assert line("D+7", "mycophenolate", done).marks == ("1000 mg", "500 mg")


def test_what_was_done_on_no_known_day_and_was_not_planned_is_still_told():
    fourth = mark("pdli-4", "2026-09", "CD3 1 10*6/kg")
    assert calendar(ITEMS, [fourth]).loose == (fourth,)


def test_a_visit_that_the_protocol_does_not_date_is_marked_where_it_stands():
    (baseline,) = calendar(ITEMS, [mark("visit-baseline", "2026-02-14", "reported")]).open
    assert baseline.marks == ("reported, 2026-02-14",)


def test_an_unscheduled_visit_is_no_part_of_the_plan():
    done = [mark("visit-unscheduled", "2026-03-03", "reported")]
    assert calendar(ITEMS, done) == calendar(ITEMS)


def test_an_order_that_stayed_at_its_old_date_keeps_its_day():
    """The graft moved by a week after thiotepa was given: it stays D-13 of the protocol, on its old date."""
    moved = read(a_plan(day_zero=GRAFT + timedelta(days=7), intent="plan").applied.resources)
    stayed = [replace(item, first=date(2026, 2, 17)) if item.action == "thiotepa" else item for item in moved]
    first = calendar(stayed, [mark("thiotepa", "2026-02-17", day="D-13")]).days[0]
    assert (first.first, first.label) == (date(2026, 2, 17), "D-20")
    assert (first.lines[0].item.day, first.lines[0].marks) == ("D-13", ("350 mg",))


@given(
    st.lists(
        st.builds(
            Mark,
            st.sampled_from(sorted({item.action for item in ITEMS} | {"another"})),
            st.sampled_from(["2026-02-17", "2026-03-09", "2026-07", "2027", "2026-01-01"]).map(PartialDate),
            st.uuids().map(str),
            st.sampled_from(["", "D-13", "D+7", "D0", "D+400"]),
        ),
        max_size=8,
    )
)
def test_nothing_that_was_done_is_lost_and_nothing_is_told_twice(done):
    found = calendar(ITEMS, done)
    lines = [one for day in found.days for one in day.lines] + list(found.open)
    told = [words for one in lines for words in one.marks] + [one.words for one in found.loose]
    assert sorted(words[:36] for words in told) == sorted(one.words for one in done)


def test_equal_days_in_a_row_are_one_span_and_a_free_day_is_never_swallowed():
    folded = {(span.item.action, span.first_day, span.last_day) for span in spans(ITEMS)}
    assert ("cyclophosphamide", "D-12", "D-9") in folded
    assert ("rest", "D-8", "D-6") in folded
    assert ("mycophenolate", "D+6", "D+34") in folded
    assert ("ciclosporin", "D+6", "D+61") in folded
    assert {span[1:] for span in folded if span[0] == "ptcy"} == {("D+3", "D+3"), ("D+5", "D+5")}


def test_spans_come_by_date_and_what_has_none_last():
    found = spans(ITEMS)
    dates = [span.first for span in found if span.first]
    assert dates == sorted(dates)
    assert found[-1].item.action == "visit-baseline"


def test_another_amount_begins_another_span():
    more = [replace(item, mg=Decimal(1)) if item.day == "D-10" else item for item in ITEMS]
    days = [(s.first_day, s.last_day) for s in spans(more) if s.item.action == "cyclophosphamide"]
    assert days == [("D-12", "D-11"), ("D-10", "D-10"), ("D-9", "D-9")]


def test_days_are_folded_without_dates_too():
    undated = read(a_plan(intent="plan", draft=True, day_zero=None).applied.resources)
    folded = {(span.item.action, span.first_day, span.last_day) for span in spans(undated)}
    assert ("fludarabine", "D-5", "D-1") in folded
    assert {span[1] for span in folded if span[0] == "ptcy"} == {"D+3", "D+5"}


def test_a_gated_infusion_has_a_first_day_and_no_last():
    (pdli,) = [item for item in ITEMS if item.action == "pdli-1"]
    assert (span_of(pdli, ITEMS).first_day, span_of(pdli, ITEMS).last) == ("D+120", None)


def test_a_course_that_nothing_ends_has_no_last_day():
    (course,) = [item for item in ITEMS if item.action == "ciclosporin"]
    alone = span_of(course, [course])
    assert (alone.first, alone.last, alone.first_day) == (date(2026, 3, 8), None, "D+6")
    assert [day.first for day in calendar([course]).days] == [date(2026, 3, 8)]


def test_a_course_with_an_end_of_its_own_keeps_it():
    (course,) = [item for item in ITEMS if item.action == "ciclosporin"]
    ended = replace(course, last=date(2026, 3, 10))
    assert [day.first.day for day in calendar([ended]).days] == [8, 9, 10]


@pytest.mark.parametrize(
    ("mg", "doses", "told"),
    [(None, 2, ""), ("350.0", 1, "350 mg"), ("1000", 2, "1000 mg x 2"), ("55.30", None, "55.3 mg")],
)
def test_an_amount_is_one_dose_and_how_often(mg, doses, told):
    assert amount(Item("r", "a", Kind.DOSE, "t", mg=mg and Decimal(mg), doses=doses)) == told


@pytest.mark.parametrize(("value", "told"), [("100", "100"), ("100.0", "100"), ("0.50", "0.5"), ("1E+3", "1000")])
def test_numbers_are_written_plainly(value, told):
    assert plain(Decimal(value)) == told


def test_weekdays_are_those_of_the_calendar():
    assert [weekday(date(2026, 3, day)) for day in range(2, 9)] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
