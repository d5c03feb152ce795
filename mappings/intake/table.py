"""A CSV file as spreadsheets save it: one row per visit or enrolment, columns named by the dotted paths.

How the file is written is found out from the whole of it before a row is read: encoding, separator, decimal comma,
order of dates. What was found is told, and nothing is guessed: what can mean two things is refused.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mappings.intake.cells import Evidence, Style, value_of
from mappings.intake.columns import FORMS, Column, Kind, column, kind_by
from mappings.intake.entries import Entry
from mappings.intake.nesting import Cell, Placed, nest, place
from mappings.intake.paths import DOCUMENT
from mappings.r4.faults import Fault, FaultyInput

Lines: TypeAlias = Callable[[], Iterable[bytes]]
"""The lines of a file with their ends, from its beginning each time it is called."""

Knows: TypeAlias = Callable[[str], Column | None]
"""What stands in a column of this name; None where nobody knows."""

DELIMITERS = {";": "semicolons", ",": "commas", "\t": "tabs"}
UTF_8, WESTERN = "utf-8", "windows-1252"
_SAID = {
    "utf8": UTF_8,
    "us-ascii": UTF_8,
    "cp1252": WESTERN,
    "iso-8859-1": WESTERN,
    "latin-1": WESTERN,
}
_BOM = "\ufeff"
_SEPARATOR = re.compile(f'{_BOM}?"?sep=.?"?[;,\t]*[\r\n]*', re.IGNORECASE)
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is written. `header`: its names as they stand; `notes`: what was found out, in sentences."""

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    style: Style
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """`number` as spreadsheets count: the header is 1, `sep=;` above it none. `line`: where it begins in the file.

    `cells`: one for each name of the header.
    """

    number: int
    line: int
    cells: tuple[str, ...]
    fault: Fault | None = None


def known(name: str) -> Column | None:
    """A column of the interface, of whichever document."""
    return column("follow-up", name) or column("enrolment", name)


def survey(lines: Lines, knows: Knows = known, charset: str | None = None) -> Layout:
    """How the file is written. `charset`: as its sender said. Raises FaultyInput where the header cannot be read."""
    encoding = _encoding(lines, charset)
    delimiter, header = _header(lines, encoding, knows)
    evidence = Evidence()
    told = [(at, found) for at, name in enumerate(header) if (found := knows(name))]
    for row in rows(lines, Layout(encoding, delimiter, header, Style(), ())):
        for at, found in () if row.fault else told:
            if text := row.cells[at]:
                evidence.see(found, text)
    style, notes = evidence.style(delimiter)
    above = [f"the line {first.strip()[:10]} above the header is no row" for first in _separator_line(lines, encoding)]
    return Layout(encoding, delimiter, header, style, (encoding, DELIMITERS[delimiter], *above, *notes))


def rows(lines: Lines, layout: Layout) -> Iterator[Row]:
    """The rows below the header, empty ones left out; a quoted cell may hold line breaks."""
    reader = csv.reader(_decoded(lines(), layout.encoding), delimiter=layout.delimiter, strict=True)
    above = len(_separator_line(lines, layout.encoding))
    width, number, line = len(layout.header), 0, above + 1
    while True:
        number += 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            # after a broken quotation nobody knows where the next row begins
            yield Row(number, line, (), Fault(DOCUMENT, f"cannot be read, nor what follows: {error}", "structure"))
            return
        if number > 1 and any(cells):
            yield _row(number, line, cells, width)
        line = above + reader.line_num + 1


def read(lines: Lines, layout: Layout) -> Iterator[Entry]:
    """Each row as a document. What is wrong with a row is that row's."""
    return (_entry(row, layout) for row in rows(lines, layout))


def require_known(layout: Layout) -> None:
    """Raises FaultyInput where a column of the header is not of the interface, or stands there twice."""
    faults = [
        Fault(name, f"no such column{_near(name)}", "structure")
        for name in layout.header
        if name and ((found := known(name)) is None or found.holds in ("group", "list"))
    ]
    plain = [found.path for name in layout.header if name and (found := known(name))]
    twice = sorted(name for name, times in Counter(plain).items() if times > 1)
    faults += [Fault(name, "this column stands twice", "duplicate") for name in twice]
    if faults:
        raise FaultyInput(faults)


