"""Limits that catch a slip of the pen, not medicine: outside them a body measure is refused as a typing error.

They are this project's own defaults; neither the protocol nor a guideline gives them.
"""

from __future__ import annotations

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
