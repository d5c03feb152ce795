"""Amounts as people write them."""

from __future__ import annotations

from decimal import Decimal


def plain(value: Decimal) -> str:
    """Without trailing zeros behind the point."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
