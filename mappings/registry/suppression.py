"""Small counts do not leave the centre: in a table of few patients a number can point at one of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from mappings.registry.endpoints import Row

SMALLEST = 5
"""Counts from 1 to below this are not shown, nor what they could be worked out from."""

_ESTIMATE = ("estimate", "se", "ci_low", "ci_high")


def suppress(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows of one endpoint as they may leave, in their order; each names in `suppressed` what it does not show.

    The event count falls, and with it the estimate, where it or its complement is small, or where it differs by a small
    count from that of a longer horizon that is shown.
    """
    shown: list[int] = []
    released: dict[int, Row] = {}
    for row in sorted(rows, key=lambda row: row.horizon_days, reverse=True):
        left = released[row.horizon_days] = _without(row, _telling(row, shown))
        shown += [left.events] if left.events is not None else []
    return tuple(released[row.horizon_days] for row in rows)


def small(count: int | None) -> bool:
    """Is there somebody, but too few to hide among?"""
    return count is not None and 0 < count < SMALLEST


def _telling(row: Row, shown: Iterable[int]) -> tuple[str, ...]:
    if row.n is None or row.events is None or small(row.n):
        return ("n", "at_risk", "events", *_ESTIMATE)
    told = (row.events, row.n - row.events, *(abs(row.events - other) for other in shown))
    fields = ("events", *_ESTIMATE) if any(map(small, told)) else ()
    return ("at_risk", *fields) if small(row.at_risk) else fields


def _without(row: Row, hidden: tuple[str, ...]) -> Row:
    kept: dict[str, Any] = {field.name: getattr(row, field.name) for field in fields(row)}
    return Row(**(kept | dict.fromkeys(hidden) | {"suppressed": hidden}))
