"""Limits that catch a slip of the pen, not medicine: outside them a body measure is refused as a typing error.

They are this project's own defaults; neither the protocol nor a guideline gives them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple


class Range(NamedTuple):
    low: Decimal
    high: Decimal
    unit: str

    def admits(self, value: Decimal) -> bool:
        return self.low <= value <= self.high


WEIGHT = Range(Decimal(20), Decimal(400), "kg")
HEIGHT = Range(Decimal(100), Decimal(250), "cm")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a plan may be made from; a deployment may set each.

    Days count back from the day of the first dose; BMI in kg/m2; two weights of `weight_days`, or two heights of any
    day, that differ by more per cent disagree; a weight that differs by more than `redose_percent` from the one dosed
    by flags what is still to be given. Nobody older than `oldest_years` is enrolled: 1850 is a slip for 1950.
    """

    weight_days: int = 14
    height_days: int = 14
    bmi_low: Decimal = Decimal(10)
    bmi_high: Decimal = Decimal(80)
    weight_differs_percent: Decimal = Decimal(20)
    height_differs_percent: Decimal = Decimal(5)
    redose_percent: Decimal = Decimal(10)
    oldest_years: int = 110


DEFAULT_LIMITS = Limits()


def years(born: date, on: date) -> int:
    """Whole years of age on a day."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
