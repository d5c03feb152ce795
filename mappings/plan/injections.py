"""Donor lymphocyte infusions as gates ask for them: which were given, which withheld, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from mappings.facts import Dli, DliWithheld
from mappings.plan.record import Record, Span, day_of, items, span, word_of
from mappings.plan.verdict import Reading, Told

WITHHELD_FOR_GVHD = "active-gvhd"
WITHHELD_FOR_HISTORY = "prior-agvhd-over-ii"
WITHHELD_FOR_DRUGS = "on-immunosuppression"
"""Reasons of `dli_withheld` that are facts of a gate."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a form told, and the days on which it can have been."""

    when: Span
    told: Told


def given(record: Record, number: int, on: date) -> Event | None:
    """The infusion of that number, where it was given by `on` for certain."""
    return next((one for one in _told(record, number) if one.when.by(on)), None)


def latest(record: Record, number: int, on: date) -> date | None:
    """The last day up to `on` on which the infusion of that number can have been given."""
    return max((min(one.when.last, on) for one in _told(record, number) if one.when.first <= on), default=None)


def was_given(record: Record, number: int, on: date) -> Reading:
    """1 where it was given by `on`, 0 where a form that tells of infusions up to then does not tell of this one."""
    events = _told(record, number)
    if done := given(record, number, on):
        return Reading(1, 1, (done.told,))
    missing = f"that injection {number} was given (`dli`)"
    if any(one.when.by(on) is None for one in events):
        return Reading(0, 1, tuple(one.told for one in events), (f"the day of injection {number}",))
    told = [visit for visit in record.visits if isinstance(visit.dli, tuple) and visit.date.latest <= on]
    facts = tuple(Told(f"injection {number} not told as given", visit.date, visit.key) for visit in told[-1:])
    return Reading(0, 0 if told else 1, facts, (missing,))


def withheld(record: Record, reason: str, on: date) -> list[Event]:
    """Injections that were withheld by `on` for this reason, in the order of the forms."""
    found = []
    for visit in record.visits:
        for one in items(visit.dli_withheld, DliWithheld):
            day = day_of(one.date) or visit.date
            when = span(day, visit)
            if word_of(one.reason) == reason and when.by(on):
                about = ("dli-withheld", one.id or f"{one.number}/{day}")
                told = Told(f"injection {one.number} withheld: {reason}", day, visit.key, about)
                found.append(Event(when, told))
    return found


def _told(record: Record, number: int) -> list[Event]:
    found = []
    for visit in record.visits:
        for one in items(visit.dli, Dli):
            day = day_of(one.date) or visit.date
            if one.number == number:
                about = ("dli", one.id or str(number))
                found.append(Event(span(day, visit), Told(f"injection {number} given", day, visit.key, about)))
    return found
