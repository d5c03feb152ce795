"""The plan as a person reads it: day by day for a ward, span by span for a terminal.

Nothing here doses or dates anything: it lays out what `reading` found and puts beside it what was done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

from mappings.plan.amounts import plain
from mappings.plan.reading import Item, Kind
from mappings.plan.timeline import label

if TYPE_CHECKING:
    # what was done is told by the forms, and a plan in a terminal has none
    from mappings.plan.marks import Mark

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = timedelta(days=1)
UNPLANNED = "not planned for this day"


@dataclass(frozen=True, slots=True)
class Line:
    """One item on one day. `taper`: the decision that may end it from this day on; until then the full dose goes on.

    `marks` tell what was done; `first` is set on the first day of a course, a window, a rest.
    """

    item: Item
    first: bool = True
    taper: Item | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """What must hold before the things called `titles` may start, told once on the day from which they may."""

    titles: tuple[str, ...]
    text: str
    last_label: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """One date, with its protocol day counted from day zero (empty while that is unknown).

    Days in a row on which nothing is planned are one Day without lines, up to `last`.
    """

    first: date
    last: date
    label: str
    last_label: str
    lines: tuple[Line, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Calendar:
    """`open`: items that have no date, such as a visit that the protocol does not date. `loose`: what was done and has
    neither a planned day nor an exact date.
    """

    day_zero: date | None
    days: tuple[Day, ...]
    open: tuple[Line, ...]
    loose: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """Days in a row on which an item says the same; `last` is `first` for a single day."""

    item: Item
    first: date | None
    last: date | None
    first_day: str
    last_day: str


def calendar(items: Sequence[Item], done: Sequence[Mark] = ()) -> Calendar:
    """Every day on which something is planned or was done."""
    zero = day_zero(items)
    placed: list[tuple[date | None, Line]] = [pair for item in items for pair in _placed(item, items)]
    placed += [(None, Line(item)) for item in items if item.first is None]
    homes = [(mark, _home(mark, placed, zero)) for mark in done if mark.action != "visit-unscheduled"]
    lines = [
        (when, replace(line, marks=tuple(_told(mark, when) for mark, home in homes if home == n)))
        for n, (when, line) in enumerate(placed)
    ]
    strangers = [mark for mark, home in homes if home is None]
    dated = [(when, line) for when, line in lines if when] + [(m.on, _stranger(m, items)) for m in strangers if m.on]
    undated = tuple(line for when, line in lines if when is None)
    return Calendar(zero, tuple(_laid_out(dated, zero)), undated, tuple(one for one in strangers if not one.on))


def spans(items: Sequence[Item]) -> list[Span]:
    """The items by date, equal days in a row folded; a day between two doses is never swallowed."""
    folded: list[Span] = []
    for span in map(partial(span_of, plan=items), items):
        if folded and _continues(folded[-1], span):
            folded[-1] = replace(folded[-1], last=span.last, last_day=span.last_day or span.first_day)
        else:
            folded.append(span)
    return sorted(folded, key=lambda span: (span.first is None, span.first or date.min))


def span_of(item: Item, plan: Sequence[Item]) -> Span:
    """First and last day of one item of `plan`; a course goes to the day before its taper may begin."""
    zero, first, last = day_zero(plan), item.begun or item.first, item.over or _last(item, plan)
    if first and last:
        last = max(first, last)  # a taper that goes on beyond its window
    return Span(item, first, last, _day_of(item, first, zero), _label(last, zero) if last else "")


def day_zero(items: Sequence[Item]) -> date | None:
    """Date of day zero: that of what is planned for it, else counted back from the last that names its day.

    None where the protocol counts in cycles: there is no day zero then.
    """
    named = [(item.first, *_place(item.day)) for item in items if item.first and item.day]
    on_it = [first for first, cycle, number in named if number == 0 and not cycle]
    counted = [first - number * _DAY for first, cycle, number in named if not cycle]
    return on_it[0] if on_it else max(counted, default=None)


def weekday(day: date) -> str:
    """`Mon` to `Sun`, in English on every machine."""
    return WEEKDAYS[day.weekday()]


def amount(item: Item) -> str:
    """`1000 mg x 2`: one dose and how often a day; empty where the plan gives none."""
    if item.mg is None:
        return ""
    return f"{plain(item.mg)} mg" + (f" x {item.doses}" if item.doses and item.doses > 1 else "")


def _placed(item: Item, items: Sequence[Item]) -> Iterator[tuple[date, Line]]:
    """An item on each of its days. A taper has none of its own: it stands on those of the course that it ends."""
    if item.first is None or item.kind is Kind.TAPER:
        return
    last = _last(item, items) or item.first
    for day in _days(item.first, last):
        yield day, Line(item, first=day == item.first)
    for taper in items:
        if taper.follows == item.reference and taper.first and taper.last:
            yield from _tapered(item, taper, taper.first, taper.last)


def _tapered(item: Item, taper: Item, first: date, last: date) -> Iterator[tuple[date, Line]]:
    """The days of a taper: until it is confirmed the full dose stands on them, from then on the centre's steps."""
    if taper.begun is None:
        given = item
    else:
        first, last = taper.begun, taper.over or max(last, taper.begun)
        given = replace(item, title=taper.title, mg=None, doses=None)
    for day in _days(first, last):
        yield day, Line(given, first=day == first, taper=taper)


