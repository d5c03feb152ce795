"""Visits by calendar months: done, due, overdue, ahead; windows from an overlay; nothing due of who died before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from mappings.plan.attendance import SECTIONS, State, Times, attendances
from mappings.protocol import load
from mappings.protocol.model import Clause
from mappings.protocol.overlay import Overlay, VisitPlace
from tests.lib.records import a_record, form

PLAIN = Overlay()
ALIVE = {"status": "alive", "date": "2026-06-02"}


def by_visit(record, on, overlay=PLAIN):
    return {one.visit: one for one in attendances(record, overlay, date.fromisoformat(on))}


def states(record, on, overlay=PLAIN):
    return {visit: one.state for visit, one in by_visit(record, on, overlay).items()}


def test_visits_are_due_by_calendar_months_and_not_by_thirty_days():
    found = by_visit(a_record(graft="2026-01-31"), "2026-02-01")
    assert [found[visit].times.due.isoformat() for visit in ("m1", "m3", "m6", "m12", "m24")] == [
        *("2026-02-28", "2026-04-30", "2026-07-31", "2027-01-31", "2028-01-31")
    ]


@pytest.mark.parametrize(
    ("on", "state"), [("2026-06-01", State.AHEAD), ("2026-06-02", State.DUE), ("2026-06-03", State.OVERDUE)]
)
def test_without_a_window_a_visit_is_due_on_its_day_and_overdue_after_it(on, state):
    assert states(a_record(), on)["m3"] is state


@pytest.mark.parametrize(
    ("on", "state"),
    [
        ("2026-05-16", State.AHEAD),
        ("2026-05-17", State.DUE),
        ("2026-06-14", State.DUE),
        ("2026-06-15", State.OVERDUE),
    ],
)
def test_a_window_of_the_centre_counts_in_days_from_the_graft(on, state):
    """2026-03-02 + 76 days is 2026-05-17, + 104 days 2026-06-14."""
    window = Overlay("FR-037", visits={"visit-m3": VisitPlace(first=76, last=104)})
    assert states(a_record(), on, window)["m3"] is state


def test_the_baseline_has_a_day_only_where_the_centre_gives_one():
    assert states(a_record(), "2026-09-01")["baseline"] is State.OPEN
    by_day = Overlay("FR-037", visits={"visit-baseline": VisitPlace(day=-20)})
    assert by_visit(a_record(), "2026-09-01", by_day)["baseline"].times.due == date(2026, 2, 10)
    by_window = Overlay("FR-037", visits={"visit-baseline": VisitPlace(first=-30, last=-14)})
    assert by_visit(a_record(), "2026-02-01", by_window)["baseline"].times == Times(
        *(date(2026, 1, 31), date(2026, 1, 31), date(2026, 2, 16))
    )


def test_nothing_is_due_without_a_graft():
    assert set(states(a_record(graft=None), "2026-09-01").values()) == {State.OPEN}


def test_nothing_is_due_of_a_patient_who_died_before_its_day():
    dead = form("2026-05-20", vital_status={"status": "dead", "date": "2026-05-10"})
    found = states(a_record(dead), "2026-12-01")
    assert (found["m1"], found["m3"], found["m24"]) == (State.OVERDUE, State.NOT_DUE, State.NOT_DUE)


def test_a_death_without_a_date_was_at_the_latest_on_the_day_that_it_was_told():
    dead = form("2026-06-20", vital_status={"status": "dead", "date": {"not_done": "unknown"}})
    found = states(a_record(dead), "2026-12-01")
    assert (found["m3"], found["m6"]) == (State.OVERDUE, State.NOT_DUE)


def test_a_death_that_a_later_visit_undoes_ends_no_visits():
    dead = form("2026-05-20", vital_status={"status": "dead", "date": "2026-05-10"})
    seen = form("2026-06-20", vital_status={"status": "alive", "date": "2026-06-20"})
    assert states(a_record(dead, seen), "2026-12-01")["m6"] is State.OVERDUE


def test_a_visit_that_was_told_is_done_and_says_what_it_leaves_out():
    told = form(
        "2026-06-04",
        "m3",
        vital_status=ALIVE,
        gvhd={"assessed": "2026-06-02"},
        chimerism={"not_done": "not-performed"},
    )
    found = by_visit(a_record(told), "2026-06-10")["m3"]
    assert (found.state, found.told) == (State.DONE, "2026-06-04")
    assert found.times.due == date(2026, 6, 2)
    assert found.missing == (
        *("Engraftment", "Disease response", "Immune reconstitution", "Infection", "Quality of life"),
    )
    assert found.said == ("Chimerism",)


def test_unscheduled_visits_come_after_those_of_the_protocol():
    record = a_record(form("2026-04-10"), form("2026-05-10"))
    found = attendances(record, PLAIN, date(2026, 6, 1))
    assert [(one.visit, one.told) for one in found[-2:]] == [
        ("unscheduled", "2026-04-10"),
        ("unscheduled", "2026-05-10"),
    ]


def test_what_the_protocol_asks_has_its_section_and_what_is_unknown_is_passed_over():
    protocol = load("set-haplo-pdli")
    assert {item.key for item in protocol.follow_up.items} == set(SECTIONS)
    more = replace(
        protocol, follow_up=replace(protocol.follow_up, items=(Clause("colour", "colour", "Colour of the walls"),))
    )
    record = a_record(form("2026-06-04", "m3"), protocol=more)
    assert by_visit(record, "2026-06-10")["m3"].missing == ()
