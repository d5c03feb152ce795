"""A Quantity that somebody sent, as an exact amount in the unit that is wanted, or as nothing at all."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mappings.canonicals import UCUM
from mappings.facts import Measured
from mappings.plan.elements import element, text
from mappings.terminology.units import to_unit


def amount(quantity: Any, unit: str) -> Decimal | None:
    """Converted by powers of ten only; None for a comparator, no number, or a unit of another kind."""
    said = element(quantity)
    value = said.get("value")
    if said.get("comparator") or isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    try:
        return to_unit(Measured(Decimal(value), unit_of(said)), unit).value
    except ValueError:
        return None


def unit_of(quantity: Any) -> str:
    """The UCUM code; where no code is given, the unit as it is printed; empty for a code of another system."""
    said = element(quantity)
    if "code" in said:
        return text(said["code"]) if said.get("system", UCUM) == UCUM else ""
    return text(said.get("unit"))
