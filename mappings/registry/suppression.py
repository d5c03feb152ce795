"""Small counts do not leave the centre: in a table of few patients a number can point at one of them.

Hidden is what is small, what a small number could be worked out from (complementary suppression: by subtraction within
a row, between horizons, between endpoints that add up or lie within each other), and what is one patient's own value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from mappings.registry.judged import Analysis, AnyRow, CountRow, Row, SpreadRow
from mappings.registry.pdli_endpoints import POSSIBLE_ONES
from mappings.registry.recomputed import NAMES, SUMS, Cell, recomputed
from mappings.registry.scheduled import ASSESSED, GRAFTED
from mappings.registry.tallies import AALEN_JOHANSEN

SMALLEST = 5
"""Counts from 1 to below this are not shown, nor what they could be worked out from."""

NESTED = (
    ("agvhd-2-4", "agvhd-3-4"),
    ("cgvhd", "cgvhd-moderate-severe"),
    ("agvhd-2-4-death-alone", "agvhd-3-4-death-alone"),
    ("cgvhd-death-alone", "cgvhd-moderate-severe-death-alone"),
    ("agvhd-2-4-death-alone", "agvhd-2-4"),
    ("agvhd-3-4-death-alone", "agvhd-3-4"),
    ("cgvhd-death-alone", "cgvhd"),
    ("cgvhd-moderate-severe-death-alone", "cgvhd-moderate-severe"),
    ("relapse", "disease-death"),
    ("os", "disease-death-by-cause"),
    ("grfs", "agvhd-3-4"),
    ("lfs", "grfs"),
    ("os", "lfs"),
)
"""Endpoints where the events of one are among those of the other; the second gives way."""

AT_RISK_TOGETHER = (("lfs", ("relapse", "nrm")), ("os", ("disease-death", "disease-death-by-cause")))
"""Endpoints with the same patients at risk: who left is who had any of their events, or was no longer followed."""

ALL_CAUSES = ("os", "lfs", "grfs")
"""Endpoints that nothing competes with: who left the risk set had an event, or was no longer followed."""

GIVE_WAY = (
    *("cgvhd-moderate-severe", "cgvhd", "agvhd-3-4", "agvhd-2-4"),
    *("grfs", "disease-death", "nrm", "relapse", "lfs", "os"),
)
"""Who gives way first where a hidden number could be worked out: the study's main question last."""

FEWER = ("neutrophil-engraftment", "platelet-engraftment")
"""Endpoints that leave somebody out of all grafted."""

_ESTIMATE = ("estimate", "se", "ci_low", "ci_high")
_EVENTS = ("at_risk", "events", *_ESTIMATE)
"""Who is still at risk tells how many are not: where events are hidden, both are."""

_SHARE = ("count", "estimate", "ci_low", "ci_high")
_WHOLE = ("count", "of", *_SHARE[1:])


def suppress(analyses: Sequence[Analysis]) -> tuple[Analysis, ...]:
    """The analyses as they may leave: without curves, subjects, and what could point at somebody.

    A row names in `suppressed` what it does not show.
    """
    rows = {each.endpoint: _of_endpoint(each.rows) for each in analyses}
    _left_out(rows)
    _nested(rows)
    _sums(rows)
    _at_risk(rows)
    _not_recomputed(rows, not _lost(analyses))
    _at_risk(rows)
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
        return ("n", *_EVENTS)
    told = (row.events, row.n - row.events, *(abs(row.events - other) for other in shown))
    if any(map(small, told)):
        return _EVENTS
    competing = row.method == AALEN_JOHANSEN and small(row.n - row.events - (row.at_risk or 0))
    return ("at_risk",) if small(row.at_risk) or competing else ()


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
    return _within(out)


def _within(rows: list[CountRow]) -> list[CountRow]:
    """A smaller whole, and what is counted in it, do not tell who of the larger one is outside of it.

    The smaller whole may itself be a count of the larger one: for how many lymphocytes were possible.
    """
    out = list(rows)
    all_ = {row.category: row for row in rows if row.among == GRAFTED}
    for place, row in enumerate(rows):
        larger = all_.get(row.category)
        if larger is None or row.among in (GRAFTED, ASSESSED):
            continue
        counted = all_.get(IS_COUNT_OF.get(row.among, ""))
        apart = row.of is not None and larger.of is not None and small(larger.of - row.of)
        if apart or (counted is not None and counted.count is None):
            out[place] = _hidden(row, _WHOLE)
        elif row.count is not None and larger.count is not None and small(larger.count - row.count):
            out[place] = _hidden(row, _SHARE)
    return out


def _few(row: CountRow) -> tuple[str, ...]:
    if row.of is None or row.count is None or small(row.of):
        return _WHOLE
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

IS_COUNT_OF = {POSSIBLE_ONES: "possible"}
"""A whole that is the count of a category among all grafted."""


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
    return _hidden(row, _EVENTS) if near else row