def _laid_out(lines: Sequence[tuple[date, Line]], zero: date | None) -> Iterator[Day]:
    by_day: dict[date, list[Line]] = {}
    for when, line in lines:
        by_day.setdefault(when, []).append(line)
    before: date | None = None
    for when, on_it in sorted(by_day.items(), key=lambda each: each[0]):
        if before and when - before > _DAY:
            first, last = before + _DAY, when - _DAY
            yield Day(first, last, _label(first, zero), _label(last, zero))
        yield Day(when, when, _label(when, zero), _label(when, zero), tuple(on_it), tuple(_notices(on_it, zero)))
        before = when


def _notices(lines: Sequence[Line], zero: date | None) -> Iterator[Notice]:
    """Gates that may open on a day; things that wait for the same share one."""
    titles: dict[tuple[str, str], list[str]] = {}
    for gated in (line.taper or line.item for line in lines if line.first):
        if gated.gate and not gated.begun:
            last = _label(gated.last, zero) if gated.last else ""
            titles.setdefault((gated.text or gated.gate, last), []).append(gated.title)
    return (Notice(tuple(named), text, last) for (text, last), named in titles.items())


def _last(item: Item, items: Sequence[Item]) -> date | None:
    """Last day of a span; a course without an end goes, nominally, to the day before its taper may begin."""
    if item.kind is not Kind.COURSE or item.last or item.first is None:
        return item.last or (item.first if item.kind is not Kind.PROCEDURE or not item.gate else None)
    starts = [taper.first for taper in items if taper.follows == item.reference and taper.first]
    return min(starts) - _DAY if starts else None


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _home(mark: Mark, placed: Sequence[tuple[date | None, Line]], zero: date | None) -> int | None:
    """Where among the planned lines a mark belongs: on the day that it names, else on its date."""
    return next((n for n, (when, line) in enumerate(placed) if _meant(mark, when, line, zero)), None)


def _stranger(mark: Mark, items: Sequence[Item]) -> Line:
    title = next((item.title for item in items if item.action == mark.action), mark.action)
    item = Item("", mark.action, Kind.PROCEDURE, title, day=mark.day, first=mark.on, text=UNPLANNED)
    return Line(item, marks=(mark.words,))


def _meant(mark: Mark, when: date | None, line: Line, zero: date | None) -> bool:
    if mark.action != line.item.action:
        return False
    if line.item.kind in (Kind.VISIT, Kind.PROCEDURE):
        return True
    if not mark.day:
        return mark.on is not None and mark.on == when
    return mark.day == (line.item.day if line.item.kind is Kind.DOSE or when is None else _label(when, zero))


def _told(mark: Mark, planned: date | None) -> str:
    return mark.words if mark.on == planned else f"{mark.words}, {mark.when or 'on an unknown day'}"


def _day_of(item: Item, when: date | None, zero: date | None) -> str:
    return item.day or (_label(when, zero) if when else "")


def _label(when: date, zero: date | None) -> str:
    return label((when - zero).days) if zero else ""


def _continues(before: Span, after: Span) -> bool:
    """Is this the same dose on the next day? By date, and in a plan without dates by the protocol's day."""
    if before.item.kind is not Kind.DOSE or _without_day(before.item) != _without_day(after.item):
        return False
    (cycle, number), (next_cycle, next_number) = _place(before.last_day or before.first_day), _place(after.first_day)
    if cycle != next_cycle:
        return False
    if before.last and after.first:
        return after.first == before.last + _DAY
    return after.first is None and next_number == number + 1


def _without_day(item: Item) -> Item:
    return replace(item, reference="", day="", first=None, last=None, text="")


def _place(day: str) -> tuple[str, int]:
    """Of a protocol day its cycle, empty where it has none, and its number there."""
    cycle, _, number = day.rpartition("D")
    return cycle, int(number)
