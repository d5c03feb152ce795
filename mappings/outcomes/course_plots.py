"""A patient's course as small plots: episodes of GVHD, blood counts, donor chimerism, over the days from the graft.

Here is geometry only, in whole units of a drawing of WIDTH; a page draws it. What has no exact day is not drawn but for
an episode, which is drawn as far as its dates allow, and everything stands in the table of the plot as it was told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from mappings.facts import (
    AcuteGvhd,
    Chimerism,
    ChronicGvhd,
    Engraftment,
    FollowUp,
    Gvhd,
    Measured,
    Missing,
    PartialDate,
    Said,
    Word,
)
from mappings.outcomes.retold import known_as, put_together
from mappings.terminology import codes
from mappings.terminology.units import to_unit

WIDTH, HEIGHT = 640, 190
LEFT, RIGHT, TOP, BOTTOM = 56, 612, 12, 150
ROW = 32
COUNT = "10*9/L"

_STEPS = (10, 30, 60, 90, 180, 365, 730)
_MOST_TICKS = 8
_SHORTEST = 30
"""Days on the axis at least."""


class Tick(NamedTuple):
    at: int
    label: str


class Mark(NamedTuple):
    """A value of the series of that place; `bound`: it was told as below or above."""

    x: int
    y: int
    series: int
    bound: bool
    told: str


class Bar(NamedTuple):
    """An episode; `open`: no end of it was told."""

    x: int
    y: int
    width: int
    label: str
    open: bool


@dataclass(frozen=True, slots=True)
class Plot:
    """`series`: label and the points of its line, as SVG writes them. `rows` under `heads`: everything, as told."""

    key: str
    title: str
    told: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    days: tuple[Tick, ...]
    values: tuple[Tick, ...] = ()
    series: tuple[tuple[str, str], ...] = ()
    marks: tuple[Mark, ...] = ()
    bars: tuple[Bar, ...] = ()
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class _Point:
    series: str
    when: PartialDate | Missing
    value: Decimal
    written: str
    bound: bool


@dataclass(frozen=True, slots=True)
class _Axis:
    """From days to places on the drawing."""

    zero: date
    first: int
    last: int

    @classmethod
    def over(cls, zero: date, days: Sequence[date]) -> _Axis:
        numbers = [(day - zero).days for day in days]
        return cls(zero, min(0, *numbers, 0), max(_SHORTEST, *numbers, 0))

    def x(self, day: date) -> int:
        return LEFT + (RIGHT - LEFT) * ((day - self.zero).days - self.first) // (self.last - self.first)

    def ticks(self) -> tuple[Tick, ...]:
        step = next((one for one in _STEPS if (self.last - self.first) // one < _MOST_TICKS), _STEPS[-1])
        numbers = range(-(-self.first // step) * step, self.last + 1, step)
        return tuple(Tick(self.x(date.fromordinal(self.zero.toordinal() + n)), _day(n)) for n in numbers)


def plots(visits: Sequence[FollowUp], zero: date) -> tuple[Plot, ...]:
    """The plots for which anything was told. `zero`: the day of the graft."""
    told = put_together(sorted(visits, key=lambda visit: (visit.date.latest, visit.key)))
    made = [
        _episodes(told, zero),
        _series("neutrophils", "Neutrophils", COUNT, list(_counts(told, "neutrophils")), zero),
        _series("platelets", "Platelets", COUNT, list(_counts(told, "platelets")), zero),
        _series("chimerism", "Donor chimerism", "%", list(_chimerism(told)), zero, top=Decimal(100)),
    ]
    return tuple(plot for plot in made if plot)


def _episodes(visits: Sequence[FollowUp], zero: date) -> Plot | None:
    found: dict[object, tuple[str, AcuteGvhd | ChronicGvhd]] = {}
    for visit in visits:
        for kind in ("acute", "chronic") if isinstance(visit.gvhd, Gvhd) else ():
            for said in getattr(visit.gvhd, kind) if isinstance(getattr(visit.gvhd, kind), tuple) else ():
                found[kind, known_as(said, visit)] = (kind, said)
    if not found:
        return None
    spans = [(kind, said, _span(said, visits[-1].date.latest)) for kind, said in found.values()]
    axis = _Axis.over(zero, [day for _, _, span in spans if span for day in span])
    bars = [
        Bar(
            axis.x(span[0]),
            TOP + ROW * place,
            max(axis.x(span[1]) - axis.x(span[0]), 3),
            _name(kind, said),
            _open(said),
        )
        for place, (kind, said, span) in enumerate(spans)
        if span
    ]
    rows = tuple((_name(kind, said), _when(said.onset), _when(said.resolved)) for kind, said, _ in spans)
    told = f"{len(rows)} episode{'s' if len(rows) > 1 else ''}, of which {len(bars)} drawn: these have a date of onset."
    height = TOP + ROW * len(spans) + HEIGHT - BOTTOM
    heads = ("Episode", "Onset", "End")
    return Plot("gvhd", "GVHD", told, heads, rows, axis.ticks(), bars=tuple(bars), height=height)


def _series(
    key: str, title: str, unit: str, points: list[_Point], zero: date, top: Decimal | None = None
) -> Plot | None:
    if not points:
        return None
    points.sort(key=lambda one: (one.series, one.when.earliest if isinstance(one.when, PartialDate) else zero))
    dated = [(one, day) for one in points if (day := _exact(one.when))]
    axis = _Axis.over(zero, [day for _, day in dated])
    most = top or _round_up(max(one.value for one in points))
    names = list(dict.fromkeys(one.series for one in points))
    marks = [
        Mark(axis.x(day), _y(one.value, most), names.index(one.series), one.bound, f"{one.series} {day}: {one.written}")
        for one, day in dated
    ]
    lines = [(name, " ".join(f"{m.x},{m.y}" for m in marks if m.series == at)) for at, name in enumerate(names)]
    values = [one.value for one in points]
    told = f"{len(points)} result{'s' if len(points) > 1 else ''} from {min(values)} to {max(values)} {unit}"
    undrawn = len(points) - len(dated)
    told += f"; {undrawn} without an exact day, in the table only." if undrawn else "."
    return Plot(
        key,
        f"{title} ({unit})",
        told,
        ("Series", "Date", "Value"),
        tuple((one.series, _when(one.when), one.written) for one in points),
        axis.ticks(),
        tuple(Tick(_y(most * part / 4, most), f"{(most * part / 4).normalize():f}") for part in range(5)),
        tuple(lines),
        tuple(marks),
    )


def _counts(visits: Sequence[FollowUp], line: str) -> Iterator[_Point]:
    """Each day's count once: what a later visit tells of the same day counts."""
    found: dict[object, _Point] = {}
    for visit in visits:
        counts = visit.engraftment.counts if isinstance(visit.engraftment, Engraftment) else ()
        for count in () if isinstance(counts, Missing) else counts:
            said = getattr(count, line)
            if isinstance(said, Measured):
                value = to_unit(said, COUNT)
                written = " ".join(str(part) for part in (said.comparator, said.value, said.unit) if part is not None)
                key = count.id or (str(count.date) if isinstance(count.date, PartialDate) else (visit.key, len(found)))
                found[key] = _Point(line, count.date, value.value, written, bool(said.comparator))
    yield from found.values()


