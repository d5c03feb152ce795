"""One document of a file or a batch, and what is wrong with it in its sender's words: row, column, value, mending."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mappings.intake.columns import Column, Kind, column
from mappings.intake.fields import NO_DATE, shown
from mappings.intake.nesting import Cell, Nested
from mappings.intake.paths import DOCUMENT
from mappings.r4.faults import Fault

AMOUNT = "write value and unit in one cell, as 120 /uL or <5 /uL, or in columns of their own: {0}.value, {0}.unit"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why a document was not taken.

    `line` counts as text editors do; `row` as spreadsheets do, or the items of a JSON array.
    """

    line: int
    path: str
    reason: str
    row: int | None = None
    column: str | None = None
    value: str | None = None
    mend: str | None = None
    code: str = "value"

    def document(self) -> dict[str, Any]:
        """As JSON; what is not known is left out."""
        said = {name: getattr(self, name) for name in ("line", "row", "column", "path", "value", "reason", "mend")}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Entry:
    """`document` None: there is none, and `faults` say why. `nested`: how it was put together of cells.

    `response`: the QuestionnaireResponse that it was read from.
    """

    line: int
    document: Any = None
    row: int | None = None
    kind: Kind | None = None
    nested: Nested | None = None
    faults: tuple[Fault, ...] = ()
    response: Mapping[str, Any] | None = None

    def refusals(self, faults: Iterable[Fault]) -> list[Refusal]:
        """The faults of the document where its sender finds them."""
        return [self._refusal(fault) for fault in faults]

    def _refusal(self, fault: Fault) -> Refusal:
        place = fault.path
        path = self.nested.told(place) if self.nested else place
        cell = _cell(self.nested.cells, place) if self.nested else None
        known = column(self.kind, path) if self.kind else None
        reason, mend = _words(fault, path, known, cell)
        if cell is None:
            value = _value(self.document, place)
            return Refusal(self.line, path, reason, self.row, path if self.nested else None, value, mend, fault.code)
        return Refusal(self.line, path, reason, cell.row, cell.column, cell.text, mend, fault.code)


def _cell(cells: Mapping[str, Cell], path: str) -> Cell | None:
    """The cell of a place, or of the amount or group that it is a part of."""
    parts = path.split(".")
    return next((cells[key] for end in range(len(parts), 0, -1) if (key := ".".join(parts[:end])) in cells), None)


def _value(document: Any, path: str) -> str | None:
    node = document
    for step in path.split("."):
        if isinstance(node, list) and step.isdigit() and 0 < int(step) <= len(node):
            node = node[int(step) - 1]
        elif isinstance(node, Mapping) and step in node:
            node = node[step]
        else:
            return None
    return None if isinstance(node, Mapping | list) else shown(node)


def _words(fault: Fault, path: str, known: Column | None, cell: Cell | None) -> tuple[str, str | None]:
    """Reason and mending; a table has its own words for what JSON calls an object or a list."""
    holds = known.holds if known else ""
    if cell is not None and cell.text and fault.code == "structure" and holds == "quantity":
        return f"{shown(cell.text)} is no value with a unit", AMOUNT.format(path)
    if holds == "date" and cell is not None and NO_DATE in fault.message and "/" in cell.text:
        return f"{shown(cell.text)} is not read, for the file does not tell the day from the month", "write YYYY-MM-DD"
    if holds == "list":
        return fault.message, "write true where the list is empty, or leave the cell empty"
    return fault.message, _mending(fault, path, known)


_HOW = {
    "number": "write the number in digits only, as 0.52",
    "whole": "write the whole number in digits only",
    "flag": "write true or false",
    "date": "write the date as YYYY-MM-DD, as YYYY-MM where the day is not known, or as YYYY",
    "word": "write one of: {words}",
    "quantity": AMOUNT,
}
_NEVER_MISSING = ("centre", "patient", "protocol", "visit", "unit", "text", "system")
_BY_CODE = {
    "required": "fill it in, or say why it is missing in {path}.not_done",
    "duplicate": "give each item its own id, or say it once",
    "invariant": "correct whichever of them is wrong",
    "conflict": "send one of the two",
    "not-found": "send the enrolment too, or correct the patient's number",
    "business-rule": "correct it, or the enrolment",
}


def _mending(fault: Fault, path: str, known: Column | None) -> str | None:
    if path in (DOCUMENT, "resourceType") and fault.code not in _BY_CODE:
        return None
    if fault.code == "required" and not _may_be_missing(path):
        return "fill it in"
    how = _BY_CODE.get(fault.code) or (_how(fault, known.holds) if known else _named(fault))
    return how.format(path, path=path, words=", ".join(known.words) if known else "")


def _named(fault: Fault) -> str:
    """Of a name that is not of the interface, or that stands there once more."""
    return "say it once" if "twice" in fault.message else "name it as the list says"


def _may_be_missing(path: str) -> bool:
    """Not the day of the visit itself, nor what R4 asks of a QuestionnaireResponse."""
    return path != "date" and path.rpartition(".")[2] not in _NEVER_MISSING and not path[:1].isupper()


def _how(fault: Fault, holds: str) -> str:
    """How such a value is written; what is written well and cannot be is to be corrected."""
    unreadable = fault.code != "value" or NO_DATE in fault.message
    return _HOW.get(holds, "correct it") if unreadable else "correct the value"
