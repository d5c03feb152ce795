"""Notifications as hospitals sent them: kept before they are answered, worked on later.

A notification only says that something changed; what it is now is read from the hospital. So their order does not
matter, and no row waits for another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, exists, func, insert, select

from adapter.store import lease
from adapter.store.lease import LEASED, PARKED, WAITING
from adapter.store.schema import inbox
from adapter.trail import correlation

DONE = "done"


@dataclass(frozen=True, slots=True)
class Notice:
    """`kind` and `resource_id` where the address named a resource; `body` is what came, byte for byte; empty once done.

    `correlation`: the number of the request by which it came.
    """

    id: int
    hospital: str
    method: str
    kind: str | None
    resource_id: str | None
    headers: dict[str, str]
    body: bytes
    state: str
    attempts: int
    created: datetime
    due: datetime
    worker: str | None
    finished: datetime | None
    error: str | None
    correlation: str | None


class Inbox:
    """States: waiting, leased, done, parked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self,
        hospital: str,
        method: str,
        kind: str | None,
        resource_id: str | None,
        headers: Mapping[str, str],
        body: bytes,
        at: datetime,
    ) -> int:
        """Keeps a notification; its id. One that waits already and that nobody has begun is not kept twice.

        Whoever takes that one up reads what it points to after this one came.
        """
        digest = _digest(hospital, method, kind, resource_id, body)
        fresh = (inbox.c.digest == digest) & (inbox.c.state == WAITING) & (inbox.c.attempts == 0)
        waits: int | None = self._connection.scalar(select(inbox.c.id).where(fresh).limit(1))
        if waits is not None:
            return waits
        came = {"hospital": hospital, "method": method, "kind": kind, "resource_id": resource_id}
        row = {
            "headers": dict(headers),
            "body": body,
            "state": WAITING,
            "attempts": 0,
            "created": at,
            "due": at,
            "digest": digest,
            "correlation": correlation.current(),
        }
        added = self._connection.execute(insert(inbox).values(**came, **row).returning(inbox.c.id))
        lease.call(self._connection, lease.INBOX)
        return int(added.scalar_one())

    def lease(self, worker: str, *, at: datetime, lease_seconds: float) -> Notice | None:
        """The row that has been due for longest."""
        rows = lease.claim(self._connection, inbox, worker, at=at, seconds=lease_seconds)
        return _notice(rows[0]) if rows else None

    def done(self, id_: int, worker: str, at: datetime) -> bool:
        """Worked on, and emptied: it was read anew where it concerned us, and may be of people who are not ours.

        False (here and below): the lease was lost to another worker.
        """
        over = {"state": DONE, "finished": at, "error": None, "body": b"", "headers": {}}
        return lease.settle(self._connection, inbox, id_, worker, over)

    def fail(self, id_: int, worker: str, *, error: str, due: datetime | None) -> bool:
        """To be tried again at `due`; None: parked, because trying again will not help."""
        again = {"state": WAITING, "due": due} if due else {"state": PARKED}
        return lease.settle(self._connection, inbox, id_, worker, {**again, "error": error})

    def release(self, workers: Collection[str], at: datetime) -> int:
        """Gives back what these workers hold. How many rows."""
        return lease.release(self._connection, inbox, workers, at)

    def workers(self) -> list[str]:
        """Whoever holds a lease."""
        return lease.workers(self._connection, inbox)

    def is_due(self, at: datetime) -> bool:
        """Can anything be leased?"""
        due = [(inbox.c.state == state) & (inbox.c.due <= at) for state in (WAITING, LEASED)]
        return any(self._connection.scalar(select(exists().where(one))) for one in due)

    def has_ping(self, hospital: str) -> bool:
        """Does one wait that names nothing, so that everything is looked for?"""
        nothing = (inbox.c.method == "POST") & inbox.c.kind.is_(None) & (inbox.c.body == b"")
        waits = select(exists().where(inbox.c.hospital == hospital, inbox.c.state == WAITING, nothing))
        return bool(self._connection.scalar(waits))

    def listing(self) -> list[Notice]:
        """Every notification, oldest first."""
        return [_notice(row) for row in self._connection.execute(select(inbox).order_by(inbox.c.id))]

    def counts(self) -> dict[str, int]:
        """How many there are in each state that occurs."""
        counted = select(inbox.c.state, func.count().label("number")).group_by(inbox.c.state).order_by(inbox.c.state)
        return {row.state: row.number for row in self._connection.execute(counted)}


def _digest(hospital: str, method: str, kind: str | None, resource_id: str | None, body: bytes) -> str:
    """Of what tells a notification from another; its headers do not."""
    named = "\0".join((hospital, method, kind or "", resource_id or "", ""))
    return sha256(named.encode() + body).hexdigest()


def _notice(row: Row[Any]) -> Notice:
    return Notice(**{name: getattr(row, name) for name in Notice.__slots__})
