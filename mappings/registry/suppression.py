"""Small counts do not leave the centre: in a table of few patients a number can point at one of them.

Hidden is what is small, what a small number could be worked out from (complementary suppression: by subtraction within
a row, between horizons, between endpoints that add up or lie within each other), and what is one patient's own value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from mappings.registry.judged import Analysis, AnyRow, CountRow, Row, SpreadRow

SMALLEST = 5
"""Counts from 1 to below this are not shown, nor what they could be worked out from."""

SUMS = (("lfs", "relapse", "nrm"), ("os", "disease-death", "nrm"))
"""Endpoints whose events add up: the first are those of the others together."""

NESTED = (
    ("agvhd-2-4", "agvhd-3-4"),
    ("cgvhd", "cgvhd-moderate-severe"),
    ("agvhd-2-4-death-alone", "agvhd-3-4-death-alone"),
    ("cgvhd-death-alone", "cgvhd-moderate-severe-death-alone"),
    ("agvhd-2-4-death-alone", "agvhd-2-4"),
    ("agvhd-3-4-death-alone", "agvhd-3-4"),
    ("cgvhd-death-alone", "cgvhd"),
    ("cgvhd-moderate-severe-death-alone", "cgvhd-moderate-severe"),
    ("lfs", "grfs"),
    ("os", "lfs"),
)
"""Endpoints where the events of one are among those of the other; the second gives way."""

_ESTIMATE = ("estimate", "se", "ci_low", "ci_high")
_SHARE = ("count", "estimate", "ci_low", "ci_high")


def suppress(analyses: Sequence[Analysis]) -> tuple[Analysis, ...]:
    """The analyses as they may leave: without curves, subjects, and what could point at somebody.

    A row names in `suppressed` what it does not show.
    """
    rows = {each.endpoint: _of_endpoint(each.rows) for each in analyses}
    _nested(rows)
    _sums(rows)
    return tuple(
        replace(each, rows=rows[each.endpoint], main=_main(each, rows[each.endpoint]), curve=None, subjects=())
        for each in analyses
    )


def small(count: int | None) -> bool:
    """Is there somebody, but too few to hide among?"""
    return count is not None and 0 < count < SMALLEST


def _main(analysis: Analysis, rows: Sequence[AnyRow]) -> AnyRow | None:
    """The main row as its like among the rows is shown; alone where none is."""
    if analysis.main is None:
        return None
    day = analysis.main.horizon_days
    return next((row for row in rows if row.horizon_days == day), _hidden(analysis.main, _all(analysis.main)))


def _of_endpoint(rows: Sequence[AnyRow]) -> tuple[AnyRow, ...]:
    times = iter(_times([row for row in rows if isinstance(row, Row)]))
    shares = iter(_shares([row for row in rows if isinstance(row, CountRow)]))
    return tuple(
        next(times) if isinstance(row, Row) else next(shares) if isinstance(row, CountRow) else _spread(row)
        for row in rows
    )


def _times(rows: Sequence[Row]) -> list[Row]:
    """Events fall, and with them the estimate, where they, the rest, or the step to a longer horizon are few.

    The estimate tells the number at risk as well, where that is small; so does the number of competing events.
    """
    shown: list[int] = []
    released: dict[int, Row] = {}
    for row in sorted(rows, key=lambda row: row.horizon_days, reverse=True):
        left = released[row.horizon_days] = _hidden(row, _telling(row, shown))
        shown += [left.events] if left.events is not None else []
    return [released[row.horizon_days] for row in rows]


def _telling(row: Row, shown: Iterable[int]) -> tuple[str, ...]:
    if row.n is None or row.events is None or small(row.n):
        return ("n", "at_risk", "events", *_ESTIMATE)
    told = (row.events, row.n - row.events, *(abs(row.events - other) for other in shown))
    fields = ("events", *_ESTIMATE) if any(map(small, told)) else ()
    return ("at_risk", *fields) if small(row.at_risk) else fields


def _shares(rows: Sequence[CountRow]) -> list[CountRow]:
    """Of the classes of one whole a second one falls with the first; so does the same count of another whole."""
    out = [_hidden(row, _few(row)) for row in rows]
    for place, row in enumerate(out):
        alike = [other for other, each in enumerate(out) if other != place and _together(row, each)]
        if row.suppressed and row.of is not None and alike and not any(out[other].suppressed for other in alike):
            least = min(alike, key=lambda other: (out[other].count or 0, other))
            out[least] = _hidden(out[least], _SHARE)
    for place, row in enumerate(out):
        if any(row.suppressed and _same_count(row, each) for each in out):
            out = [_hidden(each, _SHARE) if _same_count(row, each) and row.suppressed else each for each in out]
            out[place] = row
    return out


def _few(row: CountRow) -> tuple[str, ...]:
    if row.of is None or row.count is None or small(row.of):
        return ("count", "of", *_SHARE[1:])
    return _SHARE if small(row.count) or small(row.of - row.count) else ()


def _together(one: CountRow, other: CountRow) -> bool:
    """Classes of one whole, at one date."""
    same = (one.horizon_days, one.among, one.more.get("lineage")) == (
        other.horizon_days,
        other.among,
        other.more.get("lineage"),
    )
    return same and one.category != other.category and one.category in _CLASSES and other.category in _CLASSES


def _same_count(one: CountRow, other: CountRow) -> bool:
    """The same patients counted of two wholes, at one date."""
    return (one.horizon_days, one.category) == (other.horizon_days, other.category) and one.among != other.among


_CLASSES = ("full", "mixed", "absent")


def _spread(row: SpreadRow) -> SpreadRow:
    """The least and the most are one patient's value each; of few patients the quartiles are too."""
    hidden: SpreadRow = _hidden(row, ("n", "median", "q1", "q3", "min", "max") if small(row.n) else ("min", "max"))
    return hidden


