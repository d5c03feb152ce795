"""Amounts that no measure changes, and amounts that the trial gives per dose. The protocols are made up."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from mappings.plan import Body, Order, apply, recheck
from mappings.plan.definition import definitions
from mappings.plan.reading import read
from mappings.protocol import parse
from mappings.protocol.check import check
from mappings.r4.faults import FaultyInput
from mappings.r4.validate import validate
from tests.lib.plans import COURSE, Plan, calculated, ordered
from tests.lib.tree import ROOT

TEXT = (ROOT / "tests" / "protocols" / "kdn5.yaml").read_text("utf-8")
DOSE = "dose: {amount: 1250, unit: mg, per: m2, each: day}"
SAID = "Gemcitabine 1250 mg/m² IV over 30 minutes on days 1 and 8"


def text_with(dose, said, more=""):
    found = TEXT.replace(DOSE, f"dose: {dose}").replace(SAID, said)
    return found.replace('        over_minutes: 30\n        source: "Gem', f'{more}        source: "Gem')


FIXED = text_with("{amount: 50, unit: mg, per: fixed, each: day}", "Gemcitabine 50 mg IV on days 1 and 8")
TWICE = text_with(
    "{amount: 500, unit: mg, per: fixed, each: dose, times_a_day: 2}",
    "Gemcitabine 500 mg IV, 2 times a day, on days 1 and 8",
)
PER_DOSE = text_with(
    "{amount: 0.8, unit: mg, per: kg, each: dose, times_a_day: 4}",
    "Gemcitabine 0.8 mg/kg IV 4 times a day on days 1 and 8",
)


def a_plan(text, weight=None, height=None, **asked):
    body = Body(*(Decimal(measure) if measure else None for measure in (weight, height)))
    return Plan(apply(Order(parse(text), date(2026, 3, 2), body, "Patient/synthetic", COURSE, **asked)))


def errors(text):
    return [fault.message for fault in check(text, "x.yaml") if fault.severity == "error"]


def sound(plan):
    return [fault for fault in validate(plan.applied.bundle) if fault.severity == "error"] == []


@pytest.mark.parametrize(("weight", "height"), [(None, None), ("40", "150"), ("120", "195")])
def test_a_fixed_dose_is_the_same_for_every_patient_and_asks_for_no_measure(weight, height):
    plan = a_plan(FIXED, weight, height)
    order = plan.order("gemcitabine", "C1D1")
    assert (calculated(order), ordered(order)) == (Decimal(50), (Decimal(50), "mg"))
    row = plan.on("C1D1", "gemcitabine")
    assert (row.basis_value, row.basis_unit, row.exact_mg, row.daily_mg) == ("50", "mg", "50.0000", "50.0")
    (dosage,) = order["dosageInstruction"]
    assert "50 mg/day, the same for every patient; ordered 50 mg a day" in dosage["text"]
    assert sound(plan)


def test_its_basis_is_fixed_and_it_rests_on_no_observation():
    """mCODE's normalization-basis: SNOMED CT 1157245009."""
    order = a_plan(FIXED, "70", "175").order("gemcitabine", "C1D1")
    (basis,) = order["extension"]
    assert basis["valueCodeableConcept"]["coding"][0]["code"] == "1157245009"
    assert "supportingInformation" not in order
    (calculation,) = order["dosageInstruction"][0]["extension"]
    assert "measure" not in {part["url"] for part in calculation["extension"]}


def test_an_amount_per_dose_is_given_so_often():
    plan = a_plan(TWICE)
    order = plan.order("gemcitabine", "C2D8")
    assert (calculated(order), ordered(order)) == (Decimal(500), (Decimal(1000), "mg/d"))
    (dosage,) = order["dosageInstruction"]
    assert dosage["timing"]["repeat"] == {"frequency": 2, "period": 1, "periodUnit": "d"}
    assert "500 mg 2 times a day" in dosage["text"]
    (item, *_) = [one for one in read(plan.applied.resources) if one.action == "gemcitabine"]
    assert (item.mg, item.doses) == (Decimal(500), 2)
    assert "centre's" not in plan.on("C1D1", "gemcitabine").status
    assert sound(plan)


def test_an_amount_per_kg_and_dose_is_multiplied_by_weight():
    """0.8 mg/kg x 70 kg = 56 mg, four times a day: 224 mg."""
    plan = a_plan(PER_DOSE, "70")
    assert plan.on("C1D1", "gemcitabine").daily_mg == "224.0"
    assert calculated(plan.order("gemcitabine", "C1D1")) == 56


