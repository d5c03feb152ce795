"""Which visits were told, which are due or overdue, and what a visit that was told leaves out.

A visit is due by calendar months after the graft. Only a centre's overlay gives a window around that day; without one a
visit is due on its day and overdue after it. Nothing is due of a patient who died before its day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import NamedTuple

from mappings.facts import FollowUp, Missing
from mappings.facts.death import last_death
from mappings.plan.record import Record, day_of
from mappings.plan.timeline import months_after
from mappings.protocol.model import Visit
from mappings.protocol.overlay import Overlay, VisitPlace

SECTIONS = {
    "engraftment": "engraftment",
    "disease-response": "response",
    "immune-reconstitution": "immune_reconstitution",
    "chimerism": "chimerism",
    "gvhd": "gvhd",
    "infection": "infections",
    "quality-of-life": "quality_of_life",
}
"""What the protocol asks at each visit, to the section of a follow-up that tells it."""


class State(Enum):
    """How a visit stands on a day. OPEN: the protocol gives it no date, or there is no day zero."""

    DONE = "done"
    DUE = "due"
    OVERDUE = "overdue"
    AHEAD = "ahead"
    OPEN = "open"
    NOT_DUE = "not-due"


class Times(NamedTuple):
    """The day that a visit is due, and the window around it; without one all three are that day."""

    due: date
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Attendance:
    """One visit. `visit` is the word of the interface; `told` the visit's own date, where it was told.

    `asked`: what the protocol asks a visit that was told; `missing`: what of it is not told; `said`: what it says to be
    missing.
    """

    visit: str
    title: str
    state: State
    times: Times | None = None
    told: str = ""
    missing: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


def attendances(record: Record, overlay: Overlay, on: date) -> tuple[Attendance, ...]:
    """Every visit of the protocol in its order, and after them the unscheduled ones that were told."""
    told = {visit.visit: visit for visit in record.visits if visit.visit != "unscheduled"}
    died = _died(record)
    planned = [
        _attendance(clause, told.get(_word(clause)), record, overlay, on, died)
        for clause in record.protocol.follow_up.visits
    ]
    more = [_done(visit, "Unscheduled visit", record, None) for visit in record.visits if visit.visit == "unscheduled"]
    return (*planned, *more)


def _attendance(
    clause: Visit, told: FollowUp | None, record: Record, overlay: Overlay, on: date, died: date | None
) -> Attendance:
    times = _times(clause, record, overlay)
    if told is not None:
        return _done(told, clause.title, record, times)
    if times is None:
        return Attendance(_word(clause), clause.title, State.OPEN)
    if died is not None and died < times.first:
        state = State.NOT_DUE
    elif on < times.first:
        state = State.AHEAD
    else:
        state = State.DUE if on <= times.last else State.OVERDUE
    return Attendance(_word(clause), clause.title, state, times)


def _times(clause: Visit, record: Record, overlay: Overlay) -> Times | None:
    """The day that a visit is due, and the window that the centre gives it."""
    place = overlay.visits.get(clause.key, VisitPlace())
    if record.day_zero is None:
        return None
    window = [record.day_zero + timedelta(days=day) for day in (place.first, place.last) if day is not None]
    if clause.months is not None:
        due = months_after(record.day_zero, clause.months)
    elif place.day is not None:
        due = record.day_zero + timedelta(days=place.day)
    elif window:
        due = window[0]
    else:
        return None
    first, last = window or (due, due)
    return Times(due, first, last)


def _done(visit: FollowUp, title: str, record: Record, times: Times | None) -> Attendance:
    asked = [item for item in record.protocol.follow_up.items if item.key in SECTIONS]
    told = [(item.title, getattr(visit, SECTIONS[item.key])) for item in asked]
    untold = tuple(item for item, value in told if value is None)
    said = tuple(item for item, value in told if isinstance(value, Missing))
    return Attendance(
        visit.visit, title, State.DONE, times, str(visit.date), untold, said, tuple(item for item, _ in told)
    )


def _died(record: Record) -> date | None:
    """The last day on which the death that holds can have been."""
    told = last_death(record.visits)
    return (day_of(told[1].date) or told[0].date).latest if told else None


def _word(clause: Visit) -> str:
    return clause.key.removeprefix("visit-")
