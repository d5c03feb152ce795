"""The second reckoning agrees with the first on every patient, and sees every wrong number that is put into a plan."""

from __future__ import annotations

import copy
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mappings.plan import Body, Order, apply, recheck
from mappings.plan.definition import definitions
from mappings.plan.recheck import Disagreement, Evidence
from mappings.protocol import load
from mappings.protocol.overlay import LineDetail, Overlay
from tests.lib.plans import COURSE, GRAFT, a_plan

SET = load("set-haplo-pdli")
READ = recheck.read(definitions(SET))
EVIDENCE = Evidence(GRAFT, "70", "175", "mosteller")
ORDERS = a_plan().orders("MedicationRequest")


def wrong(change, evidence=EVIDENCE):
    """What the recheck says of the plan after `change` was done to its orders, by action and day."""
    orders = copy.deepcopy(ORDERS)
    change({order["identifier"][0]["value"].split("/", 1)[1]: order for order in orders}, orders)
    with pytest.raises(Disagreement) as found:
        recheck.require_agreement(orders, READ, evidence)
    return found.value.found


def amount_of(order):
    return order["dosageInstruction"][0]["doseAndRate"][1]["doseQuantity"]


def test_an_honest_plan_agrees():
    recheck.require_agreement(ORDERS, READ, EVIDENCE)


@pytest.mark.parametrize("by", ["-0.1", "0.1", "-350", "3150"])
def test_another_dose_is_told_with_both_numbers(by):
    def change(named, _):
        amount_of(named["thiotepa/D-13"])["value"] += Decimal(by)

    (told,) = wrong(change)
    assert told.startswith("thiotepa on day -13")
    assert f"{float(350 + Decimal(by)):g} mg a dose stands there, 350 mg was reckoned again" in told


def test_a_surface_dose_that_is_one_step_off_is_seen():
    def change(named, _):
        amount_of(named["fludarabine/D-5"])["value"] = Decimal("55.4")

    assert wrong(change) == ("fludarabine on day -5: 55.4 mg a dose stands there, 55.3 mg was reckoned again",)


def test_a_cap_that_was_not_applied_is_seen():
    def change(named, _):
        amount_of(named["mycophenolate/D6"])["value"] = Decimal(1050)

    assert wrong(change) == ("mycophenolate on day 6: 1050 mg a dose stands there, 1000 mg was reckoned again",)


def test_an_amount_between_two_steps_of_rounding_is_seen():
    def change(named, _):
        amount_of(named["thiotepa/D-13"])["value"] = Decimal("350.04")

    (told,) = wrong(change)
    assert "350.04 mg a dose stands there, 350 mg was reckoned again" in told


def test_another_unit_another_frequency_and_no_dose_are_seen():
    def grams(named, _):
        amount_of(named["thiotepa/D-13"])["code"] = "g"

    def once(named, _):
        named["mycophenolate/D6"]["dosageInstruction"][0]["timing"]["repeat"]["frequency"] = 1

    def none(named, _):
        named["thiotepa/D-13"]["dosageInstruction"][0]["doseAndRate"].pop()

    assert "350000 mg" in wrong(grams)[0]
    assert wrong(once) == ("mycophenolate on day 6: is not given 2 times a day",)
    assert wrong(none) == ("thiotepa on day -13: has 0 doses in mg, not one",)


def test_a_wrong_date_and_a_wrong_day_are_seen():
    def later(named, _):
        named["busulfan/D-4"]["dosageInstruction"][0]["timing"]["event"] = ["2026-02-27"]

    def swapped(named, orders):
        one, two = named["busulfan/D-5"], named["busulfan/D-4"]
        one["identifier"], two["identifier"] = two["identifier"], one["identifier"]

    def undated(named, _):
        del named["thiotepa/D-13"]["dosageInstruction"][0]["timing"]

    assert wrong(later) == ("busulfan on day -4: dated 2026-02-27, which should be 2026-02-26",)
    assert len(wrong(swapped)) == 2
    assert "dated nowhere, which should be 2026-02-17" in wrong(undated)[0]


def test_an_order_too_few_too_many_or_of_nothing_is_seen():
    def fewer(_, orders):
        orders.pop(0)

    def twice(_, orders):
        orders.append(orders[0])

    def strange(named, _):
        named["thiotepa/D-13"]["instantiatesCanonical"] = ["https://engraft.example/fhir/ActivityDefinition/other|1"]

    assert "0 orders stand where the protocol has 1" in wrong(fewer)[0]
    assert "2 orders stand where the protocol has 1" in wrong(twice)[0]
    assert any("which the plan does not know" in told for told in wrong(strange))


def test_a_draft_with_a_dose_is_seen():
    assert "although nothing is known to dose by" in wrong(lambda *_: None, Evidence(GRAFT, None, None, "mosteller"))[0]
    draft = a_plan(None, None, draft=True).orders("MedicationRequest")
    recheck.require_agreement(draft, READ, Evidence(GRAFT, None, None, "mosteller"))


def test_without_a_day_zero_no_order_has_a_date():
    undated = a_plan(None, None, None, draft=True).orders("MedicationRequest")
    recheck.require_agreement(undated, READ, Evidence(None, None, None, "mosteller"))
    assert "which should be nowhere" in wrong(lambda *_: None, Evidence(None, "70", "175", "mosteller"))[0]


weights = st.decimals(20, 400, places=2)
heights = st.decimals(100, 250, places=1)


@settings(max_examples=60)
@given(
    weight=weights,
    height=heights,
    formula=st.sampled_from(["mosteller", "dubois"]),
    step=st.sampled_from(["0.1", "1", "2.5", "7"]),
)
def test_both_ways_agree_on_every_patient_and_rounding(weight, height, formula, step):
    body = Body(weight, height)
    assume(10 <= body.bmi <= 80)
    overlay = Overlay(
        "FR-SYN", SET.key, lines={line.key: LineDetail(step_mg=Decimal(step)) for line in SET.lines if step != "0.1"}
    )
    order = Order(SET, date(2026, 3, 2), body, "Patient/synthetic", COURSE, formula, overlay=overlay)
    assert len(apply(order).resources) > 40


@given(value=st.fractions(0, 10**6), power=st.sampled_from([1, 2, 40]))
def test_the_nearest_root_is_the_nearest(value, power):
    root = recheck._root(value, power)
    assert root == 0 or (2 * root - 1) ** power <= value * 2**power
    assert value * 2**power < (2 * root + 1) ** power


@pytest.mark.parametrize(("value", "units"), [("0.5", 1), ("0.49", 0), ("1.5", 2), ("2.5", 3)])
def test_halves_are_rounded_up(value, units):
    from fractions import Fraction

    assert recheck._root(Fraction(value), 1) == units
    assert recheck._half_up(Fraction(value)) == units