def test_the_definition_says_it_too():
    for text, code, repeat in ((FIXED, "mg", None), (TWICE, "mg/d", {"frequency": 2, "period": 1, "periodUnit": "d"})):
        (activity,) = [one for one in definitions(parse(text)) if one["id"] == "kdn5-gemcitabine"]
        (dosage,) = activity["dosage"]
        (said,) = dosage["doseAndRate"]
        assert (said.get("doseQuantity") or said["rateQuantity"])["code"] == code
        assert dosage.get("timing", {}).get("repeat") == repeat


def test_the_second_reckoning_sees_a_wrong_one():
    plan = a_plan(FIXED)
    known = recheck.read(definitions(parse(FIXED)))
    orders = plan.orders("MedicationRequest")
    evidence = recheck.Evidence(date(2026, 3, 2), "0", None, "mosteller")
    recheck.require_agreement(orders, known, evidence)
    orders[0]["dosageInstruction"][0]["doseAndRate"][1]["doseQuantity"]["value"] = Decimal("50.1")
    with pytest.raises(recheck.Disagreement, match=r"50\.1 mg a dose stands there, 50 mg was reckoned again"):
        recheck.require_agreement(orders, known, evidence)


@pytest.mark.parametrize("text", [FIXED, TWICE, PER_DOSE], ids=["fixed", "twice", "per dose"])
def test_the_check_finds_such_a_protocol_sound(text):
    assert errors(text) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (FIXED.replace("amount: 50,", "amount: 5,"), "does not say 5 mg"),
        (TWICE.replace("amount: 500,", "amount: 1000,"), "does not say 1000 mg"),
        (TWICE.replace("times_a_day: 2", "times_a_day: 3"), "does not say 3 times a day"),
        (TWICE.replace(", times_a_day: 2", ""), "times_a_day says how many doses"),
        (FIXED.replace("each: day", "each: day, times_a_day: 2"), "times_a_day says how many doses"),
        (
            TWICE.replace("times_a_day: 2}", "times_a_day: 2, at_most: {amount: 1, unit: g, times_a_day: 3}}"),
            "at_most is for 3 doses a day, and the dose for 2",
        ),
    ],
)
def test_what_is_wrong_is_found(text, told):
    try:
        found = errors(text)
    except FaultyInput as refused:
        found = [fault.message for fault in refused.faults]
    assert any(told in message for message in found), found


@pytest.mark.parametrize(
    ("total", "told"),
    [
        ("cycle: {amount: 100, unit: mg}", None),
        ("cycle: {amount: 150, unit: mg}", "stated as 150 mg, but 2 x 50 mg are 100 mg"),
        ("cycle: {amount: 100, unit: mg/kg}", "stated per kg, but the line is dosed for everybody"),
    ],
)
def test_a_stated_total_is_summed(total, told):
    text = text_with(
        "{amount: 50, unit: mg, per: fixed, each: day}",
        "Gemcitabine 50 mg IV on days 1 and 8, 100 mg a cycle (150 mg, 100 mg/kg)",
        f"        total: {{{total}}}\n",
    )
    found = [message for message in errors(text) if "total" in message]
    assert (found == []) if told is None else found[0].endswith(told)


def test_an_amount_out_of_any_measure_is_strange():
    text = FIXED.replace("50 mg", "50000 mg").replace("amount: 50,", "amount: 50000,")
    assert any("lies outside 0.001 to 30000 mg" in fault.message for fault in check(text, "x.yaml"))


def test_a_cap_on_a_fixed_dose_binds_for_all_or_for_nobody():
    capped = TWICE.replace("times_a_day: 2}", "times_a_day: 2, at_most: {amount: 1, unit: g, times_a_day: 2}}")
    assert any("never binds" in fault.message for fault in check(capped, "x.yaml"))


THRICE = text_with(
    "{amount: 50, unit: mg, per: m2, each: dose, times_a_day: 3}",
    "Gemcitabine 50 mg/m² IV 3 times a day on days 1 and 8",
)


def test_three_doses_that_the_day_cannot_be_shared_into_are_each_rounded():
    """1.8447 m2 x 50 mg = 92.2331 mg a dose: three of 92.2 mg, and not a third of 276.7 mg, which nobody can write."""
    plan = a_plan(THRICE, "70", "175")
    row, order = plan.on("C1D1", "gemcitabine"), plan.order("gemcitabine", "C1D1")
    assert (row.exact_mg, row.daily_mg, row.mg_per_dose) == ("276.6993", "276.6", "92.2")
    assert "each dose to 0.1 mg" in row.status
    assert calculated(order) == Decimal("92.2")
    assert "rounded half up to 0.1 mg a dose" in order["dosageInstruction"][0]["text"]
    assert sound(plan)


def test_the_second_reckoning_rounds_three_doses_by_itself(monkeypatch):
    monkeypatch.setattr("mappings.plan.dosing._SHARED", 3 * 10_000)
    with pytest.raises(recheck.Disagreement):
        assert a_plan(THRICE, "70", "175").applied.resources
