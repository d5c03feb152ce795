"""What a centre reported as done."""

from __future__ import annotations

from datetime import date

import pytest

from mappings.facts import PartialDate
from mappings.intake import schema
from mappings.plan.marks import Mark, marks
from tests.lib.forms import ENROLMENT

AS_OF = date(2026, 12, 1)
VISIT = {"centre": "FR-037", "patient": "P-0001", "visit": "m6", "date": "2026-09-02"}


def told(enrolment=None, **sections):
    found = marks(
        schema.enrolment(ENROLMENT | (enrolment or {"transplant": None}), AS_OF)
        if enrolment
        else schema.enrolment({k: v for k, v in ENROLMENT.items() if k != "transplant"}, AS_OF),
        [schema.follow_up(VISIT | sections, AS_OF)] if sections else [],
    )
    return [(one.action, str(one.when), one.words, one.day) for one in found]


def test_nothing_reported_is_nothing_done():
    assert told() == []


@pytest.mark.parametrize(
    ("transplant", "done"),
    [
        ({"date": "2026-03-02", "planned": False}, [("graft", "2026-03-02", "given", "")]),
        ({"date": "2026-03-02", "planned": True}, []),
        ({"planned": True}, []),
        ({"not_done": "unknown"}, []),
    ],
)
def test_a_graft_is_given_when_it_is_no_longer_planned(transplant, done):
    assert told({"transplant": transplant}) == done


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"given": {"value": 352.5, "unit": "mg"}}, "352.5 mg"),
        ({"given": {"not_done": "unknown"}}, "given, amount missing (unknown)"),
        ({}, "given, amount not reported"),
        ({"given": {"not_done": "not-performed", "note": "fever"}}, "not given"),
    ],
)
def test_a_dose_says_how_much_or_that_nobody_said(given, words):
    from mappings.r4 import wire

    sent = wire.decode(wire.encode({"action": "thiotepa", "day": "D-13", "date": "2026-02-17"} | given))
    assert told(administrations=[sent]) == [
        ("thiotepa", "2026-02-17", words, "D-13"),
        ("visit-m6", "2026-09-02", "reported", ""),
    ]


def test_days_are_written_as_people_do_and_may_be_left_out():
    doses = [{"action": "ptcy", "day": "D3", "date": "2026-03-05"}, {"action": "ptcy", "date": "2026-03-07"}]
    assert [day for _, _, _, day in told(administrations=doses)] == ["D+3", "", ""]


def test_donor_lymphocytes_given_and_withheld():
    done = told(
        dli=[{"number": 1, "date": "2026-07", "cd3_per_kg": {"value": 1, "unit": "10*6/kg", "comparator": "<"}}],
        dli_withheld=[
            {"number": 2, "date": "2026-08-05", "reason": "active-gvhd"},
            {"number": 3, "date": "2026-08-06", "reason": "other", "text": "donor abroad"},
        ],
    )
    assert done[:3] == [
        ("pdli-1", "2026-07", "CD3 <1 10*6/kg", ""),
        ("pdli-2", "2026-08-05", "withheld: active gvhd", ""),
        ("pdli-3", "2026-08-06", "withheld: donor abroad", ""),
    ]


def test_a_section_that_is_said_to_be_missing_is_nothing_done():
    missing = {"not_done": "unknown"}
    withheld = {"number": 3, "date": "2026-08-06", "reason": {"not_done": "unknown"}}
    assert told(dli_withheld=[withheld])[0] == ("pdli-3", "2026-08-06", "withheld, reason missing (unknown)", "")
    del withheld["reason"]
    assert told(dli_withheld=[withheld])[0] == ("pdli-3", "2026-08-06", "withheld, no reason told", "")
    done = told(administrations=missing, dli=missing, dli_withheld=missing)
    assert [action for action, *_ in done] == ["visit-m6"]


def test_a_mark_knows_its_day_only_where_it_was_said():
    assert Mark("graft", PartialDate("2026-03-02"), "given").on == date(2026, 3, 2)
    assert Mark("graft", PartialDate("2026-03"), "given").on is None
