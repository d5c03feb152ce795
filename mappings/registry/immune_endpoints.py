"""Immune reconstitution: lymphocyte subsets in blood at the scheduled dates, per microlitre.

Median, quartiles (R's type 7) and range of the patients who have a count in the window. And how many had more than 50
CD4 lymphocytes per microlitre at two consecutive dates before day 100 (EBMT Handbook, chapter 10).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from mappings.facts import Measured
from mappings.registry.day_axis import Notes
from mappings.registry.followed import Followed
from mappings.registry.judged import AnyRow, Found, SpreadRow
from mappings.registry.proportions import spread
from mappings.registry.scheduled import ASSESSED, GRAFTED, Hit, found, nearest, share, unscheduled
from mappings.terminology.units import to_unit

UNIT = "/uL"
QUARTILES = "median, quartiles (R type 7), range"
ENOUGH_CD4 = 50
BEFORE = 100
"""Two consecutive CD4 counts above 50 before this day."""


def subset(followed: Followed, horizons: Sequence[int | None], cells: str) -> Found:
    """The count nearest each date."""
    notes = Notes()
    seen = _counts(followed, cells, notes)
    hits = {day: nearest(seen, day or 0) for day in horizons}
    if any(hit and hit[1].comparator for hit in hits.values()):
        notes.listed.append(f"{cells} known as a bound: counted as that bound")
    values = {day: float(hit[1].value) if hit else None for day, hit in hits.items()}
    return found(followed, values, hits.values(), notes)


def subset_rows(endpoint: str, horizon: int | None, seen: Counter[float | None]) -> Iterator[AnyRow]:
    """One row a date."""
    of = spread(value for value in seen.elements() if value is not None)
    n = None if unscheduled(horizon) else of.n
    yield SpreadRow(endpoint, horizon or 0, n, of.median, of.q1, of.q3, of.least, of.most, QUARTILES, UNIT)


def enough_cd4(followed: Followed, _: Sequence[int | None]) -> Found:
    """Whether two consecutive dates before day 100 had more than 50; None where there are not two dates."""
    notes = Notes()
    early = sorted((one for one in _counts(followed, "cd4", notes) if one[0].day < BEFORE), key=lambda one: one[0])
    days = {place.day: (place, value) for place, value in reversed(early)}
    in_order = [days[day] for day in sorted(days)]
    twice = any(_enough(one[1]) and _enough(other[1]) for one, other in pairwise(in_order))
    return found(followed, {BEFORE: twice if len(in_order) > 1 else None}, in_order, notes)


def enough_cd4_rows(endpoint: str, horizon: int | None, seen: Counter[bool | None]) -> Iterator[AnyRow]:
    """Of all grafted, then of those with two counts."""
    for among, of in ((GRAFTED, seen.total()), (ASSESSED, seen[True] + seen[False])):
        yield share(endpoint, horizon, seen[True], of, among, "CD4 > 50/uL at two consecutive dates")


def _enough(count: Measured) -> bool:
    """Is it more for certain? Of `<100` nobody knows."""
    if count.comparator in ("<", "<="):
        return False
    return count.value > ENOUGH_CD4 or (count.comparator == ">" and count.value == ENOUGH_CD4)


def _counts(followed: Followed, cells: str, notes: Notes) -> list[Hit[Measured]]:
    said = []
    for one in followed.facts.subsets:
        measured = one.fact.value
        if one.fact.of != cells or not isinstance(measured, Measured):
            continue
        try:
            value = to_unit(measured, UNIT)
        except ValueError:
            notes.excluded.append(f"count of {cells} in a unit that cannot be converted")
            continue
        if place := followed.axis.place_after(one.fact.date, f"count of {cells}", one.source, notes):
            said.append((place, value))
    return said
