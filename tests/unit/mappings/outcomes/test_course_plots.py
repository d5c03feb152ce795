"""The plots of a course: each thing once, where its day puts it, and all of it in the table as it was told."""

from __future__ import annotations

from datetime import date

from mappings.intake import schema
from mappings.outcomes.course_plots import BOTTOM, LEFT, RIGHT, TOP, plots

ZERO = date(2026, 3, 2)
AS_OF = date(2027, 12, 31)


def made(*forms):
    visits = [schema.follow_up({"centre": "FR-SYN", "patient": "SYN-1", **form}, AS_OF) for form in forms]
    return {plot.key: plot for plot in plots(visits, ZERO)}


def counts(*days, visit="m1", when="2026-04-02"):
    return {"visit": visit, "date": when, "engraftment": {"counts": list(days)}}


def count(day, value, unit="10*9/L", **more):
    return {"date": day, "neutrophils": {"value": value, "unit": unit, **more}}


def test_nothing_told_is_no_plot():
    assert made({"visit": "m1", "date": "2026-04-02"}) == {}
    missing = {"not_done": "not-performed"}
    form = {"visit": "m1", "date": "2026-04-02", "gvhd": missing, "chimerism": missing, "engraftment": missing}
    assert made(form) == {}
    inside = {"gvhd": {"acute": missing}, "engraftment": {"counts": missing}, "chimerism": []}
    assert made({"visit": "m1", "date": "2026-04-02", **inside}) == {}


def test_counts_stand_at_their_days_in_one_unit():
    plot = made(counts(count("2026-03-02", 0), count("2026-04-01", 500, "/uL")))["neutrophils"]
    assert (plot.title, plot.told) == ("Neutrophils (10*9/L)", "2 results from 0 to 0.500 10*9/L.")
    first, last = plot.marks
    assert (first.x, first.y) == (LEFT, BOTTOM)
    assert last.x == RIGHT, "D+30 is the last day of the shortest axis"
    assert plot.series == (("neutrophils", f"{first.x},{first.y} {last.x},{last.y}"),)
    assert plot.rows == (("neutrophils", "2026-03-02", "0 10*9/L"), ("neutrophils", "2026-04-01", "500 /uL"))
    assert [tick.label for tick in plot.days] == ["D0", "D+10", "D+20", "D+30"]


def test_a_bound_is_told_as_one_and_a_month_is_in_the_table_only():
    said = (count("2026-03-12", 1, comparator="<"), count("2026-04", 2))
    plot = made(counts(*said))["neutrophils"]
    (mark,) = plot.marks
    assert mark.bound
    assert mark.told == "neutrophils 2026-03-12: < 1 10*9/L"
    assert plot.told == "2 results from 1 to 2 10*9/L; 1 without an exact day, in the table only."
    assert ("neutrophils", "2026-04", "2 10*9/L") in plot.rows


def test_a_count_told_again_stands_once_as_it_was_told_last():
    again = counts(count("2026-03-12", 2), visit="m3", when="2026-06-02")
    plot = made(again, counts(count("2026-03-12", 1)))["neutrophils"]
    assert plot.rows == (("neutrophils", "2026-03-12", "2 10*9/L"),)


def test_counts_without_a_day_are_not_taken_for_each_other():
    undated = {"date": {"not_done": "unknown"}, "neutrophils": {"value": 1, "unit": "10*9/L"}}
    own = undated | {"id": "b", "neutrophils": {"value": 3, "unit": "10*9/L"}}
    bare = {"date": "2026-03-09", "platelets": {"value": 50, "unit": "10*9/L"}}
    found = made(counts(undated, own, bare))
    assert [row[1:] for row in found["neutrophils"].rows] == [
        *(("missing (unknown)", "1 10*9/L"), ("missing (unknown)", "3 10*9/L")),
    ]
    assert found["neutrophils"].marks == ()
    assert found["platelets"].values[-1].label == "100"


def test_nothing_but_zero_has_a_scale():
    assert made(counts(count("2026-03-12", 0)))["neutrophils"].values[-1].label == "1"


def test_chimerism_has_a_series_for_each_kind_of_cells_up_to_a_hundred():
    results = [
        {"date": "2026-04-01", "sample": "blood", "lineage": "whole-blood", "donor_percent": 99},
        {"date": "2026-04-01", "sample": "blood", "lineage": "t-cell", "donor_percent": 50},
        {"date": "2026-05-01", "lineage": "other", "text": "NK cells", "donor_percent": 98},
        {"date": "2026-05-02", "donor_percent": 97},
        {"date": "2026-05-03", "donor_percent": {"not_done": "error"}},
    ]
    plot = made({"visit": "m3", "date": "2026-06-02", "chimerism": results})["chimerism"]
    assert [name for name, _ in plot.series] == [
        *("NK cells", "T cells, Peripheral blood", "Whole blood, Peripheral blood", "cells not told"),
    ]
    assert (plot.values[0].at, plot.values[-1]) == (BOTTOM, (TOP, "100"))
    half = next(mark for mark in plot.marks if mark.told.startswith("T cells"))
    assert half.y == BOTTOM - (BOTTOM - TOP) // 2


def test_an_episode_across_visits_is_one_bar_from_its_onset_to_its_end():
    begun = {"onset": "2026-04-20", "grade": "II"}
    first = {"visit": "m3", "date": "2026-06-02", "gvhd": {"acute": [begun]}}
    ended = {"acute": [begun | {"grade": "III", "resolved": "2026-06-30"}], "chronic": [{"onset": "2026-08"}]}
    plot = made({"visit": "m6", "date": "2026-09-02", "gvhd": ended}, first)["gvhd"]
    assert plot.rows == (
        ("acute, grade III", "2026-04-20", "2026-06-30"),
        ("chronic, grade not told", "2026-08", "not told"),
    )
    acute, chronic = plot.bars
    assert (acute.open, chronic.open) == (False, True)
    assert acute.x + acute.width < chronic.x < RIGHT
    assert chronic.x + chronic.width == RIGHT, "it goes on to the last visit"
    assert chronic.y > acute.y + 20, "one below the other"


def test_an_episode_without_a_day_of_onset_is_in_the_table():
    said = {"onset": {"not_done": "unknown"}, "severity": "mild", "resolved": {"not_done": "unknown"}}
    plot = made({"visit": "m6", "date": "2026-09-02", "gvhd": {"chronic": [said]}})["gvhd"]
    assert plot.bars == ()
    assert plot.rows == (("chronic, mild", "missing (unknown)", "missing (unknown)"),)
    assert plot.told == "1 episode, of which 0 drawn: these have a date of onset."


def test_the_axis_reaches_back_before_the_graft_and_over_years():
    early = counts(count("2026-02-10", 1), count("2027-11-01", 2), visit="m24", when="2027-11-02")
    plot = made(early)["neutrophils"]
    labels = [tick.label for tick in plot.days]
    assert "D0" in labels
    assert len(labels) <= 9
    assert all(LEFT <= mark.x <= RIGHT for mark in plot.marks)
    assert made(counts(count("1990-01-01", 1)))["neutrophils"].days[-1].label == "D0"