def _nested(rows: dict[str, tuple[AnyRow, ...]]) -> None:
    """Of two endpoints that differ by few patients the second does not tell its events."""
    for first, second in NESTED:
        told = {row.horizon_days: row.events for row in rows.get(first, ()) if isinstance(row, Row)}
        rows |= {second: tuple(_if_near(row, told) for row in rows[second])} if second in rows else {}


def _if_near(row: AnyRow, told: dict[int, int | None]) -> AnyRow:
    other = told.get(row.horizon_days) if row.horizon_days is not None else None
    near = isinstance(row, Row) and row.events is not None and other is not None and small(abs(other - row.events))
    return _hidden(row, ("events", *_ESTIMATE)) if near else row


def _sums(rows: dict[str, tuple[AnyRow, ...]]) -> None:
    """Of three endpoints that add up two are hidden, or none: one alone could be subtracted. Until nothing changes."""
    before: dict[str, tuple[AnyRow, ...]] = {}
    while before != rows:
        before = dict(rows)
        for names in SUMS:
            for day in {row.horizon_days for name in names for row in rows.get(name, ())}:
                _add_up(rows, names, day)


def _add_up(rows: dict[str, tuple[AnyRow, ...]], names: Sequence[str], day: int | None) -> None:
    found = {name: row for name in names for row in rows.get(name, ()) if row.horizon_days == day}
    open_ones = [name for name, row in found.items() if "events" not in row.suppressed]
    if len(found) == len(names) and len(open_ones) == len(names) - 1:
        name = open_ones[-1]
        rows[name] = tuple(
            _hidden(row, ("events", *_ESTIMATE)) if row.horizon_days == day else row for row in rows[name]
        )


def _all(row: AnyRow) -> tuple[str, ...]:
    return ("n", "at_risk", "events", *_ESTIMATE) if isinstance(row, Row) else _SHARE


def _hidden(row: Any, names: tuple[str, ...]) -> Any:
    """A row without these, and without what it counts beside, which is smaller still."""
    hidden = tuple(dict.fromkeys((*row.suppressed, *names)))
    kept = {name: value for name, value in row.more.items() if name == "lineage"}
    return replace(row, **dict.fromkeys(hidden), more=kept, suppressed=hidden)
