"""Bulk exports: asked for by somebody, worked on by one process at a time, taken over from one that died."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from adapter.store import jobs, lease
from adapter.store.schema import exports


@dataclass(frozen=True, slots=True)
class Export:
    """`asked`: what was asked for; `url`: how. `at`: the moment whose state it shows. `written`: resources so far.

    `files`: `{"name", "type", "count"}` of each that is whole, and `"deleted": true` where it tells of deletions.
    """

    id: str
    client: str
    centre: str | None
    asked: dict[str, Any]
    url: str
    at: datetime
    expires: datetime
    state: str
    attempts: int
    written: int
    files: list[dict[str, Any]]
    error: str | None


class Exports:
    """By id."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, export: Export) -> None:
        """One that waits for a process."""
        values = {name: getattr(export, name) for name in Export.__slots__}
        self._connection.execute(insert(exports).values(**values, beat=export.at, worker=None))
        lease.call(self._connection, lease.JOBS)

    def get(self, id_: str, client: str, at: datetime) -> Export | None:
        """The export, if this client asked for it and it has not expired."""
        mine = and_(exports.c.id == id_, exports.c.client == client, exports.c.expires > at)
        row = self._connection.execute(select(exports).where(mine)).one_or_none()
        return _of(row) if row else None

    def free(self, at: datetime) -> list[str]:
        """What nobody works on and has not expired, the oldest first."""
        over = set(self.expired(at))
        return [id_ for id_ in jobs.free(self._connection, exports, at) if id_ not in over]

    def free_since(self, at: datetime) -> list[datetime]:
        """When each of them was asked for, the oldest first."""
        wanted = select(exports.c.at).where(exports.c.id.in_(self.free(at))).order_by(exports.c.at)
        return list(self._connection.scalars(wanted))

    def known(self, id_: str) -> bool:
        """Does anybody still want it?"""
        return self._connection.scalar(select(exports.c.id).where(exports.c.id == id_)) is not None

    def claim(self, id_: str, worker: str, at: datetime) -> Export | None:
        """Takes one that waits, or whose process is silent. None: it is in good hands."""
        row = jobs.claim(self._connection, exports, id_, worker, at)
        return _of(row) if row else None

    def beat(self, id_: str, worker: str, at: datetime, **said: Any) -> bool:
        """The process lives, and what it has (`written`, `files`, `state`, `error`). False: it is no longer its own."""
        return jobs.beat(self._connection, exports, id_, worker, at, said)

    def remove(self, id_: str) -> None:
        """Nobody wants it any more; whoever works on it finds out at the next beat."""
        self._connection.execute(delete(exports).where(exports.c.id == id_))

    def end(self, at: datetime, centre: str | None) -> int:
        """What this centre (None: a registry) can fetch, or is being written for it, is over; how many exports. What is
        not begun stays, for it will show what may be shown then.
        """
        theirs = and_(exports.c.centre == centre, exports.c.expires > at)
        rows = self._connection.execute(select(exports.c.id, exports.c.state, exports.c.files).where(theirs)).all()
        over = [row.id for row in rows if row.files or row.state != jobs.WAITING]
        self._connection.execute(update(exports).where(exports.c.id.in_(over)).values(expires=at))
        return len(over)

    def expired(self, at: datetime) -> list[str]:
        """Ids of those whose time is over."""
        return list(self._connection.scalars(select(exports.c.id).where(exports.c.expires <= at)))


def _of(row: Row[Any]) -> Export:
    return Export(*(getattr(row, name) for name in Export.__slots__))
