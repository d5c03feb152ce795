"""Edges of doses and dates that a change of one sign, number or flag would move. Numbers are worked out by hand."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from mappings.plan import dosing, timeline
from mappings.plan.dosing import Body, Dose, Rounding, dose
from mappings.plan.timeline import PLACE_DAY_ZERO, months_after, steps, tree
from mappings.protocol import load, parse
from mappings.protocol.model import Cap
from tests.lib.tree import ROOT

SET = load("set-haplo-pdli")
LINES = {line.key: line for phase in SET.phases for line in phase.lines}
MMF = LINES["mycophenolate"]


def of(weight, step, times=None):
    """Mycophenolate a day where each dose is rounded to `step`; 30 mg/kg, at most 1 g twice a day."""
    return dose(MMF, Body(Decimal(weight), Decimal(175)), "mosteller", Rounding(Decimal(step), True), times).ordered


@pytest.mark.parametrize(
    ("weight", "step", "ordered"),
    [
        ("40", "25", "1200"),  # 600 mg a dose: below the cap, as it is
        ("50", "25", "1500"),  # 750 mg
        ("52", "25", "1550"),  # 780 mg a dose: 775
        ("70", "25", "2000"),  # capped: 1000 mg
        ("70", "0.7", "1999.2"),  # 1000 / 0.7 = 1428.57: half up would be 1000.3, above the cap, so 999.6
        ("70", "300", "1800"),  # 900 mg, for 1200 would be above
        ("70", "150", "1800"),  # 6.67 steps: 1050 would be above
    ],
)
def test_rounding_to_a_step_stays_below_the_cap_and_changes_nothing_below_it(weight, step, ordered):
    assert of(weight, step) == Decimal(ordered)


@pytest.mark.parametrize("times", range(1, 25))
def test_a_day_is_shared_equally_or_each_dose_is_rounded(times):
    """Cyclophosphamide 400 mg/m2, 70 kg, 175 cm: 737.8648 mg, a day of 737.9. Only twos and fives share a tenth out."""
    day = dose(LINES["cyclophosphamide"], Body(Decimal(70), Decimal(175)), "mosteller", doses_per_day=times)
    assert day.per_dose * times == day.ordered
    shared = times in (1, 2, 4, 5, 8, 10, 16, 20)
    rest = day.ordered - Decimal("737.9") if shared else day.per_dose % Decimal("0.1")
    assert (rest, day.rounding.each_dose) == (0, not shared)
    assert abs(day.ordered - day.exact) <= (Decimal("0.05") if shared else Decimal("0.05") * times)


def test_half_a_step_goes_up():
    """33.35 kg: 1000.5 mg a day, 500.25 a dose: to 0.5 mg that is 500.5."""
    assert of("33.35", "0.5") == Decimal("1001.0")


def test_equal_amounts_are_not_capped_however_they_are_written():
    line = MMF
    same = Dose(line.dose, Decimal(1), Decimal("2000"), Decimal("2000.0"), Decimal(2000), 2, dosing.PLAIN)
    assert not same.capped
    assert replace(same, exact=Decimal("1999.9")).capped


@pytest.mark.parametrize(
    ("weight", "height", "bmi"),
    [
        ("120.19", "200", "30.0"),  # 30.0475: a ten thousandth more would be 30.1
        ("120.2", "200", "30.1"),  # 30.05
        ("70", "175", "22.9"),  # 22.857
        ("91.9", "175", "30.0"),  # 30.008
    ],
)
def test_the_body_mass_index_to_one_decimal(weight, height, bmi):
    assert Body(Decimal(weight), Decimal(height)).bmi == Decimal(bmi)


def test_there_is_no_index_without_both_measures():
    assert Body(Decimal(70), None).bmi is None
    assert Body(None, Decimal(175)).bmi is None
    assert Body(Decimal(70), Decimal(0)).bmi is None


def test_day_zeros_from_1900_to_2199_are_possible():
    assert (date(1900, 1, 1), date(2199, 12, 31)) == PLACE_DAY_ZERO


def test_donor_lymphocytes_are_numbered_from_one():
    titles = [step.title for step in steps(tree(SET)) if step.action.startswith("pdli")]
    assert [title.rpartition(" ")[2] for title in titles] == ["1", "2", "3"]


@pytest.mark.parametrize("module", [dosing, timeline])
def test_what_was_reckoned_is_not_changed_afterwards(module):
    """Steps of a protocol are kept and shared by all patients."""
    made = [each for each in vars(module).values() if isinstance(each, type) and dataclasses.is_dataclass(each)]
    own = [each for each in made if each.__module__ == module.__name__]
    assert len(own) >= 3
    assert all(each.__dataclass_params__.frozen for each in own)


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2026, 3, 2), 1, date(2026, 4, 2)),
        (date(2026, 12, 31), 1, date(2027, 1, 31)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2027, 12, 31), 2, date(2028, 2, 29)),
        (date(2026, 1, 31), 3, date(2026, 4, 30)),
        (date(2026, 11, 30), 1, date(2026, 12, 30)),
        (date(2026, 11, 30), 13, date(2027, 12, 30)),
        (date(2026, 3, 2), 24, date(2028, 3, 2)),
    ],
)
def test_months_end_with_the_shorter_month(day, months, then):
    assert months_after(day, months) == then


def test_a_weight_is_shown_as_it_was_told_and_a_surface_to_four_decimals():
    """Square root of (70.5 x 175 / 3600) = 1.851238..."""
    body = Body(Decimal("70.5"), Decimal(175))
    assert str(dose(MMF, body, "mosteller").shown_measure) == "70.5"
    assert str(dose(LINES["cyclophosphamide"], body, "mosteller").shown_measure) == "1.8512"


def test_a_cap_may_be_a_fraction_of_a_milligram():
    """At most 12.5 mg twice a day, made up: each dose to 0.5 mg is 12.5 and not 12."""
    line = replace(MMF, dose=replace(MMF.dose, at_most=Cap(Decimal("12.5"), "mg", 2)))
    found = dose(line, Body(Decimal(70), Decimal(175)), "mosteller", Rounding(Decimal("0.5"), True))
    assert (found.ordered, found.per_dose) == (25, Decimal("12.5"))


def test_the_days_of_a_cycle_stand_in_order_whatever_the_order_of_the_lines():
    """KDN5 with its first line a day later, made up."""
    text = (ROOT / "tests/protocols/kdn5.yaml").read_text("utf-8")
    turned = text.replace("line: gemcitabine", "line: carboplatin").replace("each_of: [1, 8]", "each_of: [2, 8]")
    names = [step.id for step in steps(tree(parse(turned)))]
    assert names[:3] == ["carboplatin-C1D1", "gemcitabine-C1D2", "gemcitabine-C1D8"]
