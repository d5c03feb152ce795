"""What a reader of counts can work out of those that are not shown: bounds on each, narrowed until nothing moves.

Known to everybody: leukaemia-free survival ends by relapse or death without it, deaths are after a relapse or not, some
events are among others, and what has happened by a day has happened by every later one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

Cell = tuple[str, int]
"""Events of an endpoint, to a day."""

Range = tuple[int, int]

SUMS = (("lfs", "relapse", "nrm"), ("os", "disease-death", "nrm"))
"""Endpoints whose events add up: the first are those of the others together."""

AMONG = (
    ("relapse", "disease-death"),
    ("lfs", "os"),
    ("grfs", "lfs"),
    ("grfs", "agvhd-3-4"),
    ("agvhd-2-4", "agvhd-3-4"),
    ("cgvhd", "cgvhd-moderate-severe"),
)
"""The events of the second are among those of the first."""

NAMES = tuple(dict.fromkeys(name for group in (*SUMS, *AMONG) for name in group))


def recomputed(known: Mapping[Cell, Range], size: int, days: Iterable[int]) -> set[Cell]:
    """Cells of which one value is left that `known` does not tell outright. `size`: patients, the most that there is.

    `known`: what is told of each cell; of all others nothing is.
    """
    over = sorted(set(days))
    bounds = {(name, day): known.get((name, day), (0, size)) for name in NAMES for day in over}
    moving = True
    while moving:
        moving = False
        for cell, (low, high) in _implied(bounds, over):
            before = bounds[cell]
            after = max(before[0], low), min(before[1], high)
            if after[0] <= after[1]:  # else what is told does not hang together, and nothing follows from it
                bounds[cell] = after
                moving |= after != before
    return {cell for cell, (low, high) in bounds.items() if low == high and known.get(cell) != (low, high)}


def _implied(bounds: Mapping[Cell, Range], days: list[int]) -> Iterator[tuple[Cell, Range]]:
    for day in days:
        for whole, one, other in SUMS:
            (a, b), (c, d), (e, f) = (bounds[name, day] for name in (whole, one, other))
            yield (whole, day), (c + e, d + f)
            yield (one, day), (a - f, b - e)
            yield (other, day), (a - d, b - c)
        for outer, inner in AMONG:
            yield from _ordered(bounds, (inner, day), (outer, day))
    for name in NAMES:
        for day, later in pairwise(days):
            yield from _ordered(bounds, (name, day), (name, later))


def _ordered(bounds: Mapping[Cell, Range], smaller: Cell, larger: Cell) -> Iterator[tuple[Cell, Range]]:
    """The one is at most the other."""
    yield larger, (bounds[smaller][0], bounds[larger][1])
    yield smaller, (bounds[smaller][0], bounds[larger][1])
