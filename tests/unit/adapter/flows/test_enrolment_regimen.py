"""The dated regimen of an enrolled patient: there once the facts are known, moved with day zero, kept where begun."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapter.errors import Conflict, Invalid
from adapter.flows import regimen
from mappings.plan import revision
from tests.lib.centre import ENROLMENT, OURS, document

GRAFT = document(ENROLMENT)["transplant"]
MEASURES = document(ENROLMENT)["measurements"]
MOVED = GRAFT | {"date": "2026-03-09"}


def orders(ward, *kinds):
    return [one for kind in kinds or ("MedicationRequest", "ServiceRequest", "Task") for one in ward.stored(kind)]


def day_of(order):
    return order.content["dosageInstruction"][0]["timing"]["event"][0]


def planned_on(ward, reference):
    """Date of an order in the RequestGroup."""
    (group,) = ward.stored("RequestGroup")
    leaves = revision.leaves(group.content["action"])
    (leaf,) = [leaf for leaf in leaves if leaf["resource"]["reference"] == reference]
    return leaf.get("timingDateTime")


def give(ward, *doses):
    """Doses on record, as a release that maps administrations will take them."""
    visit = {"centre": OURS, "patient": "SYN-0001", "visit": "baseline", "date": "2026-03-01"}
    course = ward.stored("Patient")[0].course
    with ward.store.transaction() as tx:
        tx.follow_ups.put(
            id="baseline",
            centre=OURS,
            patient="SYN-0001",
            course=course,
            key="FR-037/SYN-0001/baseline",
            content=visit | {"administrations": list(doses)},
            at=datetime(2026, 3, 1, tzinfo=UTC),
        )


def test_the_regimen_is_a_draft_plan_for_the_patient(ward):
    ward.enrol()
    (plan,) = ward.stored("CarePlan")
    assert (plan.content["status"], plan.content["intent"]) == ("draft", "plan")
    assert {(one.content["status"], one.content["intent"]) for one in orders(ward)} == {("draft", "plan")}
    (patient,) = ward.stored("Patient")
    assert plan.content["subject"]["reference"] == patient.reference


def test_the_care_plan_names_every_order(ward):
    ward.enrol()
    (plan,) = ward.stored("CarePlan")
    named = {activity["reference"]["reference"] for activity in plan.content["activity"]}
    assert named == {
        one.reference for one in orders(ward, "RequestGroup", "MedicationRequest", "ServiceRequest", "Task")
    }
    with ward.store.reading() as tx:
        assert {one.reference for one in tx.resources.get_many(sorted(named))} == named


def test_orders_are_dated_from_day_zero_and_dosed_from_the_measures(ward):
    ward.enrol()
    thiotepa = ward.one("thiotepa/D-13")
    assert day_of(thiotepa) == "2026-02-17"
    amounts = thiotepa.content["dosageInstruction"][0]["doseAndRate"]
    assert [str(one["doseQuantity"]["value"]) for one in amounts] == ["5", "352.5"]


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"transplant": None}, ["transplant.date"]),
        ({"transplant": {"planned": True}}, ["transplant.date"]),
        ({"transplant": {"not_done": "unknown"}}, ["transplant.date"]),
        ({"transplant": GRAFT | {"date": {"not_done": "unknown"}}}, ["transplant.date"]),
        ({"measurements": None}, ["measurements.weight", "measurements.height"]),
        ({"measurements": {"not_done": "unknown"}}, ["measurements.weight", "measurements.height"]),
        ({"measurements": {"weight": MEASURES["weight"]}}, ["measurements.height"]),
        ({"measurements": MEASURES | {"weight": {"not_done": "unknown"}}}, ["measurements.weight"]),
        ({"measurements": MEASURES | {"weight": MEASURES["weight"] | {"date": "2020"}}}, ["measurements.weight"]),
        ({"measurements": MEASURES | {"height": MEASURES["height"] | {"date": "2026-02"}}}, ["measurements.height"]),
        (
            {"measurements": MEASURES | {"weight": MEASURES["weight"] | {"value": {"not_done": "unknown"}}}},
            ["measurements.weight"],
        ),
    ],
)
def test_what_is_not_known_yet_is_said_and_the_enrolment_is_stored(ward, changes, missing):
    receipt = ward.enrol(**changes)
    assert [fault.path for fault in receipt.regimen_issues] == missing
    assert ward.stored("Patient")
    assert orders(ward, "CarePlan", "MedicationRequest") == []
    assert ward.enrol(**changes).regimen_issues == receipt.regimen_issues


def test_the_regimen_follows_once_the_facts_are_known(ward):
    ward.enrol(measurements=None)
    receipt = ward.enrol()
    assert receipt.regimen_issues == ()
    assert ward.one("thiotepa/D-13").version == 1


def test_measures_need_no_date(ward):
    unknown = {"not_done": "unknown"}
    height = {"value": 175, "unit": "cm", "date": unknown}
    ward.enrol(measurements={"weight": {"value": 70, "unit": "kg"}, "height": height})
    assert "weight 70 kg" in ward.one("thiotepa/D-13").content["dosageInstruction"][0]["text"]


def test_a_correction_elsewhere_leaves_the_regimen_alone(ward):
    ward.enrol()
    ward.enrol(sex="male")
    assert {one.version for one in orders(ward, "CarePlan", "RequestGroup", "MedicationRequest")} == {1}


def test_a_moved_graft_moves_every_order_under_its_old_id(ward):
    ward.enrol()
    before = {one.reference for one in orders(ward)}
    ward.enrol(transplant=MOVED)
    assert {one.reference for one in orders(ward)} == before
    assert (day_of(ward.one("thiotepa/D-13")), ward.one("thiotepa/D-13").version) == ("2026-02-24", 2)
    assert planned_on(ward, ward.one("thiotepa/D-13").reference) == "2026-02-24"
    assert ward.one("pdli-1").version == 2
    assert ward.one("visit-baseline").version == 1  # the protocol gives it no date


def test_the_regimen_is_not_sent_to_the_hospital(ward):
    ward.enrol()
    ward.enrol(transplant=MOVED)
    kinds = {resource["resourceType"] for row in ward.queued() for resource in row.content}
    assert kinds == {"Patient", "Condition", "Procedure", "Observation"}


def test_a_graft_called_off_withdraws_every_order(ward):
    ward.enrol()
    receipt = ward.enrol(transplant={"planned": True})
    assert [fault.path for fault in receipt.regimen_issues] == ["transplant.date"]
    parts = [one for one in _regimen(ward) if one.kind in revision.WITHDRAWN]
    statuses = {(one.kind, one.content.get("status", one.content.get("lifecycleStatus"))) for one in parts}
    assert statuses == {
        ("CarePlan", "revoked"),
        ("RequestGroup", "revoked"),
        ("MedicationRequest", "cancelled"),
        ("ServiceRequest", "revoked"),
        ("Task", "cancelled"),
        ("Goal", "cancelled"),
    }


def test_a_move_that_outlives_the_measures_withdraws_the_orders_and_says_why(ward):
    ward.enrol()
    receipt = ward.enrol(transplant=GRAFT | {"date": "2026-09-01"})
    assert {fault.path for fault in receipt.regimen_issues} == {"measurements.weight", "measurements.height"}
    order = ward.one("thiotepa/D-13").content
    assert order["status"] == "cancelled"
    assert "at most 14 days are taken" in order["statusReason"]["text"]


def test_a_new_graft_date_brings_the_orders_back(ward):
    ward.enrol()
    ward.enrol(transplant={"planned": True})
    ward.enrol(transplant=MOVED)
    assert ward.one("thiotepa/D-13").content["status"] == "draft"
    assert [one.version for one in orders(ward, "CarePlan")] == [3]


THIOTEPA = {"action": "thiotepa", "day": "D-13", "date": "2026-02-17", "given": {"value": 352.5, "unit": "mg"}}


def test_once_a_dose_was_given_a_move_needs_a_name(ward):
    ward.enrol()
    give(ward, THIOTEPA)
    before = ward.rows()
    with pytest.raises(Conflict, match=r"2026-03-02.*confirmed_by") as caught:
        ward.enrol(transplant=MOVED)
    assert caught.value.status == 409
    assert ward.rows() == before
    assert day_of(ward.one("thiotepa/D-13")) == "2026-02-17"


@pytest.mark.parametrize(
    "dose",
    [
        {"action": {"not_done": "unknown"}, "date": "2026-02-17"},
        {"action": "thiotepa", "date": {"not_done": "unknown"}},
    ],
)
def test_a_dose_counts_though_nobody_knows_which_or_when(ward, dose):
    ward.enrol()
    give(ward, dose)
    with pytest.raises(Conflict):
        ward.enrol(transplant=MOVED)


def test_a_day_zero_that_nobody_knows_any_more_is_a_move(ward):
    ward.enrol()
    give(ward, THIOTEPA)
    with pytest.raises(Conflict):
        ward.enrol(transplant=GRAFT | {"date": {"not_done": "unknown"}})


def test_so_does_a_graft_that_is_called_off(ward):
    ward.enrol()
    give(ward, THIOTEPA)
    with pytest.raises(Conflict):
        ward.enrol(transplant={"planned": True})
    ward.enrol(transplant={"planned": True}, confirmed_by="Dr A. Example")
    assert ward.one("thiotepa/D-13").content["status"] == "completed"
    assert ward.one("busulfan/D-5").content["status"] == "cancelled"


def test_once_a_dose_was_given_the_rest_is_not_withdrawn_because_a_form_left_something_out(ward):
    ward.enrol()
    give(ward, THIOTEPA)
    before = ward.rows()
    with pytest.raises(Conflict, match=r"measurements\.weight: .*confirmed_by") as caught:
        ward.enrol(measurements=None)
    assert (caught.value.status, ward.rows()) == (409, before)
    ward.enrol(measurements=None, confirmed_by="Dr A. Example")
    assert ward.one("busulfan/D-5").content["status"] == "cancelled"
    assert ward.enrol(measurements={"not_done": "unknown"}).version == 3


@pytest.mark.parametrize("date", [{"not_done": "unknown"}, "2026", "2026-02"])
def test_a_death_on_a_day_that_nobody_knows_was_before_the_visit_that_told_of_it(ward, date):
    """Who is told to have died in February has no graft in March."""
    ward.enrol()
    vital = {"status": "dead", "cause": "infection", "date": date}
    ward.visit(visit="unscheduled", date="2026-02-28", engraftment=None, immune_reconstitution=None, vital_status=vital)
    assert ward.one("busulfan/D-5").content["status"] == "cancelled"


def test_a_death_after_the_graft_leaves_the_plan_as_it_was(ward):
    ward.enrol()
    vital = {"status": "dead", "cause": "infection", "date": {"not_done": "unknown"}}
    ward.visit(visit="unscheduled", date="2026-03-02", engraftment=None, immune_reconstitution=None, vital_status=vital)
    assert ward.one("busulfan/D-5").content["status"] == "draft"


def test_other_corrections_need_no_name(ward):
    ward.enrol()
    give(ward, THIOTEPA)
    assert ward.enrol(sex="male").version == 2


def test_a_first_graft_date_needs_no_name(ward):
    ward.enrol(transplant=None)
    give(ward, THIOTEPA)
    ward.enrol()
    assert day_of(ward.one("thiotepa/D-13")) == "2026-02-17"


def test_what_was_given_stays_and_the_rest_moves(ward):
    ward.enrol()
    give(ward, THIOTEPA)
    receipt = ward.enrol(transplant=MOVED, confirmed_by="Dr A. Example")
    given, moved = ward.one("thiotepa/D-13"), ward.one("busulfan/D-5")
    assert (day_of(given), given.content["status"]) == ("2026-02-17", "completed")
    assert day_of(moved) == "2026-03-04"
    assert planned_on(ward, given.reference) == "2026-02-17"
    assert planned_on(ward, moved.reference) == "2026-03-04"
    assert ward.stored("CarePlan")[0].content["period"]["start"] == "2026-02-17"
    assert given.reference in receipt.resources


def test_who_confirmed_is_kept_in_the_audit_and_not_with_the_facts(ward):
    receipt = ward.enrol(confirmed_by=" Dr A. Example ")
    with ward.store.reading() as tx:
        assert [deed.detail for deed in tx.audit.of(receipt.id)] == ["Dr A. Example"]
        assert "confirmed_by" not in tx.enrolments.get(receipt.id).content
    assert ward.enrol().version == 1


@pytest.mark.parametrize("name", ["", "  ", True, 7, ["Dr A"]])
def test_a_confirmation_is_a_name(ward, name):
    with pytest.raises(Invalid) as caught:
        ward.enrol(confirmed_by=name)
    assert [fault.path for fault in caught.value.faults] == ["confirmed_by"]


def _regimen(ward):
    with ward.store.reading() as tx:
        return tx.resources.from_source(ward.stored("Patient")[0].course, regimen.SOURCE)
