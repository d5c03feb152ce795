"""Somebody who reads a released report and works out what it hides, by bounds on every count until nothing moves.

They know how endpoints hang together, that nothing fell on a horizon itself, and, in the worst case, that nobody was
lost to follow-up. A hidden number of which only one value is left has been recomputed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mappings.registry.judged import Analysis, CountRow, Row
from mappings.registry.pdli_endpoints import ON_DAY_120, POSSIBLE_ONES
from mappings.registry.scheduled import ASSESSED, GRAFTED

Cell = tuple[Any, ...]
MANY = 100_000
"""Nobody knows how many there are where no whole is told."""

DAYS = (28, 42, 90, 100, 180, 365, 730)

SUMS = (("lfs", "relapse", "nrm"), ("os", "disease-death", "nrm"))
WITHIN = (
    ("relapse", "disease-death"),
    ("lfs", "os"),
    ("grfs", "lfs"),
    ("grfs", "agvhd-3-4"),
    ("agvhd-2-4", "agvhd-3-4"),
)
"""The events of the second are among those of the first. Of `os` within `lfs`: who died has failed."""

RISK_OF = {"lfs": "lfs", "relapse": "lfs", "nrm": "lfs", "os": "os", "disease-death": "os", "grfs": "grfs"}
"""Whose events, all together, are who left the risk set."""


@dataclass
class Bounds:
    """The least and the most that each cell can be."""

    most: int
    known: dict[Cell, tuple[int, int]]

    def of(self, cell: Cell) -> tuple[int, int]:
        return self.known.get(cell, (0, self.most))

    def narrow(self, cell: Cell, low: int, high: int) -> bool:
        before = self.of(cell)
        after = max(before[0], low), min(before[1], high)
        assert after[0] <= after[1], f"{cell} cannot be: the adversary is wrong"
        self.known[cell] = after
        return after != before


def pinned(released: Sequence[Analysis], *, nobody_lost: bool) -> set[Cell]:
    """Hidden cells, as (endpoint, horizon, name), of which the report leaves one value."""
    size = next((row.n for one in released if one.endpoint == "os" for row in one.rows if isinstance(row, Row)), None)
    if size is None:
        return set()
    bounds = Bounds(size, {})
    rows = [row for one in released for row in one.rows if isinstance(row, Row)]
    _read(bounds, rows, nobody_lost=nobody_lost)
    while any([_sum(bounds, day) | _nest(bounds, day) for day in DAYS] + [_grow(bounds)]):
        pass
    hidden = {(row.endpoint, row.horizon_days, "events") for row in rows if "events" in row.suppressed}
    return {cell for cell in hidden if len(set(bounds.of(cell[:2]))) == 1} | _counted(released)


def _read(bounds: Bounds, rows: Iterable[Row], *, nobody_lost: bool) -> None:
    for row in rows:
        cell = row.endpoint, row.horizon_days
        if row.events is not None:
            bounds.narrow(cell, row.events, row.events)
        if row.at_risk is not None and row.n == bounds.most:
            gone = row.n - row.at_risk
            bounds.narrow(cell, 0, gone)
            if whole := RISK_OF.get(row.endpoint):
                bounds.narrow((whole, row.horizon_days), gone if nobody_lost else 0, gone)


def _sum(bounds: Bounds, day: int) -> bool:
    moved = False
    for whole, one, other in SUMS:
        (a, b), (c, d), (e, f) = (bounds.of((name, day)) for name in (whole, one, other))
        moved |= bounds.narrow((whole, day), c + e, d + f)
        moved |= bounds.narrow((one, day), a - f, b - e)
        moved |= bounds.narrow((other, day), a - d, b - c)
    return moved


def _nest(bounds: Bounds, day: int) -> bool:
    moved = False
    for outer, inner in WITHIN:
        moved |= bounds.narrow((outer, day), bounds.of((inner, day))[0], bounds.most)
        moved |= bounds.narrow((inner, day), 0, bounds.of((outer, day))[1])
    return moved


def _grow(bounds: Bounds) -> bool:
    """What has happened by a day has happened by each later one."""
    moved = False
    for name in {cell[0] for cell in bounds.known}:
        for day, later in pairwise(DAYS):
            moved |= bounds.narrow((name, later), bounds.of((name, day))[0], bounds.most)
            moved |= bounds.narrow((name, day), 0, bounds.of((name, later))[1])
    return moved


def _counted(released: Iterable[Analysis]) -> set[Cell]:
    found = set()
    for one in released:
        rows = [row for row in one.rows if isinstance(row, CountRow)]
        for day in {row.horizon_days for row in rows}:
            found |= {(one.endpoint, day, *cell) for cell in _shares([row for row in rows if row.horizon_days == day])}
    return found


def _shares(rows: Sequence[CountRow]) -> set[Cell]:
    """Classes make their whole; the assessed who answered are all who did; a smaller whole lies in the larger."""
    most = MANY
    bounds = Bounds(most, {})
    for row in rows:
        for cell, said in ((_count(row), row.count), (_whole(row), row.of)):
            bounds.narrow(cell, said or 0, most if said is None else said)
    while any([_class_sum(bounds, rows), *(_lies_in(bounds, row) for row in rows)]):
        pass
    nobody = {row.category for row in rows if row.among == GRAFTED and row.count == 0}
    nobody |= {row.category for row in rows if row.among == ASSESSED and row.of == 0}
    told = [row for row in rows if row.of != 0]  # that nobody of nobody had it is no news
    hidden = {_count(row) for row in told if row.count is None and row.category not in nobody}
    hidden |= {_whole(row) for row in told if row.of is None}
    return {cell for cell in hidden if len(set(bounds.of(cell))) == 1}


def _count(row: CountRow) -> Cell:
    return "count", row.category, GRAFTED if row.among == ASSESSED else row.among, row.more.get("lineage")


def _whole(row: CountRow) -> Cell:
    if row.among == POSSIBLE_ONES:
        return "count", "possible", GRAFTED, None
    return "of", row.among, row.more.get("lineage")


def _lies_in(bounds: Bounds, row: CountRow) -> bool:
    pairs = [(_whole(row), _count(row)), (("of", GRAFTED, None), _whole(row))]
    if "lineage" not in row.more:
        pairs += [(("count", row.category, GRAFTED, None), _count(row))]
    if row.among == ON_DAY_120:
        pairs += [(("of", GRAFTED, None), ("of", ON_DAY_120, None))]
    moved = False
    for outer, inner in pairs:
        moved |= bounds.narrow(outer, bounds.of(inner)[0], bounds.most)
        moved |= bounds.narrow(inner, 0, bounds.of(outer)[1])
    return moved


def _class_sum(bounds: Bounds, rows: Sequence[CountRow]) -> bool:
    moved = False
    for lineage in {row.more.get("lineage") for row in rows}:
        classes = [row for row in rows if row.category in ("full", "mixed", "absent")]
        cells = [_count(row) for row in classes if row.more.get("lineage") == lineage]
        if not cells:
            continue
        whole = ("of", ASSESSED, lineage)
        lows, highs = zip(*(bounds.of(cell) for cell in cells), strict=True)
        moved |= bounds.narrow(whole, sum(lows), sum(highs))
        low, high = bounds.of(whole)
        for place, cell in enumerate(cells):
            others_low, others_high = sum(lows) - lows[place], sum(highs) - highs[place]
            moved |= bounds.narrow(cell, low - others_high, high - others_low)
    return moved


def differences(released: Iterable[Analysis], pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, int, int]]:
    """(outer, inner, day, by how many they differ) of shown counts of endpoints that lie within each other."""
    told: Mapping[tuple[str, int], int] = {
        (row.endpoint, row.horizon_days): row.events
        for one in released
        for row in one.rows
        if isinstance(row, Row) and row.events is not None
    }
    for outer, inner in pairs:
        for (name, day), count in told.items():
            if name == inner and (outer, day) in told:
                yield outer, inner, day, told[outer, day] - count
