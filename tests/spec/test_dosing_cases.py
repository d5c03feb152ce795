"""Worked doses and calendars, computed outside this project."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from mappings.plan.timeline import day_date, months_after
from tests.lib.plans import a_plan, calculated

DATA = Path(__file__).parents[1] / "data"
PATIENTS = json.loads((DATA / "dosing_cases.json").read_text())["patients"]
CALENDARS = json.loads((DATA / "calendar_cases.json").read_text())["cases"]
ACTIONS = {
    ("thiotepa", "sequential chemotherapy"): "thiotepa",
    ("cyclophosphamide", "sequential chemotherapy"): "cyclophosphamide",
    ("etoposide", "sequential chemotherapy"): "etoposide",
    ("fludarabine", "reduced-intensity conditioning"): "fludarabine",
    ("busulfan", "reduced-intensity conditioning"): "busulfan",
    ("anti-thymocyte immunoglobulin (rabbit, Thymoglobuline)", "reduced-intensity conditioning"): "atg",
    ("cyclophosphamide", "GVHD prophylaxis (PTCy)"): "ptcy",
    ("ciclosporin", "GVHD prophylaxis"): "ciclosporin",
    ("mycophenolate mofetil", "GVHD prophylaxis"): "mycophenolate",
}
LINES = [
    pytest.param(patient, line, formula, id=f"{patient['id']}-{ACTIONS[line['drug'], line['role']]}-{formula}")
    for patient in PATIENTS
    for line in patient["lines"]
    for formula in ("mosteller", "dubois")
]


@pytest.mark.parametrize(("patient", "line", "formula"), LINES)
def test_daily_amounts_are_those_of_the_worked_cases(patient, line, formula):
    plan = a_plan(patient["weight_kg"], patient["height_cm"], formula=formula)
    rows = plan.rows(ACTIONS[line["drug"], line["role"]])
    by_surface = line["per_day"].endswith("/m2")
    exact = line[f"daily_mg_{formula}" if by_surface else "daily_mg"]
    ordered = line[f"daily_mg_rounded_0_1_{formula}" if by_surface else "daily_mg_rounded_0_1"]
    assert len(rows) == line["n_days"]
    assert {row.exact_mg for row in rows} == {exact}
    assert {row.daily_mg for row in rows} == {ordered}


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda p: p["id"])
def test_orders_carry_the_amounts_of_the_rows(patient):
    plan = a_plan(patient["weight_kg"], patient["height_cm"])
    medications = plan.orders("MedicationRequest")
    assert len(medications) == 22
    amounts = {(row.action, row.day.replace("+", "")): row for row in plan.applied.rows if row.mg_per_dose}
    for order in medications:
        _, action, day = order["identifier"][0]["value"].split("/")
        assert calculated(order) == Decimal(amounts[action, day].mg_per_dose)


def test_mycophenolate_is_given_in_two_doses_that_add_up():
    for patient in PATIENTS:
        (line,) = [line for line in patient["lines"] if line["drug"] == "mycophenolate mofetil"]
        row = a_plan(patient["weight_kg"], patient["height_cm"]).on("D+6", "mycophenolate")
        assert Decimal(row.mg_per_dose) * 2 == Decimal(row.daily_mg)
        half = Decimal(line["per_dose_mg"])
        assert abs(Decimal(row.mg_per_dose) - half) <= Decimal("0.05")
        assert ("capped" in row.status) is line["capped"]


@pytest.mark.parametrize("case", CALENDARS, ids=lambda c: c["day0"])
def test_days_and_months_are_those_of_the_calendar(case):
    day_zero = date.fromisoformat(case["day0"])
    assert {k: day_date(day_zero, int(k)).isoformat() for k in case["relative_days"]} == case["relative_days"]
    months = {m: months_after(day_zero, int(m)) for m in case["months_after"]}
    assert {m: day.isoformat() for m, day in months.items()} == case["months_after"]
    assert {m: (day - day_zero).days for m, day in months.items()} == case["months_after_in_days"]


@pytest.mark.parametrize("case", CALENDARS, ids=lambda c: c["day0"])
def test_plan_dates_are_those_of_the_calendar(case):
    plan = a_plan(day_zero=date.fromisoformat(case["day0"]))
    for row in plan.applied.rows:
        day = row.day.removeprefix("D").removeprefix("+")
        if day in case["relative_days"]:
            assert row.date == case["relative_days"][day], row


def test_rounding_is_half_up_from_the_unrounded_amount():
    plan = a_plan(weight_kg="57.81")
    assert plan.on("D-5", "busulfan").exact_mg == "184.9920"
    assert plan.on("D-3", "atg").exact_mg == "144.5250"
    assert plan.on("D-3", "atg").daily_mg == "144.5"
    assert a_plan(weight_kg="57.83").on("D-13", "thiotepa").daily_mg == "289.2"  # 289.15, half up