def _left_out(rows: dict[str, tuple[AnyRow, ...]]) -> None:
    """Whom an analysis leaves out of all grafted, or of all who were given lymphocytes, cannot be told by its size."""
    grafted = next((row.n for row in rows.get("os", ()) if isinstance(row, Row)), None)
    for name in FEWER:
        _hide(rows, name, ("n", *_EVENTS), lambda row: small(abs((grafted or 0) - (row.n or 0))))
    given = next((row.count for row in rows.get("pdli-feasibility", ()) if isinstance(row, CountRow)), 0)
    _hide(rows, "pdli-gvhd", ("n", *_EVENTS), lambda row: given is None or small(abs(given - (row.n or 0))))


def _not_recomputed(rows: dict[str, tuple[AnyRow, ...]], nobody_lost: bool) -> None:
    """What rules by pairs did not see: hides on, the least asked for first, until nothing can be worked out.

    `nobody_lost`: before any horizon; then who is no longer at risk had an event, and estimates tell readers that.
    """
    while found := _worked_out(rows, nobody_lost):
        days = {day for _, day in found}
        near = sorted(_timed(rows, GIVE_WAY), key=lambda row: row.horizon_days not in days)  # first those of its day
        ways: list[tuple[Row, tuple[str, ...]]] = [(row, ("at_risk",)) for row in near if row.at_risk is not None]
        ways += [(row, _EVENTS) for row in near if row.events is not None]
        tried = (_without(rows, *way) for way in ways)
        less = (left for left in tried if len(_worked_out(left, nobody_lost)) < len(found))
        rows.update(next(less, {}) or _without(rows, *ways[0]))


def _worked_out(rows: Mapping[str, tuple[AnyRow, ...]], nobody_lost: bool) -> set[Cell]:
    """Hidden numbers of events that are none."""
    timed = {(row.endpoint, row.horizon_days): row for row in _timed(rows, NAMES)}
    known = {cell: (row.events, row.events) for cell, row in timed.items() if row.events is not None}
    for (name, day), row in timed.items():
        if row.at_risk is not None and row.n is not None:
            whole = next((one for one, parts in AT_RISK_TOGETHER if name in parts), name)
            low, high = known.get((whole, day), (0, row.n))
            gone = row.n - row.at_risk
            all_ = nobody_lost and whole in ALL_CAUSES and low <= gone <= high
            known[whole, day] = (gone if all_ else low), max(low, min(high, gone))
    hidden = {cell for cell, row in timed.items() if row.events is None and row.n is not None}
    size = max((row.n or 0 for row in timed.values()), default=0)
    return recomputed(known, size, {day for _, day in timed}) & hidden


def _lost(analyses: Iterable[Analysis]) -> bool:
    rows = [row for each in analyses if each.endpoint in ALL_CAUSES for row in each.rows if isinstance(row, Row)]
    return any((row.n or 0) - (row.at_risk or 0) != row.events for row in rows)


def _timed(rows: Mapping[str, tuple[AnyRow, ...]], names: Iterable[str]) -> Iterator[Row]:
    return (row for name in names for row in rows.get(name, ()) if isinstance(row, Row))


def _without(
    rows: Mapping[str, tuple[AnyRow, ...]], row: Row, fields: tuple[str, ...]
) -> dict[str, tuple[AnyRow, ...]]:
    return {**rows, row.endpoint: tuple(_hidden(one, fields) if one is row else one for one in rows[row.endpoint])}


def _at_risk(rows: dict[str, tuple[AnyRow, ...]]) -> None:
    """Where the whole is not shown, who left the risk set tells what competes: not where one of the parts is hidden."""
    for whole, parts in AT_RISK_TOGETHER:
        told = {row.horizon_days for row in rows.get(whole, ()) if "events" not in row.suppressed}
        found = (row for name in {*parts, "nrm"} for row in rows.get(name, ()))
        hidden = {row.horizon_days for row in found if "events" in row.suppressed} - told
        for name in parts:
            _hide(rows, name, ("at_risk",), partial(_on, hidden))


def _on(days: set[int | None], row: AnyRow) -> bool:
    return row.horizon_days in days


def _hide(
    rows: dict[str, tuple[AnyRow, ...]], name: str, fields: tuple[str, ...], where: Callable[[Any], bool]
) -> None:
    if name in rows:
        rows[name] = tuple(_hidden(row, fields) if where(row) else row for row in rows[name])


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
        rows[name] = tuple(_hidden(row, _EVENTS) if row.horizon_days == day else row for row in rows[name])


def _all(row: AnyRow) -> tuple[str, ...]:
    return ("n", *_EVENTS) if isinstance(row, Row) else _WHOLE


def _hidden(row: Any, names: tuple[str, ...]) -> Any:
    """A row without these, and without what it counts beside, which is smaller still."""
    hidden = tuple(dict.fromkeys((*row.suppressed, *names)))
    kept = {name: value for name, value in row.more.items() if name == "lineage"}
    return replace(row, **dict.fromkeys(hidden), more=kept, suppressed=hidden)
