"""Flat cells to the nested document that they mean, with the way back from each place of it to the cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mappings.facts.plausible import HEIGHT, WEIGHT
from mappings.intake.columns import Column, Steps, dotted
from mappings.r4.faults import Fault, FaultyInput

DATED = {"measurements.weight": WEIGHT.unit, "measurements.height": HEIGHT.unit}
"""Measures with a day of their own, which may be known although the value is missing; each with its unit."""


class Cell(NamedTuple):
    """One cell of what was sent: its row as spreadsheets count, the sender's name of its column, and its text."""

    row: int | None
    column: str
    text: str


class Placed(NamedTuple):
    """A value at a place of a document; None where the cell is empty, so that its name is known all the same."""

    steps: Steps
    value: Any
    cell: Cell


def place(column: Column, value: Any, cell: Cell) -> Placed:
    """A value at its column's place. That a list is empty is said of the list; that it is not says nothing."""
    if column.holds != "none":
        return Placed(column.steps, value, cell)
    empty: list[Any] = []
    return Placed(column.steps[:-1], {True: empty, False: None}.get(value, value) if value is not None else None, cell)


@dataclass(frozen=True, slots=True)
class Nested:
    """A document; `cells` by the path that a fault names, `items` the sender's numbers of renumbered list items."""

    document: dict[str, Any]
    cells: Mapping[str, Cell]
    items: Mapping[str, str]

    def told(self, path: str) -> str:
        """A path of the document in the sender's numbers."""
        parts = path.split(".")
        for end in range(len(parts), 0, -1):
            if (item := self.items.get(".".join(parts[:end]))) is not None:
                return ".".join((item, *parts[end:]))
        return path


def nest(placed: Iterable[Placed]) -> Nested:
    """One document of many cells. Items of a list close up: where only 2 is filled in, it is the first.

    A place that is said twice, or as a whole and in parts, is a fault. Raises FaultyInput.
    """
    said = list(placed)
    tree: dict[str | int, Any] = {}
    faults = [fault for one in said if one.value is not None and (fault := _put(tree, one))]
    if faults:
        raise FaultyInput(faults)
    items: dict[str, str] = {}
    document = _closed(tree, (), (), items)
    items |= _dated_gaps(document)
    back = {mine: theirs for theirs, mine in items.items()}
    cells = {_renumbered(one.steps, back): one.cell for one in said}
    return Nested(document, cells, {mine: theirs for mine, theirs in items.items() if mine != theirs})


def _dated_gaps(document: Any) -> dict[str, str]:
    """Makes the value alone missing of a measure whose day is told. The new paths, each with that of its cell."""
    moved: dict[str, str] = {}
    for path, unit in DATED.items():
        section, _, name = path.partition(".")
        measures = document.get(section)
        said = measures.get(name) if isinstance(measures, dict) else None
        if isinstance(said, dict) and said.keys() >= {"not_done", "date"} and "value" not in said:
            value = {part: said.pop(part) for part in ("not_done", "note") if part in said}
            measures[name] = {"value": value, "unit": unit, **said}
            moved |= {f"{path}.value.{part}": f"{path}.{part}" for part in value}
    return moved


def _put(tree: dict[str | int, Any], one: Placed) -> Fault | None:
    node = tree
    for step in one.steps[:-1]:
        node = node.setdefault(step, {})
        if not isinstance(node, dict):
            break
    last = one.steps[-1]
    if not isinstance(node, dict) or not _joined(node, last, one.value):
        return Fault(dotted(one.steps), "is said twice, or as a whole and in parts", "duplicate")
    return None


def _joined(node: dict[str | int, Any], last: str | int, value: Any) -> bool:
    """Puts the value there. An amount in one cell and its date in another are parts of one object."""
    there = node.get(last)
    if there is None:
        node[last] = dict(value) if isinstance(value, dict) else value
    elif isinstance(there, dict) and isinstance(value, dict) and not there.keys() & value.keys():
        there.update(value)
    else:
        return False
    return True


def _closed(node: Any, mine: Steps, theirs: Steps, items: dict[str, str]) -> Any:
    """The tree as a document: numbered nodes become lists. Fills `items`: document's number to the sender's."""
    if not isinstance(node, dict):
        return node
    if not node or not all(isinstance(step, int) for step in node):
        # where numbers and words stand side by side the form refuses the numbers by their names
        return {str(step): _closed(inner, (*mine, step), (*theirs, step), items) for step, inner in node.items()}
    out = []
    for number, step in enumerate(sorted(node), 1):
        items[dotted((*mine, number))] = dotted((*theirs, step))
        out.append(_closed(node[step], (*mine, number), (*theirs, step), items))
    return out


def _renumbered(steps: Steps, back: Mapping[str, str]) -> str:
    for end in range(len(steps), 0, -1):
        if (item := back.get(dotted(steps[:end]))) is not None:
            return dotted((item, *steps[end:]))
    return dotted(steps)
