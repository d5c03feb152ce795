"""Documents on disk between their reading and their mapping, so that a hundred thousand need no more memory than ten.

A course is mapped as a whole, and its documents may stand anywhere in the files; so they are put down as they come and
taken up by patient. The file is a private SQLite database in a folder that is gone afterwards.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mappings.intake.columns import Kind
from mappings.intake.entries import Entry, Refusal
from mappings.intake.nesting import Cell, Nested
from mappings.r4 import wire

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE document (centre TEXT, patient TEXT, kind TEXT, file INT, line INT, entry INT, body BLOB, cells BLOB);
CREATE TABLE refusal (file INT, line INT, entry INT, body BLOB);
"""
_BY_PATIENT = """
SELECT centre, patient, kind, file, line, entry, body, cells FROM document
ORDER BY centre, patient, kind, file, line, rowid
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A document as it was put down. `file`: the number of its file in the call."""

    file: int
    entry: Entry
    kind: Kind


class Spool:
    """Documents in, documents by patient out; what was refused comes out in the order of the files and lines."""

    def __init__(self, file: Path) -> None:
        self._base = sqlite3.connect(file)
        self._base.executescript(_TABLES)

    def keep(self, file: int, entry: Entry, kind: Kind, centre: str, patient: str) -> None:
        """Puts one document down. Its cells go with it, for what only its enrolment will show."""
        document = entry.document
        cells = wire.encode([entry.nested.cells, entry.nested.items]) if entry.nested else None
        row = (centre, patient, kind, file, entry.line, entry.row, wire.encode(document), cells)
        self._base.execute("INSERT INTO document VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def refuse(self, file: int, refusals: Iterable[Refusal]) -> None:
        """Puts down why a document was not taken."""
        rows = [(file, one.line, one.row, wire.encode(one.document())) for one in refusals]
        self._base.executemany("INSERT INTO refusal VALUES (?, ?, ?, ?)", rows)

    def by_patient(self) -> Iterator[tuple[str, str, list[Kept]]]:
        """(centre, patient, documents) in the order of their names, enrolments first."""
        cursor = self._base.execute(_BY_PATIENT)
        for (centre, patient), rows in groupby(cursor, itemgetter(0, 1)):
            yield centre, patient, [_kept(*row[2:]) for row in rows]

    def patients(self) -> int:
        """How many patients the documents speak of."""
        return self._count("SELECT DISTINCT centre, patient FROM document")

    def refusals(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(file, reason as JSON), by file and line."""
        for file, body in self._base.execute("SELECT file, body FROM refusal ORDER BY file, line, entry, rowid"):
            yield file, wire.decode(body)

    def refused(self) -> int:
        """How many documents were refused."""
        return self._count("SELECT DISTINCT file, line, entry FROM refusal")

    def _count(self, rows: str) -> int:
        (found,) = self._base.execute(f"SELECT count(*) FROM ({rows})").fetchone()  # noqa: S608 - the two above
        return int(found)

    def close(self) -> None:
        self._base.close()


@contextmanager
def spool() -> Iterator[Spool]:
    """A spool that is gone afterwards. It holds patients' data, so only its owner may read it."""
    with TemporaryDirectory(prefix="engraft-") as folder:
        made = Spool(Path(folder) / "spool.sqlite")
        try:
            yield made
        finally:
            made.close()


def _kept(kind: Kind, file: int, line: int, row: int | None, body: bytes, cells: bytes | None) -> Kept:
    document = wire.decode(body)
    return Kept(file, Entry(line, document, row, kind, _nested(document, cells) if cells else None), kind)


def _nested(document: Any, packed: bytes) -> Nested:
    cells, items = wire.decode(packed)
    return Nested(document, {path: Cell(*cell) for path, cell in cells.items()}, items)
