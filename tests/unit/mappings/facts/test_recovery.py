"""Recovery of the counts: the shared cases, and what wards really send."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.facts import Measured, PartialDate
from mappings.facts.recovery import THRESHOLDS, recovered
from mappings.r4 import wire
from tests.lib.tree import ROOT

DAY_ZERO = date(2026, 3, 2)
CASES = wire.decode((ROOT / "tests/data/engraftment_cases.json").read_bytes())["cases"]
ANC = THRESHOLDS["neutrophils"]


def on(day):
    return DAY_ZERO + timedelta(days=int(day))


def counts(by_day, unit="10*9/L"):
    return [(on(day), Measured(Decimal(str(value)), unit)) for day, value in by_day.items()]


def day_of(found):
    return None if found is None else (found.day - DAY_ZERO).days


def neutrophils(*said):
    """(day, value[, comparator]) each."""
    values = [(on(day), Measured(Decimal(value), "10*9/L", *more)) for day, value, *more in said]
    return day_of(recovered(values, threshold=ANC, day_zero=DAY_ZERO))


def platelets(by_day, *transfused, threshold=THRESHOLDS["platelets"]):
    given_on = [PartialDate(day if isinstance(day, str) else on(day).isoformat()) for day in transfused]
    found = recovered(counts(by_day), threshold=threshold, day_zero=DAY_ZERO, transfusions=given_on)
    return day_of(found)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["kind"] == "platelets"], ids=lambda case: case["source"]
)
def test_platelets_as_the_manual_tells(case):
    transfused = case["last_platelet_transfusion_day"]
    assert platelets(case["g_per_l_by_day"], transfused) == case["expect_day_20"]
    if "expect_day_50" in case:
        assert platelets(case["g_per_l_by_day"], transfused, threshold=Decimal(50)) == case["expect_day_50"]


@pytest.mark.parametrize("case", [case for case in CASES if case["kind"] == "anc"], ids=lambda case: case["note"])
def test_neutrophils_of_the_shared_cases(case):
    found = recovered(counts(case["g_per_l_by_day"]), threshold=ANC, day_zero=DAY_ZERO)
    assert day_of(found) == case["expect_day_0_5"]


def test_the_order_in_which_values_come_does_not_matter():
    values = counts(CASES[2]["g_per_l_by_day"])
    random.Random(1).shuffle(values)
    assert day_of(recovered(values, threshold=ANC, day_zero=DAY_ZERO)) == 17


def test_two_values_of_one_day_are_one_day():
    assert neutrophils((9, "0.1"), (14, "0.6"), (14, "0.7"), (15, "0.8")) is None
    assert neutrophils((9, "0.1"), (14, "0.6"), (14, "0.7"), (15, "0.8"), (16, "0.9")) == 14


def test_of_several_values_of_one_day_the_lowest_counts():
    assert neutrophils((9, "0.1"), (14, "0.6"), (15, "0.8"), (15, "0.4"), (16, "0.9"), (17, "1"), (18, "1")) == 16


@pytest.mark.parametrize("unit", ["/uL", "10*3/uL", "10*6/L", "10*9/L"])
def test_units_are_converted_by_powers_of_ten(unit):
    shift = {"/uL": 1000, "10*6/L": 1000}.get(unit, 1)
    values = counts({9: "0.1"}) + [(on(day), Measured(Decimal("0.5") * shift, unit)) for day in (14, 15, 16)]
    assert day_of(recovered(values, threshold=ANC, day_zero=DAY_ZERO)) == 14


def test_what_is_no_count_per_volume_is_no_value():
    values = [*counts({9: "0.1", 14: "0.6", 15: "0.6", 17: "0.6"}), (on(16), Measured(Decimal(30), "%"))]
    assert day_of(recovered(values, threshold=ANC, day_zero=DAY_ZERO)) == 14


@pytest.mark.parametrize(
    ("value", "comparator", "day"),
    [
        ("0.5", ">=", 14),
        ("0.5", ">", 14),
        ("0.4", ">", 16),
        ("1.0", "<", 16),
        ("0.5", "<=", 16),
        ("0.5", "<", 16),
    ],
)
def test_a_value_that_may_be_too_low_proves_nothing(value, comparator, day):
    later = ((16, "0.6"), (17, "0.6"), (18, "0.6"))
    assert neutrophils((9, "0.1", "<"), (14, "0.6"), (15, value, comparator), *later) == day


def test_below_the_limit_of_detection_is_below():
    assert neutrophils((9, "0.5", "<"), (14, "0.6"), (15, "0.6"), (16, "0.6")) == 14


def test_values_before_the_graft_do_not_count():
    assert neutrophils((-4, "0.1"), (-3, "0.6"), (-2, "0.6"), (-1, "0.6")) is None
    assert neutrophils((-1, "0.1"), (1, "0.6"), (2, "0.6"), (3, "0.6")) is None


def test_a_first_dip_is_not_the_nadir():
    early = ((1, "0.4"), (2, "0.6"), (3, "0.7"), (4, "0.8"))
    assert neutrophils(*early, (7, "0.1"), (16, "0.5"), (17, "0.6"), (18, "0.9")) == 16


def test_a_later_loss_does_not_undo_the_engraftment():
    taken = ((8, "0.1"), (17, "0.5"), (18, "0.8"), (19, "1.2"))
    assert neutrophils(*taken, (60, "0.1"), (61, "0.2")) == 17
    assert neutrophils(*taken, (60, "0.0"), (61, "0.2")) == 17


def test_counts_that_never_fell_show_no_recovery():
    values = counts({1: 30, 5: 25, 9: 20, 14: 60})
    assert recovered(values, threshold=Decimal(20), day_zero=DAY_ZERO) is None


RISING = {8: 5, 10: 22, 11: 25, 12: 30, 13: 35, 17: 40, 18: 45, 19: 50}


@pytest.mark.parametrize(
    ("transfused", "day"),
    [
        ((), 10),
        ((3,), 10),
        ((4,), 11),
        ((10,), 17),
        ((11,), None),
        ((12,), None),
        (("2026-02",), 10),
        (("2026-03",), None),
    ],
)
def test_each_of_the_three_is_untransfused_for_seven_days(transfused, day):
    """Day 10 of the graft is 2026-03-12. A transfusion on the day itself counts as one before."""
    assert platelets(RISING, *transfused) == day


def test_the_three_days_are_named():
    found = recovered(counts({9: "0.1", 14: "0.6", 16: "0.7", 20: "0.8"}), threshold=ANC, day_zero=DAY_ZERO)
    assert found.shown == (on(14), on(16), on(20))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), max_size=30))
def test_whatever_the_counts_the_three_days_are_at_or_above_and_follow_a_value_below(said):
    values = [(on(day), Measured(Decimal(value) / 10, "10*9/L")) for day, value in said]
    found = recovered(values, threshold=ANC, day_zero=DAY_ZERO)
    if found is None:
        return
    by_day = {day: min(value.value for on_day, value in values if on_day == day) for day, _ in values}
    known = sorted(by_day)
    place = known.index(found.day)
    assert tuple(known[place : place + 3]) == found.shown
    assert all(by_day[day] >= ANC for day in found.shown)
    assert any(by_day[day] < ANC for day in known[:place])
