"""A plan read back from its FHIR form says what the protocol prescribed, day by day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.plan import Body, Order, apply
from mappings.plan.reading import Kind, as_people_write, read
from mappings.protocol import load
from mappings.protocol.overlay_schema import parse
from tests.lib.plans import COURSE, GRAFT, a_plan


def items(plan):
    return read(plan.applied.resources)


def one(plan, action, day=""):
    (found,) = [item for item in items(plan) if (item.action, item.day) == (action, day)]
    return found


PLAN = a_plan(intent="plan")


@pytest.mark.parametrize(
    ("action", "day", "after", "mg", "doses", "route"),
    [
        ("thiotepa", "D-13", -13, "350", 1, ""),  # 5 mg/kg x 70 kg
        ("busulfan", "D-4", -4, "224", 1, "IV"),  # 3.2 mg/kg x 70 kg
        ("atg", "D-2", -2, "175", 1, ""),  # 2.5 mg/kg x 70 kg
        ("ptcy", "D+5", 5, "3500", 1, ""),  # 50 mg/kg x 70 kg
        ("ciclosporin", "D+6", 6, "210", 1, "IV"),  # 3 mg/kg x 70 kg
        ("mycophenolate", "D+6", 6, "1000", 2, ""),  # 30 mg/kg x 70 kg, at most 1 g twice a day
    ],
)
def test_a_drug_has_its_day_date_amount_and_route(action, day, after, mg, doses, route):
    item = one(PLAN, action, day)
    assert item.first == GRAFT + timedelta(days=after)
    assert (item.mg, item.doses, item.route) == (Decimal(mg), doses, route)
    assert item.reference.startswith("MedicationRequest/")
    assert item.text.startswith(item.title)


def test_every_kind_of_thing_is_told_apart():
    kinds = {kind: {item.action for item in items(PLAN) if item.kind is kind} for kind in Kind}
    assert kinds[Kind.COURSE] == {"ciclosporin", "mycophenolate"}
    assert kinds[Kind.REST] == {"rest"}
    assert kinds[Kind.TAPER] == {"ciclosporin-taper", "mycophenolate-taper"}
    assert kinds[Kind.PROCEDURE] == {"graft", "pdli-1", "pdli-2", "pdli-3"}
    assert kinds[Kind.VISIT] == {f"visit-{v}" for v in ("baseline", "m1", "m3", "m6", "m12", "m24")} | {
        f"assay-d{day}" for day in (30, 90, 180)
    }
    assert kinds[Kind.DOSE] == {
        "thiotepa", "cyclophosphamide", "etoposide", "fludarabine", "busulfan", "atg", "ptcy"
    }  # fmt: skip


def test_a_line_is_called_by_its_name_without_the_day():
    assert {item.title for item in items(PLAN) if item.action == "ptcy"} == {"Cyclophosphamide after transplant (PTCy)"}
    assert {item.drug for item in items(PLAN) if item.action == "ptcy"} == {"Cyclophosphamide"}
    assert one(PLAN, "visit-m3").title == "Visit at 3 months"


def test_what_waits_for_a_gate_says_so_in_words():
    gated = {item.action: item.gate for item in items(PLAN) if item.gate}
    assert set(gated) == {"mycophenolate-taper", "ciclosporin-taper", "pdli-1", "pdli-2", "pdli-3"}
    assert "no active GVHD" in gated["mycophenolate-taper"]
    assert "day 120 or later" in gated["pdli-1"]


def test_a_taper_has_a_window_and_names_the_course_that_it_ends():
    taper = one(PLAN, "mycophenolate-taper")
    assert (taper.first, taper.last) == (GRAFT + timedelta(days=35), GRAFT + timedelta(days=56))
    assert taper.follows == one(PLAN, "mycophenolate", "D+6").reference


def test_what_the_protocol_does_not_date_has_no_date():
    assert one(PLAN, "visit-baseline").first is None
    assert all(item.first is None for item in items(a_plan(intent="plan", draft=True, day_zero=None)))


def test_a_draft_without_doses_has_no_amount_but_the_protocols_words():
    draft = one(a_plan(None, None, intent="plan", draft=True), "thiotepa", "D-13")
    assert draft.mg is None
    assert "not dosed" in draft.text


@pytest.mark.parametrize("status", ["cancelled", "revoked", "entered-in-error", "stopped", "rejected"])
def test_what_is_not_to_be_carried_out_is_left_out(status):
    resources = [
        r | {"status": status} if r["resourceType"] == "MedicationRequest" else r for r in PLAN.applied.resources
    ]
    assert {item.kind for item in read(resources)} & {Kind.DOSE, Kind.COURSE} == set()
    assert len(read(resources)) == len(items(PLAN)) - 22
    assert {item.kind for item in read(resources, withdrawn=True)} == {Kind.DOSE, Kind.COURSE}


def test_requests_that_no_group_names_are_still_read():
    requests = [r for r in PLAN.applied.resources if r["resourceType"] != "RequestGroup"]
    assert {item.reference for item in read(requests)} == {item.reference for item in items(PLAN)}
    (thiotepa,) = [item for item in read(requests) if item.action == "thiotepa"]
    assert (thiotepa.title, thiotepa.mg) == ("thiotepa", Decimal(350))
    (visit,) = [item for item in read(requests) if item.action == "visit-m1"]
    assert visit.title == "Follow-up visit"


def an_order(**dosage):
    identifier = [{"value": "course/drug/D1"}]
    return {"resourceType": "MedicationRequest", "id": "1", "identifier": identifier, "dosageInstruction": [dosage]}


def test_only_milligrams_calculated_for_the_patient_are_an_amount():
    ordered = {"type": {"coding": [{"code": "ordered"}]}, "doseQuantity": {"value": 5, "code": "mg"}}
    grams = {"type": {"coding": [{"code": "calculated"}]}, "doseQuantity": {"value": 5, "code": "g"}}
    (item,) = read([an_order(doseAndRate=[ordered, grams])])
    assert item.mg is None


def test_an_order_for_several_days_is_an_item_on_each():
    days = ["2026-03-03", "2026-03-04"]
    assert [item.first for item in read([an_order(timing={"event": days})])] == [date(2026, 3, 3), date(2026, 3, 4)]


def test_an_order_with_an_end_has_it():
    bounds = {"start": "2026-03-03", "end": "2026-03-09"}
    (item,) = read([an_order(timing={"repeat": {"boundsPeriod": bounds, "frequency": 3}})])
    assert (item.kind, item.first, item.last, item.doses) == (Kind.COURSE, date(2026, 3, 3), date(2026, 3, 9), 3)


def test_an_order_without_any_dosage_is_an_item_without_one():
    (item,) = read([an_order() | {"dosageInstruction": []}])
    assert (item.first, item.mg) == (None, None)


def test_a_condition_that_stops_or_has_no_words_is_no_gate():
    order = an_order()
    leaf = {
        "resource": {"reference": "MedicationRequest/1"},
        "condition": [{"kind": "stop", "expression": {"description": "GVHD"}}, {"kind": "start"}],
    }
    heading = {"title": "a heading without a request"}
    (item,) = read([{"resourceType": "RequestGroup", "action": [leaf, heading]}, order])
    assert item.gate == ""


@pytest.mark.parametrize(("said", "written"), [("D3", "D+3"), ("D0", "D0"), ("D-13", "D-13"), ("D+3", "D+3"), ("", "")])
def test_days_after_the_graft_are_written_with_a_plus(said, written):
    assert as_people_write(said) == written


@given(st.decimals(min_value=40, max_value=150, places=1), st.integers(-400, 400))
def test_whatever_is_planned_is_read_back(weight, shift):
    plan = a_plan(str(weight), "175", GRAFT + timedelta(days=shift), intent="plan")
    rows = {(row.action, row.day): row for row in plan.applied.rows}
    for item in items(plan):
        if item.kind is Kind.DOSE:
            row = rows[item.action, item.day]
            assert (item.first.isoformat(), item.mg) == (row.date, Decimal(row.mg_per_dose))


@pytest.mark.parametrize("day_zero", [GRAFT, None])
def test_a_day_that_a_centre_divides_into_doses_is_no_course(day_zero):
    protocol = load("set-haplo-pdli")
    said = "centre: FR-037\nprotocol: set-haplo-pdli\nlines:\n  busulfan: {doses_per_day: 4}\n"
    order = Order(
        protocol,
        day_zero=day_zero,
        body=Body(Decimal(70), Decimal(175)),
        subject="Patient/synthetic",
        course=COURSE,
        draft=day_zero is None,
        overlay=parse(said, protocol),
    )
    kinds = {item.action: (item.kind, item.doses) for item in read(apply(order).resources)}
    assert kinds["busulfan"] == (Kind.DOSE, 4)
    assert kinds["mycophenolate"] == (Kind.COURSE, 2)
