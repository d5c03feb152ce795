"""A person confirms a taper: MMF first, then CSA; the gate is asked, the full dose ends, and history tells who."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from adapter.errors import Conflict, Invalid, NotFound
from adapter.flows import changes, follow_up, tapers, validation
from adapter.flows.validation import Signer
from adapter.store.clients import Client
from mappings.plan.actions import leaves
from tests.lib.centre import OTHERS, OURS
from tests.lib.plans import calculated
from tests.unit.adapter.flows.tapering import (
    CSA,
    DR,
    ILL,
    MMF,
    WELL,
    back,
    confirm,
    course,
    full,
    gate,
    looked,
    sound,
    task,
)


@pytest.fixture
def well(enrolled):
    """Grafted on 2026-03-02; no GVHD was found on 2026-04-02 (D+31)."""
    looked(enrolled, "2026-04-02", WELL)
    return enrolled


def test_a_confirmed_taper_ends_the_full_dose_on_the_day_before(well):
    assert full(well) == ("draft", "2026-03-08", None)
    told = confirm(well, first_day="2026-04-06")
    assert full(well) == ("completed", "2026-03-08", "2026-04-05")
    assert task(well) == ("in-progress", {"start": "2026-04-06"})
    order = well.one("mycophenolate/D6").content
    assert order["statusReason"]["text"] == f"Full dose until 2026-04-05: tapered from 2026-04-06, confirmed by {DR}"
    assert "until 2026-04-05, then tapered" in order["dosageInstruction"][0]["text"]
    assert "no end date" not in order["dosageInstruction"][0]["text"]
    assert {(one["action"], one["what"], one["before"], one["after"]) for one in told["changes"]} == {
        ("mycophenolate", "last day", None, "2026-04-05"),
        ("mycophenolate", "status", "draft", "completed"),
        (MMF, "carried out", None, "2026-04-06"),
        (MMF, "status", "draft", "in-progress"),
    }
    assert sound(well)


def test_nothing_else_of_the_plan_changes(well):
    before = well.versions()
    confirm(well, first_day="2026-04-06")
    changed = {ref for ref, version in well.versions().items() if before.get(ref) != version}
    whole = {well.stored(kind)[0].reference for kind in ("RequestGroup", "Provenance")}
    assert changed == {well.one(MMF).reference, well.one("mycophenolate/D6").reference, *whole}
    assert full(well, "ciclosporin")[2] is None


def test_the_decision_tells_who_when_and_how_the_gate_stood(well):
    told = confirm(well, first_day="2026-04-06", reason="day 35")
    assert (told["decision"], told["action"], told["first_day"]) == ("taper", MMF, "2026-04-06")
    assert told["gate"]["status"] == "met"
    assert "acute GVHD looked for: none" in told["gate"]["text"]
    newest = changes.history(course(well), sender=well.sender, store=well.store)["history"][0]
    assert (newest["who"], newest["did"]) == ("forms", "taper")
    assert "day 35. Gate met. Met: day D+35 to D+56" in newest["why"]
    assert newest["why"].endswith(f"(confirmed by {DR})")
    assert {one["action"] for one in newest["changes"]} == {"mycophenolate", MMF}


def test_a_dry_run_shows_the_same_and_writes_nothing(well):
    before = well.rows()
    shown = changes.preview(
        well.store, course(well),
        lambda store: tapers.confirm(course(well), MMF, {"confirmed_by": DR, "first_day": "2026-04-06"},
                                     **(well._with() | {"store": store})))  # fmt: skip
    assert well.rows() == before
    told = confirm(well, first_day="2026-04-06")["changes"]
    assert [(one.action, one.what, one.after) for one in shown] == [(t["action"], t["what"], t["after"]) for t in told]


def test_the_same_again_writes_nothing(well):
    confirm(well, first_day="2026-04-06")
    before = well.rows()
    assert confirm(well, first_day="2026-04-06")["changes"] == []
    assert well.rows() == before


@pytest.mark.parametrize("day", ["2026-04-05", "2026-03-20", "2026-04-28"])
def test_outside_the_protocols_window_it_is_refused(well, day):
    """D+35 to D+56 are 2026-04-06 to 2026-04-27."""
    with pytest.raises(Conflict, match="Not met: day D\\+35 to D\\+56"):
        confirm(well, first_day=day)
    assert full(well)[2] is None


def test_under_active_gvhd_it_is_refused_until_somebody_calls_it_a_deviation(well):
    looked(well, "2026-04-20", ILL)
    with pytest.raises(Conflict, match=r"Gate not met.*deviation has to say why"):
        confirm(well, first_day="2026-04-21", although_unknown="it is time")
    assert task(well) == ("draft", None)
    confirm(well, first_day="2026-04-21", deviation="relapse: graft versus leukaemia is wanted")
    assert full(well) == ("completed", "2026-03-08", "2026-04-20")
    assert "acute GVHD" in well.one(MMF).content["statusReason"]["text"]


def test_a_gate_that_is_unknown_asks_why(enrolled):
    with pytest.raises(Invalid) as refused:
        confirm(enrolled, first_day="2026-04-06")
    (fault,) = refused.value.faults
    assert fault.path == "although_unknown"
    assert "to be told" in fault.message
    told = confirm(enrolled, first_day="2026-04-06", although_unknown="examined today, no form yet")
    assert told["gate"]["status"] == "unknown"
    reason = enrolled.one(MMF).content["statusReason"]["text"]
    assert reason.startswith(f"Confirmed by {DR}. examined today, no form yet. Gate unknown.")


def test_ciclosporin_waits_until_mycophenolate_is_over(well):
    late = {"first_day": "2026-05-04", "although_unknown": "x"}
    for state in ({}, {"first_day": "2026-04-06"}):
        if state:
            confirm(well, **state)
        with pytest.raises(Conflict, match="mycophenolate-taper comes first"):
            confirm(well, CSA, **late)
    confirm(well, last_day="2026-04-27")
    assert task(well) == ("completed", {"start": "2026-04-06", "end": "2026-04-27"})
    assert gate(well, CSA, date(2026, 5, 4))["status"] == "met"
    confirm(well, CSA, first_day="2026-05-04")
    assert full(well, "ciclosporin") == ("completed", "2026-03-08", "2026-05-03")
    assert sound(well)


def test_the_end_of_one_taper_is_judged_in_the_version_that_tells_it(well):
    """The RequestGroup of the same transaction says that ciclosporin no longer waits for mycophenolate."""
    confirm(well, first_day="2026-04-06")
    confirm(well, last_day="2026-04-27")
    (group,) = well.stored("RequestGroup")
    (leaf,) = [one for one in leaves(group.content["action"]) if one["id"] == CSA]
    told = next(part["valueString"] for part in leaf["extension"][0]["extension"] if part["url"] == "text")
    assert "confirmed to be over, 2026-04-27" in told


def test_who_confirmed_the_begin_stands_beside_who_confirmed_the_end(well):
    confirm(well, first_day="2026-04-06")
    confirm(well, last_day="2026-04-27", confirmed_by="Dr B. Example")
    reason = well.one(MMF).content["statusReason"]["text"]
    assert reason.startswith(f"Confirmed by {DR}.")
    assert reason.endswith("Over, confirmed by Dr B. Example. The taper is over.")


def test_both_days_may_be_told_afterwards(well):
    confirm(well, first_day="2026-04-06", last_day="2026-04-27")
    assert task(well) == ("completed", {"start": "2026-04-06", "end": "2026-04-27"})
    assert gate(well, MMF, date(2026, 4, 27))["done"]["date"] == "2026-04-27"


def test_a_gate_tells_that_its_taper_was_confirmed(well):
    confirm(well, first_day="2026-04-06")
    told = gate(well, MMF, date(2026, 4, 10))
    assert (told["begun"], told["done"]) == ("2026-04-06", None)
    assert told["text"].startswith("Confirmed to have begun on 2026-04-06. Gate met.")
    assert gate(well, MMF, date(2026, 4, 5))["begun"] is None


def test_taken_back_the_full_dose_goes_on_without_an_end(well):
    confirm(well, first_day="2026-04-06")
    back(well)
    assert full(well) == ("draft", "2026-03-08", None)
    assert task(well) == ("draft", None)
    newest = changes.history(course(well), sender=well.sender, store=well.store)["history"][0]
    assert (newest["did"], newest["why"]) == ("taper-withdrawn", f"flare (confirmed by {DR})")
    confirm(well, first_day="2026-04-08")
    assert full(well)[2] == "2026-04-07"


def test_what_was_given_so_keeps_its_first_day_and_gets_its_end(well):
    """A course of which doses are on record goes through another path than one that nobody began."""
    given = [{"action": "mycophenolate", "date": "2026-03-08", "day": "D+6", "given": {"value": 1000, "unit": "mg"}}]
    well.visit(administrations=given, immune_reconstitution=None, engraftment=None)
    confirm(well, first_day="2026-04-06")
    assert full(well) == ("completed", "2026-03-08", "2026-04-05")
    back(well)
    assert full(well)[2] is None


def test_a_full_dose_that_ended_is_not_dosed_anew(well):
    """70.50 kg: capped at 1000 mg; ciclosporin is not, so it tells: 3 mg/kg x 70.5 kg = 211.5 mg."""
    confirm(well, first_day="2026-04-06", last_day="2026-04-27")
    confirm(well, CSA, first_day="2026-05-04")
    lighter = {"weight": {"value": 50, "unit": "kg", "date": "2026-02-16"}}
    said = {"reason": "lost weight", "confirmed_by": DR, "since": "2026-02-17", **lighter}
    changes.redose(course(well), said, **well._with())
    assert calculated(well.one("ciclosporin/D6").content) == Decimal("211.5")
    assert full(well, "ciclosporin")[2] == "2026-05-03"
    assert calculated(well.one("thiotepa/D-13").content) == Decimal("250.0")


def test_the_plan_has_to_be_validated_again(well):
    """A date of it changed, and any change of one asks again."""
    around = {"centre": OURS, "store": well.store, "settings": well.settings}
    validation.validate(course(well), Signer("Ada Example", "pharmacist", "test"), shown=None, now=well.now, **around)
    assert full(well)[0] == "active"
    confirm(well, first_day="2026-04-06")
    standing = validation.state(course(well), now=well.now, **around)
    assert (standing.status, standing.holding) == ("draft", ())
    assert full(well)[0] == "completed"


def test_what_comes_later_leaves_the_taper_as_it_was_confirmed(well):
    confirm(well, first_day="2026-04-06")
    before = well.one(MMF).version, well.one("mycophenolate/D6").version
    well.visit(date="2026-04-08")
    assert (well.one(MMF).version, well.one("mycophenolate/D6").version) == before


def test_a_course_that_is_stopped_afterwards_keeps_what_ended_before(well):
    confirm(well, first_day="2026-04-06")
    said = {"date": "2026-04-10", "reason": "relapse", "confirmed_by": DR}
    changes.stop(course(well), said, **well._with())
    assert full(well)[0] == "completed"
    assert task(well) == ("cancelled", {"start": "2026-04-06"})
    with pytest.raises(Conflict, match="stopped"):
        confirm(well, last_day="2026-04-27")


def test_a_plan_that_lost_its_facts_keeps_the_taper_in_mind(well):
    confirm(well, first_day="2026-04-06")
    well.enrol(measurements=None)
    assert (full(well)[0], task(well)[0]) == ("completed", "cancelled")
    well.enrol()
    assert (full(well), task(well)[0]) == (("completed", "2026-03-08", "2026-04-05"), "in-progress")


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({}, "first_day"),
        ({"last_day": "2026-04-27"}, "first_day"),
        ({"first_day": "soon"}, "first_day"),
        ({"first_day": "2026-04"}, "first_day"),
        ({"first_day": "2027-04-06"}, "first_day"),
        ({"first_day": "2026-03-08"}, "first_day"),
        ({"first_day": "2026-04-06", "last_day": "2026-04-05"}, "last_day"),
        ({"first_day": "2026-04-06", "last_day": "2027-01-01"}, "last_day"),
        ({"first_day": "2026-04-06", "confirmed_by": " "}, "confirmed_by"),
        ({"first_day": "2026-04-06", "although_unknown": 3}, "although_unknown"),
        ({"first_day": "2026-04-06", "reason": ""}, "reason"),
        ({"first_day": "2026-05-05", "deviation": ""}, "deviation"),
        ({"first_day": "2026-04-06", "dose": 3}, "dose"),
    ],
)
def test_a_refusal_names_the_field_and_nothing_is_kept(well, said, path):
    before = well.rows()
    with pytest.raises(Invalid) as refused:
        confirm(well, **said)
    assert [fault.path for fault in refused.value.faults] == [path]
    assert well.rows() == before


def test_other_days_than_those_confirmed_are_refused(well):
    confirm(well, first_day="2026-04-06", last_day="2026-04-27")
    for said in ({"first_day": "2026-04-07"}, {"last_day": "2026-04-26"}):
        with pytest.raises(Conflict, match="confirmed for 2026-04-06 to 2026-04-27: take that back first"):
            confirm(well, **said)


def test_what_was_not_confirmed_cannot_be_taken_back(well):
    with pytest.raises(Conflict, match="was not confirmed"):
        back(well)


def test_mycophenolate_is_not_taken_back_from_under_ciclosporin(well):
    confirm(well, first_day="2026-04-06", last_day="2026-04-27")
    confirm(well, CSA, first_day="2026-05-04")
    with pytest.raises(Conflict, match="ciclosporin-taper was confirmed after it"):
        back(well)


def test_a_taper_that_a_form_told_to_be_over_needs_no_confirmation(well):
    drugs = [{"drug": "mycophenolate", "started": "2026-03-08", "stopped": "2026-04-10"}]
    visit = {"centre": OURS, "patient": "SYN-0001", "visit": "unscheduled", "date": "2026-04-12",
             "immunosuppression": {"assessed": "2026-04-12", "drugs": drugs}}  # fmt: skip
    follow_up.record(visit, **well._with())
    with pytest.raises(Conflict, match="is over: "):
        confirm(well, first_day="2026-04-14")


def test_without_a_dated_plan_there_is_nothing_to_taper(ward):
    ward.enrol(measurements=None)
    with pytest.raises(Invalid) as refused:
        confirm(ward, first_day="2026-04-06", although_unknown="x")
    assert {fault.path for fault in refused.value.faults} == {"measurements.weight", "measurements.height"}


@pytest.mark.parametrize("action", ["ciclosporin", "pdli-1", "nothing"])
def test_what_is_no_taper_is_not_found(well, action):
    with pytest.raises(NotFound, match=f"no taper {action}"):
        confirm(well, action, first_day="2026-04-06")


def test_another_centres_patient_is_a_stranger(well):
    sender = Client("formulaires", "centre", OTHERS)
    with pytest.raises(NotFound):
        tapers.confirm(course(well), MMF, {"confirmed_by": DR, "first_day": "2026-04-06"},
                       **(well._with() | {"sender": sender}))  # fmt: skip


def test_the_plan_of_the_day_is_the_one_that_was_confirmed(well):
    """A clock a day before the first day refuses what the day itself allows."""
    well.now = well.now.replace(month=4, day=5)
    with pytest.raises(Invalid, match="has not come"):
        confirm(well, first_day="2026-04-06")
    well.now += timedelta(days=1)
    assert confirm(well, first_day="2026-04-06")["changes"]
