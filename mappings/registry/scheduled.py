"""Scheduled assessments: of what was seen in the window of a date, what lies nearest to it; and shares of patients.

The protocol gives the dates and no windows; the windows are ours (endpoint definitions, rule D).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from mappings.registry.day_axis import Notes, Placed
from mappings.registry.followed import Followed
from mappings.registry.judged import CountRow, Found
from mappings.registry.proportions import clopper_pearson

WINDOWS = {30: 7, 90: 15, 180: 30, 365: 45, 730: 60}
"""Days before and after each scheduled day that belong to it, both ends included."""

CLOPPER_PEARSON = "clopper-pearson"
GRAFTED, ASSESSED = "grafted", "assessed"

T = TypeVar("T")
Hit = tuple[Placed, T]


def nearest(seen: Iterable[Hit[T]], horizon: int) -> Hit[T] | None:
    """The nearest in the window, of two equally near the earlier; None where there is none, or no such window."""
    reach = WINDOWS.get(horizon, -1)
    within = [one for one in seen if abs(one[0].day - horizon) <= reach]
    return min(within, key=lambda one: (abs(one[0].day - horizon), one[0]), default=None)


def unscheduled(horizon: int | None) -> bool:
    """Is it a day without a window, on which nothing can be told?"""
    return horizon not in WINDOWS


def found(followed: Followed, values: Mapping[int | None, Any], hits: Iterable[Hit[Any] | None], notes: Notes) -> Found:
    """What one patient had at each date, resting on `hits`."""
    sources = sorted({hit[0].source for hit in hits if hit})
    axis = followed.axis
    return Found(
        axis.patient,
        values,
        tuple(dict.fromkeys((*axis.sources, *sources))),
        tuple(dict.fromkeys((*axis.excluded, *notes.excluded))),
        tuple(dict.fromkeys((*axis.listed, *notes.listed))),
    )


def share(
    endpoint: str,
    horizon: int | None,
    count: int | None,
    of: int | None,
    among: str,
    category: str,
    more: Mapping[str, Any] | None = None,
) -> CountRow:
    """A share of patients with its exact interval; nothing at all where `of` is None."""
    if of is None or count is None:
        return CountRow(endpoint, horizon, None, None, None, None, None, CLOPPER_PEARSON, among, category)
    low, high = clopper_pearson(count, of)
    estimate = count / of if of else None
    return CountRow(endpoint, horizon, count, of, estimate, low, high, CLOPPER_PEARSON, among, category, more or {})
