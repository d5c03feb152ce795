"""How much a Quantity is, for comparing: as written, in its own unit. Nothing is converted."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Amount:
    """From `low` to `high`, both included: one value, or all that a comparator leaves open."""

    low: float
    high: float
    system: str
    code: str
    unit: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number to search by; `low` and `high` are what its digits leave open: 5.4 is from 5.35 to before 5.45."""

    value: float
    low: float
    high: float


def amount(element: Any) -> Amount | None:
    """Of a Quantity; None where it has no number."""
    if not isinstance(element, dict) or not isinstance(element.get("value"), int | Decimal):
        return None
    low, high = _reach(float(element["value"]), element.get("comparator", ""))
    return Amount(low, high, element.get("system", ""), element.get("code", ""), element.get("unit", ""))


def number(text: str) -> Number:
    """Raises ValueError for what is none."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"not a number: {text[:40]}")
    said = Decimal(text)
    half = Decimal(5).scaleb(int(said.as_tuple().exponent) - 1)
    return Number(float(said), float(said - half), float(said + half))


def _reach(value: float, comparator: str) -> tuple[float, float]:
    match comparator:
        case "<":
            return -math.inf, math.nextafter(value, -math.inf)
        case "<=":
            return -math.inf, value
        case ">=":
            return value, math.inf
        case ">":
            return math.nextafter(value, math.inf), math.inf
        case _:
            return value, value
