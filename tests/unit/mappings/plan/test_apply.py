"""`$apply` answers with a plan that is complete, deterministic and valid, or with a refusal that names the input."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mappings.canonicals import Canonicals
from mappings.plan import Body, Order, apply
from mappings.plan.dosing import dose
from mappings.plan.subject import course_of_inputs, course_of_subject, placeholder
from mappings.protocol import load
from mappings.r4 import wire
from mappings.r4.build import Ids
from mappings.r4.faults import FaultyInput
from mappings.r4.frozen import Frozen, FrozenList
from mappings.r4.validate import validate
from tests.lib.plans import COURSE, a_plan

REQUESTS = {"RequestGroup", "MedicationRequest", "ServiceRequest", "Task"}


def leaves(actions):
    for action in actions:
        if "action" in action:
            yield from leaves(action["action"])
        else:
            yield action


def faults(**inputs):
    with pytest.raises(FaultyInput) as refused:
        a_plan(**inputs)
    return {fault.path: fault.code for fault in refused.value.faults}


def errors(resource):
    return [fault for fault in validate(resource) if fault.severity == "error"]


def test_care_plan_with_everything_contained_is_valid_r4():
    care_plan = a_plan().applied.care_plan
    assert errors(care_plan) == []
    contained = {f"#{r['id']}" for r in care_plan["contained"]}
    named = {activity["reference"]["reference"] for activity in care_plan["activity"]}
    assert named <= contained
    (group,) = [r for r in care_plan["contained"] if r["resourceType"] == "RequestGroup"]
    assert {leaf["resource"]["reference"] for leaf in leaves(group["action"])} <= contained


def test_stand_alone_resources_are_valid_and_refer_to_each_other():
    bundle = a_plan().applied.bundle
    assert errors(bundle) == []
    there = {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in bundle["entry"]}
    (group,) = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "RequestGroup"]
    assert {leaf["resource"]["reference"] for leaf in leaves(group["action"])} <= there
    assert all(entry["request"]["method"] == "PUT" for entry in bundle["entry"])
    assert not any("contained" in entry["resource"] for entry in bundle["entry"])


def test_each_leaf_has_a_resource_and_no_children():
    (group,) = a_plan().orders("RequestGroup")
    found = list(leaves(group["action"]))
    assert all("resource" in leaf for leaf in found)
    assert len(found) == 22 + 1 + 1 + 2 + 3 + 6 + 3


def test_care_plan_names_the_request_group_and_every_order():
    plan = a_plan()
    care_plan, *others = plan.applied.resources
    expected = [f"{r['resourceType']}/{r['id']}" for r in others if r["resourceType"] in REQUESTS]
    assert [a["reference"]["reference"] for a in care_plan["activity"]] == expected


def test_the_same_inputs_give_the_same_bytes():
    assert wire.encode(a_plan().applied.bundle) == wire.encode(a_plan().applied.bundle)


def test_two_patients_share_no_id():
    other = "9c1f5e0a-7d2b-5c3d-8e4f-102030405060"
    mine, theirs = ({r["id"] for r in a_plan(course=c).applied.resources} for c in (COURSE, other))
    assert not mine & theirs


def test_ids_do_not_move_with_day_zero():
    first, moved = (a_plan(day_zero=day) for day in (date(2026, 3, 2), date(2026, 3, 4)))
    assert [r["id"] for r in first.applied.resources] == [r["id"] for r in moved.applied.resources]


def test_request_identifiers_are_course_action_day():
    plan = a_plan()
    order = plan.order("ptcy", "D3")
    assert order["identifier"] == [
        {"system": "https://engraft.example/fhir/sid/request", "value": f"{COURSE}/ptcy/D3"},
    ]
    assert plan.order("visit-m3")["identifier"][0]["value"] == f"{COURSE}/visit-m3"


def test_a_proposal_is_active_where_dated_and_dosed_and_draft_where_open():
    plan = a_plan()
    assert (plan.applied.resources[0]["status"], plan.applied.resources[0]["intent"]) == ("active", "proposal")
    assert {m["status"] for m in plan.orders("MedicationRequest")} == {"active"}
    assert {r["intent"] for k in ("MedicationRequest", "ServiceRequest", "Task") for r in plan.orders(k)} == {"option"}
    open_ones = {plan.order(k)["status"] for k in ("pdli-1", "visit-baseline", "mycophenolate-taper")}
    assert open_ones == {"draft"}


def test_a_stored_course_is_a_plan_that_stays_draft():
    plan = a_plan(intent="plan")
    requests = [r for r in plan.applied.resources if r["resourceType"] in {"CarePlan", *REQUESTS}]
    assert {r["status"] for r in requests} == {"draft"}
    assert {r["intent"] for r in plan.applied.resources if "intent" in r} == {"plan"}


@pytest.mark.parametrize("weight", [None, "0", "-5", "700", "1.75", "NaN"])
def test_weight_missing_or_implausible_is_refused(weight):
    assert list(faults(weight_kg=weight)) == ["weight"]


@pytest.mark.parametrize("height", [None, "1.75", "0", "300"])
def test_height_missing_or_in_metres_is_refused(height):
    assert list(faults(height_cm=height)) == ["height"]


def test_all_missing_inputs_are_named_at_once():
    assert faults(weight_kg=None, height_cm=None, day_zero=None) == {
        "day-zero": "required",
        "weight": "required",
        "height": "required",
    }


def test_unknown_surface_formula_is_refused():
    assert faults(formula="haycock") == {"bsa-formula": "code-invalid"}


@pytest.mark.parametrize("day_zero", [date(1, 1, 2), date(9999, 12, 1)])
def test_a_day_zero_in_an_impossible_place_is_refused(day_zero):
    assert faults(day_zero=day_zero) == {"day-zero": "value"}


def test_a_draft_carries_no_dose_and_says_so():
    plan = a_plan(weight_kg=None, height_cm=None, day_zero=None, draft=True)
    assert errors(plan.applied.care_plan) == []
    assert plan.applied.care_plan["title"].startswith("DRAFT, NOT DOSED")
    kinds = {d["type"]["coding"][0]["code"] for m in plan.orders("MedicationRequest") for d in _rates(m)}
    assert kinds == {"ordered"}
    assert {r["status"] for r in plan.applied.resources if "status" in r} == {"draft"}
    assert {(row.date, row.daily_mg) for row in plan.applied.rows} == {("", "")}
    assert all("DRAFT" in m["dosageInstruction"][0]["text"] for m in plan.orders("MedicationRequest"))


def test_nothing_ends_immunosuppression_by_itself():
    plan = a_plan()
    for action in ("ciclosporin", "mycophenolate"):
        assert "end" not in json.dumps(plan.order(action, "D6")["dosageInstruction"][0]["timing"])
    assert "end" not in plan.applied.care_plan["period"]


def test_the_arithmetic_stands_in_the_order():
    body = Body(Decimal("70"), Decimal("175"), date(2026, 2, 10), date(2026, 2, 11))
    order = Order(load("set-haplo-pdli"), date(2026, 3, 2), body, "Patient/synthetic", COURSE)
    (text,) = [
        r["dosageInstruction"][0]["text"]
        for r in apply(order).resources
        if r["resourceType"] == "MedicationRequest" and r["identifier"][0]["value"].endswith("/cyclophosphamide/D-12")
    ]
    for part in ("400 mg/m2", "1.8447 m2", "mosteller", "70 kg of 2026-02-10", "175 cm of 2026-02-11", "737.8648 mg"):
        assert part in text


def test_without_a_subject_the_plan_is_for_a_marked_placeholder():
    body = Body(Decimal(70), Decimal(175))
    course = course_of_inputs("set-haplo-pdli", date(2026, 3, 2), body, "mosteller")
    patient = placeholder(course, sex="female", birth_date="1971-05-02")
    assert errors(patient) == []
    assert "PLACEHOLDER" in patient["name"][0]["text"]
    assert errors(placeholder(course)) == []
    order = Order(
        load("set-haplo-pdli"),
        date(2026, 3, 2),
        body,
        f"Patient/{patient['id']}",
        course,
        subject_resource=patient,
    )
    applied = apply(order)
    assert errors(applied.care_plan) == []
    assert applied.care_plan["subject"] == {"reference": f"#{patient['id']}"}
    heavier = replace(body, weight_kg=Decimal(71))
    assert course_of_inputs("set-haplo-pdli", date(2026, 3, 2), heavier, "mosteller") != course


def test_course_of_a_subject_depends_on_the_reference_alone():
    one, two = (course_of_subject("set-haplo-pdli", f"Patient/{key}") for key in "ab")
    assert one != two
    elsewhere = Canonicals(base="https://fhir.example.org/r4")
    assert course_of_subject("set-haplo-pdli", "Patient/a", elsewhere) != one
    assert Ids(one)("thiotepa", "D-13") != Ids(one)("thiotepa", "D-12")


weights = st.decimals(min_value=20, max_value=400, places=2)
heights = st.decimals(min_value=100, max_value=250, places=1)


@given(weight=weights, height=heights)
def test_amounts_grow_with_the_patient_and_never_pass_the_cap(weight, height):
    assume(10 <= Body(weight, height).bmi <= 80)
    plan = a_plan(str(weight), str(height))
    for row in plan.applied.rows:
        if not row.daily_mg:
            continue
        assert Decimal(row.exact_mg) > 0
        assert abs(Decimal(row.daily_mg) - Decimal(row.exact_mg)) <= Decimal("0.05005")
        assert Decimal(row.mg_per_dose) * int(row.doses_per_day) == Decimal(row.daily_mg)
    mycophenolate = plan.on("D+6", "mycophenolate")
    assert Decimal(mycophenolate.daily_mg) <= 2000
    assert Decimal(mycophenolate.mg_per_dose) <= 1000


@given(day_zero=st.dates(date(1901, 1, 1), date(2190, 1, 1)))
def test_every_dated_row_is_as_many_days_from_day_zero_as_it_says(day_zero):
    for row in a_plan(day_zero=day_zero).applied.rows:
        assert (date.fromisoformat(row.date) - day_zero).days == int(row.day[1:])


def _rates(order):
    return order["dosageInstruction"][0]["doseAndRate"]


def test_a_protocol_by_weight_alone_needs_no_height_and_may_set_no_goal():
    whole = load("set-haplo-pdli")
    by_weight = tuple(
        replace(phase, lines=tuple(line for line in phase.lines if line.dose.per == "kg")) for phase in whole.phases
    )
    objectives = tuple(replace(objective, goal=None) for objective in whole.objectives)
    protocol = replace(whole, phases=by_weight, objectives=objectives)
    body = Body(Decimal(70), None)
    applied = apply(Order(protocol, date(2026, 3, 2), body, "Patient/synthetic", COURSE))
    assert {row.daily_mg for row in applied.rows if row.action == "thiotepa"} == {"350.0"}
    assert "goal" not in applied.resources[0]


@pytest.mark.parametrize("body", [Body(None, Decimal(175)), Body(Decimal(70), None)])
def test_dosing_never_guesses_a_measure(body):
    (fludarabine,) = [line for line in load("set-haplo-pdli").lines if line.key == "fludarabine"]
    with pytest.raises(ValueError, match="missing"):
        dose(fludarabine, body, "mosteller")


def test_two_plans_share_no_part_that_could_be_changed():
    def parts(node, within_still=False):
        if isinstance(node, dict | list):
            still = isinstance(node, Frozen | FrozenList)
            assert still or not within_still
            if not still:
                yield id(node)
            for one in node.values() if isinstance(node, dict) else node:
                yield from parts(one, still)

    plans = [a_plan(course=COURSE), a_plan(weight_kg="60", course="1b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60"), a_plan()]
    shapes = [shape for plan in plans for shape in (plan.applied.care_plan, plan.applied.resources)]
    held = [set(parts(list(shape))) if isinstance(shape, tuple) else set(parts(shape)) for shape in shapes]
    of_one = [held[0] | held[1], held[2] | held[3], held[4] | held[5]]
    assert of_one[0].isdisjoint(of_one[1])
    assert of_one[0].isdisjoint(of_one[2])


def test_what_stands_in_the_plans_of_all_patients_tells_nothing_of_one():
    def still(node):
        if isinstance(node, Frozen | FrozenList):
            yield node
        elif isinstance(node, dict | list):
            for one in node.values() if isinstance(node, dict) else node:
                yield from still(one)

    plan = a_plan("61.73", "158.2", date(2031, 5, 7)).applied.care_plan
    words = [wire.encode(one).decode() for one in still(plan)]
    told = ("Patient/", "2031-", "61.73", "158.2", "#")
    assert [text for text in words if any(one in text for one in told)] == []
    assert {text for text in words if COURSE in text} == {wire.encode(plan["contained"][0]["groupIdentifier"]).decode()}
    assert len(words) > 300