def _entry(row: Row, layout: Layout) -> Entry:
    if row.fault:
        return Entry(row.line, row=row.number, faults=(row.fault,))
    filled = (name for name, text in zip(layout.header, row.cells, strict=True) if text)
    kind = kind_by({name.lower().split(".")[0] for name in filled})
    placed = [
        _placed(kind, Cell(row.number, name, text), layout.style)
        for name, text in zip(layout.header, row.cells, strict=True)
        if name
    ]
    try:
        nested = nest(placed)
    except FaultyInput as error:
        return Entry(row.line, row=row.number, kind=kind, faults=error.faults)
    return Entry(row.line, nested.document, row.number, kind, nested)


def _placed(kind: Kind, cell: Cell, style: Style) -> Placed:
    found = column(kind, cell.column) or known(cell.column)
    assert found is not None, "the header was looked at before"
    return place(found, value_of(found, cell.text, style) if cell.text else None, cell)


def _row(number: int, line: int, cells: Sequence[str], width: int) -> Row:
    beyond = [cell for cell in cells[width:] if cell]
    if beyond:
        told = f"has more cells than the header has names: {len(cells)} and {width}"
        return Row(number, line, (), Fault(DOCUMENT, told, "structure"))
    return Row(number, line, (*cells[:width], *[""] * (width - len(cells))))


def _header(lines: Lines, encoding: str, knows: Knows) -> tuple[str, tuple[str, ...]]:
    """The separator under which most names are known, and the names; empty columns at the end are none."""
    found: dict[str, list[str]] = {}
    for delimiter in DELIMITERS:
        try:
            names = next(csv.reader(_decoded(lines(), encoding), delimiter=delimiter, strict=True), [])
        except csv.Error:
            names = []
        found[delimiter] = [name.strip() for name in names]
    best = max(found, key=lambda delimiter: sum(1 for name in found[delimiter] if name and knows(name)))
    names = found[best]
    while names and not names[-1]:
        names.pop()
    if not any(name and knows(name) for name in names):
        told = "the first row names no column that is known: it holds the paths, as centre, patient, visit, date"
        raise FaultyInput([Fault(DOCUMENT, told, "structure")])
    return best, tuple(names)


def _encoding(lines: Lines, charset: str | None) -> str:
    """UTF-8 where the whole file is; else Windows-1252, which is what Western spreadsheets write."""
    said = (charset or "").strip("\"' ").lower()
    if said and _SAID.get(said, said) not in (UTF_8, WESTERN):
        told = f"charset {said[:40]} is not read: save the file as UTF-8"
        raise FaultyInput([Fault(DOCUMENT, told, "not-supported")])
    candidates = (_SAID.get(said, said),) if said else (UTF_8, WESTERN)
    for encoding in candidates:
        if all(_readable(line, encoding) for line in lines()):
            return encoding
    told = "is neither UTF-8 nor Windows-1252" if not said else f"is not {said}, as was said"
    raise FaultyInput([Fault(DOCUMENT, f"the text {told}: save the file as CSV UTF-8", "structure")])


def _readable(line: bytes, encoding: str) -> bool:
    if line.startswith(_UTF_16) or b"\0" in line:
        return False
    try:
        line.decode(encoding)
    except UnicodeError:
        return False
    return True


def _decoded(lines: Iterable[bytes], encoding: str) -> Iterator[str]:
    for number, line in enumerate(lines):
        text = line.decode(encoding)
        if number or not _SEPARATOR.fullmatch(text):
            yield text if number else text.removeprefix(_BOM)


def _separator_line(lines: Lines, encoding: str) -> list[str]:
    """The line `sep=;` by which French Excel opens a file, where it stands above the header; it is no row."""
    first = next(iter(lines()), b"").decode(encoding)
    return [first] if _SEPARATOR.fullmatch(first) else []


def _near(name: str) -> str:
    """The top-level name that was meant, where one is near."""
    names = sorted({*FORMS["enrolment"].fields, *FORMS["follow-up"].fields})
    near = difflib.get_close_matches(name.lower().split(".")[0], names, 1)
    return f"; is {near[0]} meant?" if near and near[0] != name.lower() else ""
