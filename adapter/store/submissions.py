"""What centres handed in, as they sent it: every version of every document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, bindparam, insert, select, update

from adapter.errors import NotFound, StoreUnavailable
from adapter.trail import correlation
from mappings.r4.wire import content_hash

RECORDED, RETRACTED = "recorded", "retracted"

LATE = timedelta(minutes=10)
"""A newest version that is further ahead was not written meanwhile: a clock was wrong."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One version of one document. `key` is what the centre knows it by; `reason` says why it was retracted.

    `correlation`: the number of the request that brought this version.
    """

    id: str
    version: int
    centre: str
    patient: str
    course: str
    key: str
    content: dict[str, Any]
    at: datetime
    status: str
    reason: str | None
    correlation: str | None = None


class Submissions:
    """Documents of one kind, in the table of that kind."""

    table: Table

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(
        self,
        *,
        id: str,  # noqa: A002 - a keyword of the document's own
        centre: str,
        patient: str,
        course: str,
        key: str,
        content: dict[str, Any],
        at: datetime,
    ) -> tuple[Submission, bool]:
        """Keeps the document. The newest version, and whether it was written now: the same content writes nothing.

        `at`: when it arrived. Raises StoreUnavailable where another one arrived later and was kept already: who sent
        this may have given it up, sent it again and corrected it meanwhile.
        """
        known = self._newest(self.table.c.id == id)
        digest = content_hash(content)
        if known and known.hash == digest and known.status == RECORDED:
            return _submission(known), False
        _require_newest(known, at)
        values = {"centre": centre, "patient": patient, "course": course, "key": key, "hash": digest}
        return self._add(known, at, id=id, content=content, status=RECORDED, reason=None, **values), True

    def retract(self, id_: str, reason: str, at: datetime) -> tuple[Submission, bool]:
        """A new version that says the document no longer holds. Repeating it writes nothing.

        Raises NotFound; StoreUnavailable as `put` does.
        """
        known = self._newest(self.table.c.id == id_)
        if known is None:
            raise NotFound("no such document")
        if known.status == RETRACTED:
            return _submission(known), False
        _require_newest(known, at)
        kept = {name: getattr(known, name) for name in ("id", "centre", "patient", "course", "key", "hash", "content")}
        return self._add(known, at, status=RETRACTED, reason=reason, **kept), True

    def get(self, id_: str) -> Submission | None:
        """Newest version, retracted or not."""
        return self._one(self.table.c.id == id_)

    def history(self, id_: str) -> list[Submission]:
        """Every version, newest first."""
        wanted = select(self.table).where(self.table.c.id == id_).order_by(self.table.c.version.desc())
        return self._all(wanted)

    def of_course(self, course: str) -> list[Submission]:
        """Newest versions of what holds (not retracted) for a course, by their key."""
        return [_submission(row) for row in self._connection.execute(_of_course(self.table), {"wanted": course})]

    def _one(self, condition: ColumnElement[bool]) -> Submission | None:
        row = self._newest(condition)
        return _submission(row) if row else None

    def _all(self, wanted: Select[Any]) -> list[Submission]:
        return [_submission(row) for row in self._connection.execute(wanted)]

    def _newest(self, condition: ColumnElement[bool]) -> Row[Any] | None:
        wanted = select(self.table).where(condition, self.table.c.current)
        return self._connection.execute(wanted).one_or_none()

    def _add(self, known: Row[Any] | None, at: datetime, **values: Any) -> Submission:
        version = 1
        if known:
            version = known.version + 1
            was = (self.table.c.id == known.id) & (self.table.c.version == known.version)
            self._connection.execute(update(self.table).where(was).values(current=False))
        values |= {"correlation": correlation.current()}
        row = insert(self.table).values(version=version, current=True, at=at, **values)
        self._connection.execute(row)
        told = {name: value for name, value in values.items() if name != "hash"}
        return Submission(version=version, at=at, **told)


def _require_newest(known: Row[Any] | None, at: datetime) -> None:
    if known and timedelta(0) < known.at - at < LATE:
        raise StoreUnavailable("a later version was kept while this one waited; send it again if it still holds", 1)


@cache
def _of_course(table: Table) -> Select[Any]:
    """Built once: every plan asks it of several tables."""
    columns = table.c
    holds = (columns.course == bindparam("wanted")) & columns.current & (columns.status == RECORDED)
    return select(table).where(holds).order_by(columns.key)


def _submission(row: Row[Any]) -> Submission:
    return Submission(**{name: getattr(row, name) for name in Submission.__slots__})
