"""A REDCap export (records as CSV, raw codes) as our documents, by the mapping of its project.

A record has a row for each event and for each instance of a repeated instrument. The rows of one record stand together,
as REDCap exports them; those of one event are one document, each instance an item of its list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, NamedTuple

from mappings.intake.cells import Style, value_of
from mappings.intake.columns import Column, Kind, column
from mappings.intake.entries import Entry
from mappings.intake.nesting import Cell, Placed, nest, place
from mappings.intake.redcap_project import ENROLMENT, IGNORE, KINDS, Item, Project, dictionary_of, project
from mappings.intake.table import Layout, Lines, Row, rows
from mappings.intake.table import survey as survey_table
from mappings.r4.faults import Fault, FaultyInput

__all__ = ["Project", "dictionary_of", "project", "read", "survey"]

EVENT, INSTRUMENT, INSTANCE = "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"
_OWN = "redcap_"
_COMPLETE = "_complete"
"""End of the name of a field that says whether a form is finished."""

_TEXT = Column(("redcap",), "text")


class Line(NamedTuple):
    """One row by the names of its fields."""

    row: Row
    said: Mapping[str, str]

    def of(self, name: str) -> str:
        return self.said.get(name, "")


def survey(lines: Lines, project: Project) -> Layout:
    """How the export is written, and which of its columns are not taken. Raises FaultyInput where it is no export."""
    known = {name: item.column(kind, above) for name, item, above in project.anywhere() for kind in KINDS[::-1]}
    fields = known | dict.fromkeys((project.patient, EVENT, INSTRUMENT, INSTANCE), _TEXT)
    layout = survey_table(lines, lambda name: fields.get(name))
    needed = (project.patient, *((EVENT,) if project.events else ()))
    if absent := [name for name in needed if name not in layout.header]:
        raise FaultyInput([Fault(name, "the export has no such column", "structure") for name in absent])
    left = [name for name in layout.header if not (name in fields or name.startswith(_OWN) or name.endswith(_COMPLETE))]
    lacking = sorted(known.keys() - set(layout.header))
    notes = [f"not taken, because not mapped: {', '.join(left)}"] if left else []
    notes += [f"mapped, but not in the file: {', '.join(lacking)}"] if lacking else []
    return replace(layout, notes=(*layout.notes, *notes))


def read(lines: Lines, layout: Layout, project: Project) -> Iterator[Entry]:
    """Each event of a record as a document."""
    found = (Line(row, dict(zip(layout.header, row.cells, strict=False))) for row in rows(lines, layout))
    for _, of_record in groupby(found, lambda line: line.of(project.patient)):
        occasions: dict[tuple[str, str], list[Line]] = {}
        for line in of_record:
            if line.row.fault:
                yield Entry(line.row.line, row=line.row.number, faults=(line.row.fault,))
                continue
            instance = "" if line.of(INSTRUMENT) else line.of(INSTANCE)
            occasions.setdefault((line.of(EVENT), instance), []).append(line)
        for (event, _), of_event in occasions.items():
            yield from _entries(of_event, event, layout.style, project)


def _entries(lines: Sequence[Line], event: str, style: Style, project: Project) -> Iterator[Entry]:
    first = lines[0].row
    targets = project.events.get(event) if project.events else ("",)
    if targets is None:
        told = f"the event {event[:80]} is not mapped: name its visit in [events], or ignore"
        yield Entry(first.line, row=first.number, faults=(Fault(EVENT, told, "not-found"),))
        return
    for target in targets:
        if target != IGNORE:
            kind: Kind = "enrolment" if target == ENROLMENT else "follow-up"
            yield _entry(lines, kind, target, len(targets) > 1, style, project)


def _entry(lines: Sequence[Line], kind: Kind, visit: str, shared: bool, style: Style, project: Project) -> Entry:
    """`shared`: the event tells of two documents, each of which takes what it knows."""
    first = lines[0].row
    head = {"centre": project.centre, "patient": lines[0].of(project.patient)}
    head |= {"protocol": project.protocol} if project.protocol else {}
    head |= {"visit": visit} if kind == "follow-up" and visit else {}
    placed = [
        Placed((name,), said or None, Cell(first.number, _source(name, project), said)) for name, said in head.items()
    ]
    placed += _constants(kind, first.number, project)
    faults = []
    for line in lines:
        instrument = project.instruments.get(line.of(INSTRUMENT))
        above = f"{instrument.list_}.{line.of(INSTANCE) or 1}" if instrument else ""
        for name, item in (instrument.items if instrument else project.items).items():
            found = item.column(kind, above)
            if found is not None:
                placed += _placed(found, item, Cell(line.row.number, name, line.of(name)), style, project)
            elif line.of(name) and not shared:
                faults.append(Fault(name, f"{item.path} is no item of this {kind}", "structure"))
    if faults:
        return Entry(first.line, row=first.number, kind=kind, faults=tuple(faults))
    try:
        nested = nest(_ticks(placed))
    except FaultyInput as error:
        return Entry(first.line, row=first.number, kind=kind, faults=error.faults)
    return Entry(first.line, nested.document, first.number, kind, nested)


def _constants(kind: Kind, row: int, project: Project) -> Iterator[Placed]:
    for path, text in project.constants.items():
        if found := column(kind, path):
            yield place(found, value_of(found, text, Style()), Cell(row, f"constants.{path}", text))


def _source(name: str, project: Project) -> str:
    return {"patient": project.patient, "visit": EVENT}.get(name, f"project.{name}")


def _placed(found: Column, item: Item, cell: Cell, style: Style, project: Project) -> Iterator[Placed]:
    if item.word:
        if cell.text == "1":
            yield Placed(found.steps, item.word, cell)
    elif cell.text in project.missing and cell.text not in item.words:
        yield Placed(found.steps, None, cell)
        yield Placed((*found.steps, "not_done"), project.missing[cell.text], cell)
    else:
        yield place(found, _value(found, item, cell.text, style), cell)


def _value(found: Column, item: Item, text: str, style: Style) -> Any:
    if not text:
        return None
    if item.unit and found.holds == "quantity":
        return value_of(found, f"{text} {item.unit}", style)
    return value_of(found, item.words.get(text, text), style)


def _ticks(placed: Iterable[Placed]) -> Iterator[Placed]:
    """Ticks of one field are items of one list: the second is the second item."""
    taken: set[tuple[str | int, ...]] = set()
    for one in placed:
        steps = one.steps
        while one.value is not None and isinstance(steps[-1], int) and steps in taken:
            steps = (*steps[:-1], steps[-1] + 1)
        taken.add(steps)
        yield one._replace(steps=steps)
