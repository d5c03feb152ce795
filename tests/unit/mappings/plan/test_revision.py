"""What was begun stays, the rest follows, and each change is told in values that a reader knows."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.facts import Administration, Missing, PartialDate
from mappings.plan import revision
from mappings.r4.validate import validate
from tests.lib.plans import GRAFT, a_plan, calculated

PLAN = a_plan(intent="plan").applied.resources
BEFORE = {revision.reference_of(one): one for one in PLAN}
MOVED = a_plan(day_zero=GRAFT + timedelta(days=7), intent="plan").applied.resources
THIOTEPA = Administration("thiotepa", PartialDate("2026-02-17"), "D-13")
CSA = Administration("ciclosporin", PartialDate("2026-03-08"), "D6")


def order(resources, action, day=""):
    (found,) = [
        one for one in resources if one["resourceType"] in revision.ORDERS and revision.name_of(one) == (action, day)
    ]
    return found


def sound(resources):
    return [fault for one in resources for fault in validate(one) if fault.severity == "error"] == []


@pytest.mark.parametrize("kind", ["CarePlan", "Goal", "MedicationRequest", "RequestGroup", "ServiceRequest", "Task"])
def test_a_part_of_a_plan_is_withdrawn_with_its_reason_and_stays_r4(kind):
    found = [one for one in PLAN if one["resourceType"] == kind]
    assert found
    for one in found:
        back = revision.withdrawn(one, "relapse")
        assert back.get("status", back.get("lifecycleStatus")) in {"cancelled", "revoked"}
        assert sound([back])
        assert kind == "Goal" or "relapse" in str(back)
        assert revision.withdrawn(back, "again") == back


def test_the_protocols_own_amount_is_no_dose_of_a_patient():
    bare = copy.deepcopy(order(PLAN, "thiotepa", "D-13"))
    assert revision.dose_of(bare) == "350.0 mg"
    (dosage,) = bare["dosageInstruction"]
    dosage["doseAndRate"] = [one for one in dosage["doseAndRate"] if one["type"]["coding"][0]["code"] == "ordered"]
    assert dosage["doseAndRate"]
    assert revision.dose_of(bare) is None


def test_every_type_of_a_plan_can_be_withdrawn():
    assert {one["resourceType"] for one in PLAN} - {"Observation"} == set(revision.WITHDRAWN)


def test_a_plan_that_nobody_began_follows_as_a_whole():
    assert revision.begun(BEFORE, []) == frozenset()
    assert revision.revise(BEFORE, MOVED, frozenset()) == list(MOVED)


def test_a_day_that_was_given_is_done_and_stays():
    kept = revision.begun(BEFORE, [THIOTEPA])
    standing = revision.revise(BEFORE, MOVED, kept)
    given, moved = order(standing, "thiotepa", "D-13"), order(standing, "busulfan", "D-5")
    assert (revision.date_of(given), given["status"]) == ("2026-02-17", "completed")
    assert (revision.date_of(moved), moved["status"]) == ("2026-03-04", "draft")
    (group,) = [one for one in standing if one["resourceType"] == "RequestGroup"]
    times = {leaf["id"]: leaf.get("timingDateTime") for leaf in revision.leaves(group["action"])}
    assert (times["thiotepa-D-13"], times["busulfan-D-5"]) == ("2026-02-17", "2026-03-04")
    (plan,) = [one for one in standing if one["resourceType"] == "CarePlan"]
    assert plan["period"]["start"] == "2026-02-17"
    assert sound(standing)


def test_a_course_that_runs_keeps_its_first_day_and_follows_the_dose():
    heavier = a_plan("80", day_zero=GRAFT + timedelta(days=2), intent="plan").applied.resources
    kept = revision.begun(BEFORE, [CSA])
    running = order(revision.revise(BEFORE, heavier, kept), "ciclosporin", "D6")
    assert revision.date_of(running) == "2026-03-08"
    assert calculated(running) == 240
    assert running["status"] == "draft"


def test_a_plan_that_is_no_more_is_withdrawn_but_for_what_was_given():
    kept = revision.begun(BEFORE, [THIOTEPA])
    standing = revision.revise(BEFORE, (), kept)
    assert order(standing, "thiotepa", "D-13")["status"] == "completed"
    assert order(standing, "busulfan", "D-5")["status"] == "cancelled"
    assert not [one for one in standing if one["resourceType"] == "Observation"]


def test_a_stopped_course_withdraws_what_was_to_come_and_ends_what_runs():
    kept = revision.begun(BEFORE, [THIOTEPA, CSA])
    stopped = revision.stop(revision.revise(BEFORE, PLAN, kept), kept, "death", date(2026, 3, 10))
    status = {revision.name_of(one): one["status"] for one in stopped if one["resourceType"] in revision.ORDERS}
    assert status["thiotepa", "D-13"] == "completed"
    assert status["busulfan", "D-5"] == "draft"  # before that day, and nobody said whether it was given
    assert status["ciclosporin", "D6"] == "stopped"
    assert status["mycophenolate", "D6"] == "cancelled"
    assert status["pdli-1", ""] == "revoked"
    assert order(stopped, "ciclosporin", "D6")["statusReason"] == {"text": "death"}
    assert sound(stopped)


def test_each_day_is_dosed_by_the_weight_that_held_then():
    light = a_plan("60", intent="plan").applied.resources
    standing = revision.effective([(None, PLAN), (date(2026, 2, 26), light)])
    assert calculated(order(standing, "busulfan", "D-5")) == Decimal("224.0")
    assert calculated(order(standing, "busulfan", "D-4")) == Decimal("192.0")
    assert calculated(order(standing, "ciclosporin", "D6")) == Decimal("180.0")
    surfaces = [one for one in standing if one["resourceType"] == "Observation"]
    assert len({one["id"] for one in surfaces}) == len(surfaces) == 5
    assert revision.effective([(None, PLAN)]) == list(PLAN)


def test_changes_are_told_by_date_dose_and_state():
    old, new = (
        order(PLAN, "thiotepa", "D-13"),
        order(a_plan("71", day_zero=GRAFT + timedelta(1)).applied.resources, "thiotepa", "D-13"),
    )
    told = {one.what: (one.before, one.after) for one in revision.changes(old, new)}
    assert told == {
        "date": ("2026-02-17", "2026-02-18"),
        "dose": ("350.0 mg", "355.0 mg"),
        "status": ("draft", "active"),
    }
    (added,) = revision.changes(None, order(PLAN, "mycophenolate", "D6"))
    assert (added.action, added.day, added.what) == ("mycophenolate", "D6", "added")
    assert added.after == "2026-03-08, 1000.0 mg, 2 times a day"
    assert list(revision.changes(old, copy.deepcopy(old))) == []
    assert revision.date_of(order(PLAN, "pdli-1")) == "2026-06-30"
    assert revision.date_of(order(PLAN, "mycophenolate-taper")) == "2026-04-06"
    assert revision.date_of(order(PLAN, "visit-baseline")) is None


@pytest.mark.parametrize(
    ("dose", "kept"),
    [
        (Administration("busulfan", PartialDate("2026-02-25"), "D-5"), [("busulfan", "D-5")]),
        (Administration("busulfan", PartialDate("2026-02-26")), [("busulfan", "D-4")]),
        (Administration("busulfan", PartialDate("2026-02-01")), []),
        (Administration("ptcy", PartialDate("2026-03-05"), "D+3"), [("ptcy", "D3")]),
        (Administration("ciclosporin", PartialDate("2026-03-10"), "D+8"), [("ciclosporin", "D6")]),
        (Administration("another", PartialDate("2026-03-10")), []),
        (Administration("busulfan", Missing("unknown")), []),
        (Administration("busulfan", Missing("unknown"), "D-5"), [("busulfan", "D-5")]),
        (Administration(Missing("unknown"), PartialDate("2026-02-25"), "D-5"), []),
        (Administration("busulfan", PartialDate("2026-02-25"), "D-5", Missing("unknown")), [("busulfan", "D-5")]),
        (Administration("busulfan", PartialDate("2026-02-25"), "D-5", Missing("not-performed")), []),
    ],
)
def test_a_dose_is_found_by_its_day_its_date_or_its_action(dose, kept):
    assert revision.begun(BEFORE, [dose]) == {revision.reference_of(order(PLAN, *name)) for name in kept}


@given(days=st.integers(-30, 30), given=st.sampled_from([[], [THIOTEPA], [THIOTEPA, CSA]]))
def test_revising_twice_is_revising_once(days, given):
    moved = a_plan(day_zero=GRAFT + timedelta(days=days), intent="plan").applied.resources
    once = revision.revise(BEFORE, moved, revision.begun(BEFORE, given))
    again = {revision.reference_of(one): one for one in once}
    assert revision.revise(again, moved, revision.begun(again, given)) == once
