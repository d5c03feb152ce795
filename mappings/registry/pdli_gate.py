"""Prophylactic donor lymphocytes: was the protocol's gate met on some day?

On a day from 120 on: every systemic immunosuppressant stopped for at least a calendar month, no active GVHD, acute GVHD
never above grade II, alive and without relapse. What is not known does not meet the gate.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date

from mappings.facts import PartialDate, Said
from mappings.registry.day_axis import Axis
from mappings.registry.followed import Followed
from mappings.registry.gvhd_endpoints import ACUTE, CHRONIC, not_looked, reached, worst

FIRST_DAY = 120


@dataclass(frozen=True, slots=True)
class Gate:
    """`met_on`: the first day on which the gate was met. `unknown`: what was not told and kept it shut."""

    met_on: int | None
    unknown: tuple[str, ...] = ()


def gate(followed: Followed) -> Gate:
    """The gate of the protocol over the whole follow-up."""
    axis = followed.axis
    spans, unknown = _drugs(followed)
    ill, doubts = _active_gvhd(followed)
    unknown += doubts
    if unknown:
        return Gate(None, tuple(dict.fromkeys(unknown)))
    over = reached(followed, followed.facts.acute_gvhd, ACUTE.index("III")).first
    ends = [day for day in (axis.end + 1, axis.died, followed.relapsed, over.day if over else None) if day is not None]
    shut = [*spans, *ill]
    days = sorted({FIRST_DAY, *(last for _, last in shut)})
    open_days = (day for day in days if FIRST_DAY <= day < min(ends))
    return Gate(next((day for day in open_days if not any(a <= day < b for a, b in shut)), None))


def _drugs(followed: Followed) -> tuple[list[tuple[int, int]], list[str]]:
    """Spans in which a drug was taken, or had been within a calendar month.

    A stop whose day is not told lies before the first later day from which on nothing is known to have been taken.
    """
    axis, spans, unknown = followed.axis, list[tuple[int, int]](), list[str]()
    free = _free(followed)
    for one in followed.facts.immunosuppressants:
        start, stop = _day(axis, one.fact.started) or axis.zero, _day(axis, one.fact.stopped)
        if one.fact.stopped is not None and stop is None:
            stop = next((day for day in free if day >= start), None)
            unknown += [] if stop else ["an immunosuppressant whose stop is not told"]
        end = axis.day_of(a_month_after(stop)) if stop and stop <= axis.as_of else axis.end + 1
        spans.append((axis.day_of(start), end))
    if not spans and free:
        spans.append((0, axis.day_of(a_month_after(free[0]))))
    return spans, unknown if spans else ["immunosuppression not told"]


def _free(followed: Followed) -> list[date]:
    """Days on which nothing was found taken, unless a later look found something that had not begun after them."""
    axis, facts = followed.axis, followed.facts
    looks = [(day, one.fact.ongoing) for one in facts.immunosuppression if (day := _day(axis, one.fact.date))]
    known = sorted((day, ongoing) for day, ongoing in looks if day <= axis.as_of and isinstance(ongoing, bool))
    taken = [day for day, ongoing in known if ongoing]
    begun = [day for one in facts.immunosuppressants if (day := _day(axis, one.fact.started))]
    return [
        day
        for day, ongoing in known
        if not ongoing and all(any(day < start <= later for start in begun) for later in taken if later > day)
    ]


def _active_gvhd(followed: Followed) -> tuple[list[tuple[int, int]], list[str]]:
    """Spans of active GVHD: an episode is active until its end is told."""
    axis, facts = followed.axis, followed.facts
    spans, unknown = list[tuple[int, int]](), list[str]()
    for kind, scale, episodes in (("acute", ACUTE, facts.acute_gvhd), ("chronic", CHRONIC, facts.chronic_gvhd)):
        if not_looked(followed, kind).listed:
            unknown.append(f"{kind} GVHD not assessed")
        for one in episodes:
            top = worst(one.fact)
            if top is None and scale is ACUTE:
                unknown.append("acute GVHD of a grade not told")
            if top != 0:
                onset, over = _day(axis, one.fact.onset) or axis.zero, _day(axis, one.fact.resolved)
                spans.append((axis.day_of(onset), axis.day_of(over) if over else axis.end + 1))
    return spans, unknown


def _day(axis: Axis, said: Said[PartialDate]) -> date | None:
    return axis.day_or_middle(said)


def a_month_after(day: date) -> date:
    """The same day of the next month, or its last."""
    year, month = (day.year, day.month + 1) if day.month < len(calendar.month_name) - 1 else (day.year + 1, 1)
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
