"""The protocol's days as steps, and steps as calendar dates.

Day k is day zero plus k calendar days. m months after is the same day of the month, or the last day of a shorter
month. Both are pure calendar arithmetic: no clock, no time zone.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from mappings.protocol.model import Anchor, Assay, Infusions, Line, Phase, Protocol, Rest, Taper, Visit

PLACE_DAY_ZERO = (date(1900, 1, 1), date(2199, 12, 31))
"""Day zeros outside are typing errors (our own limit: it keeps every date of the plan a four-digit year)."""


def day_date(day_zero: date, day: int) -> date:
    """Calendar date of protocol day `day`."""
    return day_zero + timedelta(days=day)


def months_after(day_zero: date, months: int) -> date:
    """The same day of the month, `months` later, or the last day of a shorter month."""
    index = day_zero.year * 12 + day_zero.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day_zero.day, calendar.monthrange(year, month + 1)[1]))


def label(day: int) -> str:
    """As people write it: `D-13`, `D0`, `D+3`."""
    return f"D{day:+d}" if day else "D0"


def slug(day: int) -> str:
    """As identifiers write it, without a plus: `D-13`, `D0`, `D3`."""
    return f"D{day}"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, one leaf of the plan.

    `id` is its action id, `action` its key; `day` the day it happens or begins (None: by months, or open),
    `last_day` where it spans days that are fixed, `clause` the part of the protocol that it comes from.
    """

    id: str
    action: str
    clause: DoseDay | Course | Rest | Graft | Taper | Infusion | Visit | Assay
    title: str
    day: int | None = None
    last_day: int | None = None
    months: int | None = None

    def on(self, day_zero: date | None) -> date | None:
        """Date of the step, None while day zero is unknown or the protocol gives no date."""
        if day_zero is None:
            return None
        if self.months is not None:
            return months_after(day_zero, self.months)
        return None if self.day is None else day_date(day_zero, self.day)

    @property
    def occurrence(self) -> tuple[str, ...]:
        """Second part of the request identifier: the day, for what the protocol puts on a day."""
        dated = isinstance(self.clause, DoseDay | Course | Rest | Graft)
        return (slug(self.day),) if dated and self.day is not None else ()


@dataclass(frozen=True, slots=True)
class DoseDay:
    """One day of a line with a closed list of days."""

    line: Line


@dataclass(frozen=True, slots=True)
class Course:
    """A line that goes on until its taper."""

    line: Line


@dataclass(frozen=True, slots=True)
class Graft:
    """Day zero itself."""

    anchor: Anchor


@dataclass(frozen=True, slots=True)
class Infusion:
    """One of several gated infusions."""

    of: Infusions
    number: int


@dataclass(frozen=True, slots=True)
class Group:
    """Steps that belong together, as the protocol groups them."""

    id: str
    title: str
    children: tuple[Group | Step, ...]
    source: str


def tree(protocol: Protocol) -> tuple[Group, ...]:
    """The whole protocol as groups of steps, in the protocol's order. Phases without steps are left out."""
    phases = [Group(phase.key, phase.title, tuple(_of_phase(phase)), phase.source) for phase in protocol.phases]
    plan = protocol.follow_up
    visits = [Step(v.key, v.key, v, v.title, months=v.months) for v in plan.visits]
    assays = [Step(a.key, a.key, a, a.title, day=a.day) for a in plan.assays]
    follow_up = Group(plan.key, plan.title, (*visits, *assays), plan.source)
    return (*(phase for phase in phases if phase.children), follow_up)


def steps(groups: tuple[Group | Step, ...]) -> Iterator[Step]:
    """Every leaf, in order."""
    for node in groups:
        if isinstance(node, Step):
            yield node
        else:
            yield from steps(node.children)


def _of_phase(phase: Phase) -> Iterator[Group | Step]:
    for line in phase.lines:
        yield _of_line(line)
    for rest in phase.rests:
        first, last = rest.days.listed[0], rest.days.listed[-1]
        yield Step(rest.key, rest.key, rest, rest.title, day=first, last_day=last)
    if phase.anchor:
        anchor = phase.anchor
        yield Step(anchor.key, anchor.key, Graft(anchor), anchor.title, day=0)
    for taper in phase.tapers:
        yield Step(taper.key, taper.key, taper, taper.title, day=taper.first, last_day=taper.last)
    for infusions in phase.infusions:
        for number, key in enumerate(infusions.numbered(), 1):
            title = f"{infusions.title} {number}"
            yield Step(key, key, Infusion(infusions, number), title, day=infusions.first)


def _of_line(line: Line) -> Group | Step:
    if line.days.until is not None:
        return Step(line.key, line.key, Course(line), line.title, day=line.days.first)
    days = tuple(
        Step(f"{line.key}-{slug(day)}", line.key, DoseDay(line), f"{line.title}, {label(day)}", day=day)
        for day in line.days.listed
    )
    return Group(line.key, line.title, days, line.source)
