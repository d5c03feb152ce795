"""The terminology tables as typed rows, read once from the packaged CSV files; a bad line is refused by its number."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mappings.terminology.systems import Code, LocalCode, UcumCode, parse

TABLES = ("drugs", "observables", "answers", "conditions", "procedures")
"""Tables whose codes are sent."""

READ_ONLY = ("results", "also")
"""Tables whose codes are only looked for, in what others send: nothing of them is sent or leaves for a registry."""

COLUMNS = ("key", "text", "codes", "unit", "source", "status")
UNIT_COLUMNS = ("key", "text", "codes", "unit", "power", "source", "status")
UNVALIDATED_COLUMNS = ("table", "key", "system", "code", "display", "reason")

STATUSES = ("V2", "local")
"""`V2`: each standard code was seen in two independent places; `local`: our own concept only."""

UNIT_STATUSES = ("V2", "grammar")
"""`grammar`: no server answer was seen, but UCUM's grammar alone decides what a unit means."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that we can say: its key in the code, its words, its codes and, where measured, its unit."""

    key: str
    text: str
    codes: tuple[Code, ...]
    unit: str
    source: str
    status: str


@dataclass(frozen=True, slots=True)
class Unit:
    """One UCUM unit: `1 key = 10^power unit`, where `unit` is the one that its kind is compared in."""

    key: str
    text: str
    unit: str
    power: int
    source: str
    status: str


@dataclass(frozen=True, slots=True)
class Unvalidated:
    """A code that we would like to send and may not yet, with the reason."""

    table: str
    key: str
    system: str
    code: str
    display: str
    reason: str


@cache
def table(name: str) -> dict[str, Row]:
    """Rows of one table by key, in its order. Raises KeyError for a table that does not exist."""
    if name not in (*TABLES, *READ_ONLY):
        raise KeyError(f"no terminology table is called {name!r}; there are {', '.join(TABLES)}")
    return rows(f"{name}.csv", packaged(f"{name}.csv"))


@cache
def units() -> dict[str, Unit]:
    """Every unit that we can read, by its UCUM code."""
    return unit_rows("units.csv", packaged("units.csv"))


@cache
def unvalidated() -> tuple[Unvalidated, ...]:
    """Codes that wait for a terminology server; nothing sends them."""
    name = "unvalidated.csv"
    return tuple(Unvalidated(**cells) for _, cells in _lines(name, packaged(name), UNVALIDATED_COLUMNS))


def packaged(name: str) -> str:
    """Text of one packaged CSV file."""
    return files("mappings.terminology").joinpath(name).read_text("utf-8")


def rows(name: str, text: str) -> dict[str, Row]:
    """Parse one emitting table. Raises ValueError naming file and line."""
    out: dict[str, Row] = {}
    for line, cells in _lines(name, text, COLUMNS):
        try:
            codes = tuple(parse(code) for code in cells.pop("codes").split())
            row = Row(codes=codes, **cells)
            _sound(row, out)
        except ValueError as error:
            raise ValueError(f"{name}:{line}: {error}") from None
        out[row.key] = row
    return out


def unit_rows(name: str, text: str) -> dict[str, Unit]:
    """Parse the table of units. Raises ValueError naming file and line."""
    out: dict[str, Unit] = {}
    for line, cells in _lines(name, text, UNIT_COLUMNS):
        try:
            code, power = parse(cells.pop("codes")), int(cells.pop("power"))
            unit = Unit(power=power, **cells)
            _refuse_if(code != UcumCode(unit.key), "the code of a unit is its key")
            _refuse_if(unit.key in out, f"the key {unit.key!r} stands twice")
            _refuse_if(unit.status not in UNIT_STATUSES, f"a status is one of {', '.join(UNIT_STATUSES)}")
        except ValueError as error:
            raise ValueError(f"{name}:{line}: {error}") from None
        out[unit.key] = unit
    return out


def _sound(row: Row, earlier: dict[str, Row]) -> None:
    local_only = all(isinstance(code, LocalCode) for code in row.codes)
    _refuse_if(not row.key or not row.text, "a row needs a key and a text")
    _refuse_if(row.key in earlier, f"the key {row.key!r} stands twice")
    _refuse_if(not row.codes, "a row needs a code")
    _refuse_if(row.status not in STATUSES, f"a status is one of {', '.join(STATUSES)}")
    _refuse_if(local_only != (row.status == "local"), "the status is 'local' when, and only when, all codes are ours")


def _refuse_if(wrong: bool, message: str) -> None:
    if wrong:
        raise ValueError(message)


def _lines(name: str, text: str, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(text.splitlines())
    head = next(reader, [])
    if tuple(head) != columns:
        raise ValueError(f"{name}:1: the columns are {','.join(columns)}")
    for cells in reader:
        if len(cells) != len(columns):
            raise ValueError(f"{name}:{reader.line_num}: {len(cells)} cells stand where {len(columns)} belong")
        yield reader.line_num, dict(zip(columns, cells, strict=True))
