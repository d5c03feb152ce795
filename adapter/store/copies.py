"""What hospitals had under each type and id when they were last read: one row each, the newest state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select

from adapter.store import lease
from adapter.store.schema import hospital_copies

Place = tuple[str, str]
"""(type, id)"""

COUNTS_ANEW = timedelta(minutes=10)
"""Longer than any two writers of one resource need to overtake each other at the hospital. Our own limit."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Version and time of change as the hospital says them; `content` None: gone. `patient`: whose, `Patient/abc`."""

    version: str | None
    changed: datetime | None
    content: dict[str, Any] | None
    patient: str | None = None

    def is_newer_than(self, known: Copy) -> bool:
        """By number where both versions are numbers (gaps are normal), else by the time of change.

        A lower number that was changed long after the higher one is of a server that began to count anew.
        """
        mine, theirs = self.version or "", known.version or ""
        if mine.isdecimal() and theirs.isdecimal():
            return int(mine) > int(theirs) or self._was_changed_after(known, COUNTS_ANEW)
        return self.changed is None or known.changed is None or self._was_changed_after(known, timedelta())

    def _was_changed_after(self, known: Copy, by: timedelta) -> bool:
        return self.changed is not None and known.changed is not None and self.changed > known.changed + by

    def is_news_beside(self, known: Copy | None) -> bool:
        """What is gone was seen after what was there, and comes back under a higher version."""
        if known is None:
            return True
        return known.content is not None if self.content is None else self.is_newer_than(known)


class Copies:
    """An older version never replaces a newer one, in whatever order they are read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, hospital: str, place: Place) -> Copy | None:
        """The newest state that was read; None: it was never asked for."""
        row = self._connection.execute(select(hospital_copies).where(_one(hospital, place))).one_or_none()
        return _copy(row) if row else None

    def keep(self, hospital: str, place: Place, copy: Copy, at: datetime) -> bool:
        """Keeps it where it is news; whether it was. What is gone keeps its last version and time, and whose it was."""
        lease.hold(self._connection, f"copy/{hospital}/{place[0]}/{place[1]}")
        known = self.get(hospital, place)
        if not copy.is_news_beside(known):
            return False
        if known and copy.content is None:
            last = {name: getattr(copy, name) or getattr(known, name) for name in ("version", "changed", "patient")}
            copy = replace(copy, **last)
        said = {"version": copy.version, "changed": copy.changed, "content": copy.content, "patient": copy.patient}
        self._connection.execute(delete(hospital_copies).where(_one(hospital, place)))
        named = {"hospital": hospital, "kind": place[0], "id": place[1]}
        row = insert(hospital_copies).values(**named, **said, gone=copy.content is None, at=at)
        self._connection.execute(row)
        return True

    def of(self, hospital: str) -> dict[Place, Copy]:
        """Everything that was ever read from a hospital."""
        rows = self._connection.execute(select(hospital_copies).where(hospital_copies.c.hospital == hospital))
        return {(row.kind, row.id): _copy(row) for row in rows}

    def there(self, hospital: str) -> dict[str, set[str]]:
        """Ids of what is not known to be gone, by type."""
        columns, found = hospital_copies.c, dict[str, set[str]]()
        for kind, id_ in self._connection.execute(
            select(columns.kind, columns.id).where(columns.hospital == hospital, ~columns.gone)
        ):
            found.setdefault(kind, set()).add(id_)
        return found

    def of_patient(self, hospital: str, patient: str, kind: str) -> dict[str, Copy]:
        """What is there of one type of one patient, by id."""
        columns = hospital_copies.c
        mine = (columns.hospital == hospital) & (columns.patient == patient) & (columns.kind == kind)
        rows = self._connection.execute(select(hospital_copies).where(mine, ~columns.gone).order_by(columns.id))
        return {row.id: _copy(row) for row in rows}

    def newest(self, hospital: str) -> datetime | None:
        """The latest change that was read."""
        wanted = select(func.max(hospital_copies.c.changed)).where(hospital_copies.c.hospital == hospital)
        found: datetime | None = self._connection.scalar(wanted)
        return found


def _one(hospital: str, place: Place) -> ColumnElement[bool]:
    columns = hospital_copies.c
    return (columns.hospital == hospital) & (columns.kind == place[0]) & (columns.id == place[1])


def _copy(row: Row[Any]) -> Copy:
    return Copy(row.version, row.changed, row.content, row.patient)
