"""When blood counts recover, told from the counts alone: the rule that engraftment is judged by.

The first of three consecutive values on different days at or above the threshold, after the nadir; of platelets only
values with no platelet transfusion in the seven days before (endpoint definitions; CIBMTR manual). Nothing that is not
certain counts: a day of several values by the lowest of them, a value `<1.0` not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from mappings.facts.values import Measured, PartialDate
from mappings.terminology.units import to_unit

UNIT = "10*9/L"
THRESHOLDS = {"neutrophils": Decimal("0.5"), "platelets": Decimal(20)}
"""In 10*9/L, by cell line."""

CONSECUTIVE = 3
UNTRANSFUSED_DAYS = 7

_AT_LEAST = {None, ">=", ">"}
_BELOW = {None, "<", "<="}


@dataclass(frozen=True, slots=True)
class Recovered:
    """`day`: the first of the three; `shown`: the three days, in order."""

    day: date
    shown: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class _Day:
    """`lowest`: the lowest that was told; `meets`: every value is surely high enough, and untransfused."""

    day: date
    lowest: Decimal
    meets: bool
    below: bool


def recovered(
    counts: Iterable[tuple[date, Measured]],
    *,
    threshold: Decimal,
    day_zero: date,
    transfusions: Sequence[PartialDate] = (),
) -> Recovered | None:
    """Where the counts show recovery; None where they do not, or were never below. In any order, any unit that fits.

    Values before day zero do not count. A transfusion of which only the month is known may have been on any day.
    """
    counts = list(counts)
    if len({day for day, _ in counts}) < CONSECUTIVE:
        return None
    days = _by_day(counts, threshold, day_zero, transfusions)
    runs = [place for place in range(len(days)) if _is_run(days, place) and any(one.below for one in days[:place])]
    after_nadir = (place for place in runs if _lowest(days[:place]) <= _lowest(days[place:]))
    place = next(after_nadir, runs[0] if runs else None)
    if place is None:
        return None
    shown = tuple(one.day for one in days[place : place + CONSECUTIVE])
    return Recovered(shown[0], shown)


def _by_day(
    counts: Iterable[tuple[date, Measured]], threshold: Decimal, day_zero: date, transfusions: Sequence[PartialDate]
) -> list[_Day]:
    found: dict[date, list[Measured]] = {}
    for day, said in counts:
        value = _comparable(said)
        if value is not None and day >= day_zero:
            found.setdefault(day, []).append(value)
    return [_day(day, values, threshold, transfusions) for day, values in sorted(found.items())]


def _day(day: date, values: Sequence[Measured], threshold: Decimal, transfusions: Sequence[PartialDate]) -> _Day:
    high = all(one.comparator in _AT_LEAST and one.value >= threshold for one in values)
    low = any(one.comparator in _BELOW and _is_below(one, threshold) for one in values)
    supported = any(_in_the_days_after(given, day) for given in transfusions)
    return _Day(day, min(one.value for one in values), high and not supported, low)


def _is_below(said: Measured, threshold: Decimal) -> bool:
    return said.value < threshold or (said.value == threshold and said.comparator == "<")


def _in_the_days_after(given: PartialDate, day: date) -> bool:
    """Can the transfusion have been on this day, or on one of the days before it that count?"""
    return given.earliest <= day and day - given.latest < timedelta(days=UNTRANSFUSED_DAYS)


def _is_run(days: Sequence[_Day], place: int) -> bool:
    run = days[place : place + CONSECUTIVE]
    return len(run) == CONSECUTIVE and all(one.meets for one in run)


def _lowest(days: Sequence[_Day]) -> Decimal:
    return min(one.lowest for one in days)


def _comparable(said: Measured) -> Measured | None:
    try:
        return to_unit(said, UNIT)
    except ValueError:
        return None
