"""The fields of a visit's form: which there are, in their order; what was pressed; where each fault belongs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mappings.intake.asked import Asked
from mappings.intake.filled import length, without
from mappings.r4.faults import Fault

SHOWN = "shown:"
"""Before the path of a list: how many items of it are on the page, filled in or not."""

MOST_ITEMS = 200

Fields = Mapping[str, str]


class Control(NamedTuple):
    """Something on the page that has a name; `text`: what it is called there.

    `inside`: it holds others and is not filled in itself.
    """

    name: str
    text: str
    inside: bool = False


class Marked(NamedTuple):
    """Faults by the control that they stand beside, and the first field.

    `listed`: all of them in the order of the page, each with its control and what that is called.
    """

    beside: Mapping[str, Sequence[str]]
    listed: Sequence[tuple[str, str, str]]
    first: str


def items(fields: Fields, path: str) -> int:
    """How many items of a list the page shows."""
    said = fields.get(f"{SHOWN}{path}", "")
    shown = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0
    return min(max(length(fields, path), shown), MOST_ITEMS)


def ticked(fields: Fields, path: str) -> set[str]:
    """The words that are chosen of a list of words."""
    numbers = range(1, length(fields, path) + 1)
    return {fields[f"{path}.{number}"] for number in numbers if f"{path}.{number}" in fields}


def gaps(fields: Fields, path: str, boxes: int) -> list[tuple[str, str]]:
    """Items of a list of words that have no word: the name of each on the page, after those of the `boxes`, and the
    name under which it is said now. The last one is still to be said."""
    said = [number for number in range(1, length(fields, path) + 1) if f"{path}.{number}" not in fields]
    told = [number for number in said if any(f"{path}.{number}.{part}" in fields for part in ("not_done", "note"))]
    placed = [(number, number) for number in told if number > boxes]
    last = max((number for number, _ in placed), default=boxes)
    placed += enumerate((number for number in told if number <= boxes), last + 1)
    last = max((number for number, _ in placed), default=boxes)
    return [(f"{path}.{new}", f"{path}.{old}") for new, old in (*placed, (last + 1, last + 1))]


def answers(fields: Fields) -> dict[str, str]:
    """The fields that say something of the patient."""
    return {name: text for name, text in fields.items() if not name.startswith(SHOWN)}


def added(fields: Fields, path: str) -> dict[str, str]:
    """One more item of a list on the page."""
    return {**fields, f"{SHOWN}{path}": str(min(items(fields, path) + 1, MOST_ITEMS))}


def dropped(fields: Fields, path: str, number: int) -> dict[str, str]:
    """One item of a list less on the page; those after it move up."""
    shown = {name.removeprefix(SHOWN): text for name, text in fields.items() if name.startswith(SHOWN)}
    kept = {f"{SHOWN}{name}": text for name, text in without(shown, path, number).items()}
    count = max(items(fields, path) - 1, 0)
    return without(answers(fields), path, number) | kept | {f"{SHOWN}{path}": str(count)}


def controls(asked: Sequence[Asked], fields: Fields, above: str = "") -> Iterator[Control]:
    """Everything on the page that has a name, from the top to the bottom."""
    for one in asked:
        path = above + one.name
        yield Control(path, one.text, one.kind in ("group", "list", "values", "checks", "quantity"))
        if one.none:
            yield Control(f"{path}.none", one.text)
        if one.kind == "group":
            yield from _why(one, path)
        yield from _parts(one, path, fields)
        if one.kind != "group":
            yield from _why(one, path)


def first_field(names: Sequence[Control], anchor: str) -> str:
    """The first thing that can be filled in at or after `anchor`; empty where there is none."""
    places = [place for place, one in enumerate(names) if one.name == anchor]
    return next((one.name for one in names[places[0] :] if not one.inside), "") if places else ""


def marked(faults: Sequence[Fault], names: Sequence[Control]) -> Marked:
    """Each fault beside its field, or beside the nearest thing around it; what belongs nowhere is listed only."""
    order = {one.name: place for place, one in enumerate(names)}
    texts = {one.name: one.text for one in names}
    found = [(_anchor(fault.path, order), fault.message) for fault in faults]
    found.sort(key=lambda one: order.get(one[0], -1))
    beside: dict[str, list[str]] = {}
    for anchor, message in found:
        beside.setdefault(anchor, []).append(message)
    first = next((anchor for anchor, _ in found if anchor), "")
    listed = [(anchor, texts.get(anchor, ""), message) for anchor, message in found]
    return Marked(beside, listed, first_field(names, first))


def _anchor(path: str, order: Mapping[str, int]) -> str:
    while path and path not in order:
        path = path.rpartition(".")[0]
    return path


def _why(one: Asked, path: str) -> Iterator[Control]:
    if one.said:
        yield from _reason(path, one.text)


def _reason(path: str, text: str) -> Iterator[Control]:
    yield Control(f"{path}.not_done", text)
    yield Control(f"{path}.note", text)


def _parts(one: Asked, path: str, fields: Fields) -> Iterator[Control]:
    if one.kind == "group":
        yield from controls(one.inside, fields, f"{path}.")
    elif one.kind == "list":
        for number in range(1, items(fields, path) + 1):
            yield Control(f"{path}.{number}", f"{one.text} {number}", inside=True)
            yield from controls(one.inside, fields, f"{path}.{number}.")
    elif one.kind == "values":
        for number in range(1, items(fields, path) + 1):
            yield Control(f"{path}.{number}", f"{one.text} {number}")
            yield from _reason(f"{path}.{number}", f"{one.text} {number}") if one.gaps else ()
    elif one.kind == "checks":
        yield from (Control(f"{path}.{number}", one.text) for number, _ in enumerate(one.options, 1))
        for name, _ in gaps(fields, path, len(one.options)) if one.gaps else ():
            yield from _reason(name, one.text)
    elif one.kind == "quantity":
        yield from (Control(f"{path}.{part}", one.text) for part in ("value", "comparator", "unit"))
