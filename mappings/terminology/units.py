"""Conversions between units of one kind, by powers of ten only: exact, and never between kinds."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from mappings.terminology.tables import units

if TYPE_CHECKING:
    from mappings.facts.values import Measured


def to_unit(measured: Measured, unit: str) -> Measured:
    """The same amount in another unit; the digits stay, the comparator stays.

    Raises ValueError for a unit that we cannot read or that measures something else.
    """
    return replace(measured, value=_shifted(measured.value, _power(measured.unit, unit)), unit=unit)


@lru_cache(maxsize=64)
def convertible(unit: str) -> tuple[str, ...]:
    """Every unit that `to_unit` can read where `unit` is wanted."""
    rows = units()
    return tuple(key for key, row in rows.items() if unit in rows and row.unit == rows[unit].unit)


def _power(unit: str, wanted: str) -> int:
    if unit not in convertible(wanted):
        raise ValueError(f"{unit!r} cannot be converted to {wanted!r}")
    return units()[unit].power - units()[wanted].power


def _shifted(value: Decimal, power: int) -> Decimal:
    """`value` times ten to the `power`, exact whatever the decimal context, in plain notation.

    Digits that were written stay (2.50 g are 2500 mg, 120 /uL are 0.120 10*9/L).
    """
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("this is no number")
    exponent += power
    return Decimal((sign, digits + (0,) * max(exponent, 0), min(exponent, 0)))