def _chimerism(visits: Sequence[FollowUp]) -> Iterator[_Point]:
    found: dict[object, _Point] = {}
    for visit in visits:
        for said in visit.chimerism if isinstance(visit.chimerism, tuple) else ():
            if isinstance(said.donor_percent, Decimal):
                written = f"{said.donor_percent} %"
                found[known_as(said, visit)] = _Point(_of(said), said.date, said.donor_percent, written, False)
    yield from found.values()


def _of(said: Chimerism) -> str:
    """Which cells of which sample, in words."""
    words = (("lineage", said.lineage), ("sample", said.sample))
    told = [
        word.text or codes.text("answers", f"{group}/{word.key}") for group, word in words if isinstance(word, Word)
    ]
    return ", ".join(str(word) for word in told) or "cells not told"


def _span(said: AcuteGvhd | ChronicGvhd, until: date) -> tuple[date, date] | None:
    """From the earliest onset to the latest end; to the last visit where no end was told."""
    if not isinstance(said.onset, PartialDate):
        return None
    start = said.onset.earliest
    end = said.resolved.latest if isinstance(said.resolved, PartialDate) else until
    return start, max(start, end)


def _open(said: AcuteGvhd | ChronicGvhd) -> bool:
    return not isinstance(said.resolved, PartialDate)


def _name(kind: str, said: AcuteGvhd | ChronicGvhd) -> str:
    worst = said.grade if isinstance(said, AcuteGvhd) else said.severity
    if not isinstance(worst, Word):
        return f"{kind}, grade not told"
    return f"{kind}, grade {worst.key}" if isinstance(said, AcuteGvhd) else f"{kind}, {worst.key}"


def _when(said: Said[PartialDate]) -> str:
    if said is None:
        return "not told"
    return f"missing ({said.reason})" if isinstance(said, Missing) else str(said)


def _exact(said: PartialDate | Missing) -> date | None:
    return said.exact if isinstance(said, PartialDate) else None


def _day(number: int) -> str:
    return f"D{number:+d}" if number else "D0"


def _y(value: Decimal, most: Decimal) -> int:
    return BOTTOM - int((BOTTOM - TOP) * min(value, most) / most)


def _round_up(value: Decimal) -> Decimal:
    """The next of 1, 2, 4, 10 times a power of ten; 1 for nothing."""
    if value <= 0:
        return Decimal(1)
    power = Decimal(1).scaleb(value.adjusted())
    return next(power * step for step in (1, 2, 4, 10) if value <= power * step)
