"""The protocol's days as steps, and steps as calendar dates.

Day k is day zero plus k calendar days. m months after is the same day of the month, or the last day of a shorter
month. Both are pure calendar arithmetic: no clock, no time zone.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from mappings.protocol.model import (
    Anchor,
    Assay,
    Cycles,
    Infusions,
    Line,
    OpenLine,
    Phase,
    Protocol,
    Rest,
    Taper,
    Visit,
)

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


def label(day: int, cycles: Cycles | None = None) -> str:
    """As people write it: `D-13`, `D0`, `D+3`; where the protocol counts in cycles `C1D1`, `C2D8`."""
    if cycles:
        return cycles.name(day)
    return f"D{day:+d}" if day else "D0"


def slug(day: int, cycles: Cycles | None = None) -> str:
    """As identifiers write it, without a plus: `D-13`, `D0`, `D3`, `C2D8`."""
    return label(day, cycles).replace("+", "")


@dataclass(frozen=True)
class Step:
    """One thing to do, one leaf of the plan.

    `id` is its action id, `action` its key; `day` the day it happens or begins (None: by months, or open),
    `last_day` where it spans days that are fixed, `clause` the part of the protocol that it comes from, `cycles` those
    that the protocol counts its day in.
    """

    id: str
    action: str
    clause: DoseDay | OpenDay | Course | Rest | Graft | Taper | Infusion | Visit | Assay
    title: str
    day: int | None = None
    last_day: int | None = None
    months: int | None = None
    cycles: Cycles | None = None

    def on(self, day_zero: date | None) -> date | None:
        """Date of the step, None while day zero is unknown or the protocol gives no date."""
        if day_zero is None:
            return None
        if self.months is not None:
            return months_after(day_zero, self.months)
        return None if self.day is None else day_date(day_zero, self.day)

    @cached_property
    def occurrence(self) -> tuple[str, ...]:
        """Second part of the request identifier: the day, for what the protocol puts on a day."""
        dated = isinstance(self.clause, (DoseDay, OpenDay, Course, Rest, Graft))
        return (slug(self.day, self.cycles),) if dated and self.day is not None else ()

    @cached_property
    def key(self) -> tuple[str, ...]:
        """What its request is known by in a plan: its action and, where it has one, its day."""
        return (self.action, *self.occurrence)

    @cached_property
    def label(self) -> str:
        """The day of a step that has one, as people write it."""
        return label(self.day or 0, self.cycles)


@dataclass(frozen=True, slots=True)
class DoseDay:
    """One day of a line with a closed list of days."""

    line: Line


@dataclass(frozen=True, slots=True)
class OpenDay:
    """One day of a line whose dose is not calculated here."""

    line: OpenLine


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
    """Steps that belong together, as the protocol groups them. `days`: how long it is, of a cycle."""

    id: str
    title: str
    children: tuple[Group | Step, ...]
    source: str
    days: int | None = None


def tree(protocol: Protocol) -> tuple[Group, ...]:
    """The whole protocol as groups of steps, in the protocol's order. Phases without steps are left out."""
    phases = [Group(phase.key, phase.title, tuple(_of_phase(phase)), phase.source) for phase in protocol.phases]
    plan = protocol.follow_up
    visits = [Step(v.key, v.key, v, v.title, months=v.months) for v in plan.visits]
    assays = [Step(a.key, a.key, a, a.title, day=a.day) for a in plan.assays]
    follow_up = Group(plan.key, plan.title, (*visits, *assays), plan.source)
    return tuple(group for group in (*phases, follow_up) if group.children)


def day_zero_action(protocol: Protocol) -> str:
    """Id of the action that all others are placed by: the anchor's own, or the first day of the line that it names."""
    anchor = protocol.anchor
    if anchor.line is None:
        return anchor.key
    phase, line = next((p, line) for p in protocol.phases for line in _given(p) if line.key == anchor.line)
    return line.key if line.days.until else f"{line.key}-{slug(0, phase.cycles)}"


def steps(groups: tuple[Group | Step, ...]) -> Iterator[Step]:
    """Every leaf, in order."""
    for node in groups:
        if isinstance(node, Step):
            yield node
        else:
            yield from steps(node.children)


def _of_phase(phase: Phase) -> Iterator[Group | Step]:
    if phase.cycles:
        yield from _by_cycle(phase, phase.cycles)
    else:
        yield from (_of_line(line) for line in _given(phase))
    for rest in phase.rests:
        first, last = rest.days.listed[0], rest.days.listed[-1]
        yield Step(rest.key, rest.key, rest, rest.title, day=first, last_day=last)
    if phase.anchor and phase.anchor.line is None:
        anchor = phase.anchor
        yield Step(anchor.key, anchor.key, Graft(anchor), anchor.title, day=0)
    for taper in phase.tapers:
        yield Step(taper.key, taper.key, taper, taper.title, day=taper.first, last_day=taper.last)
    for infusions in phase.infusions:
        for number, key in enumerate(infusions.numbered(), 1):
            title = f"{infusions.title} {number}"
            yield Step(key, key, Infusion(infusions, number), title, day=infusions.first)


def _given(phase: Phase) -> tuple[Line | OpenLine, ...]:
    return (*phase.lines, *phase.open_lines)


def _by_cycle(phase: Phase, cycles: Cycles) -> Iterator[Group]:
    """A group for each cycle, its days in order."""
    days = sorted((step for line in _given(phase) for step in _days(line, cycles)), key=lambda step: step.day or 0)
    for number in range(1, cycles.count + 1):
        inside = tuple(step for step in days if cycles.number(step.day or 0) == number)
        yield Group(f"{phase.key}-C{number}", f"Cycle {number}", inside, phase.source, cycles.days)


def _of_line(line: Line | OpenLine) -> Group | Step:
    if isinstance(line, Line) and line.days.until is not None:
        return Step(line.key, line.key, Course(line), line.title, day=line.days.first)
    return Group(line.key, line.title, _days(line), line.source)


def _days(line: Line | OpenLine, cycles: Cycles | None = None) -> tuple[Step, ...]:
    clause = DoseDay(line) if isinstance(line, Line) else OpenDay(line)
    return tuple(
        Step(
            f"{line.key}-{slug(day, cycles)}",
            line.key,
            clause,
            f"{line.title}, {label(day, cycles)}",
            day=day,
            last_day=day if isinstance(line, OpenLine) else None,
            cycles=cycles,
        )
        for day in line.days.listed
    )
