"""Notifications as hospitals sent them: kept before they are answered, worked on later.

A notification only says that something changed; what it is now is read from the hospital. So their order does not
matter, and no row waits for another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, exists, func, insert, select, update

from adapter.store import lease
from adapter.store.lease import LEASED, PARKED, WAITING
from adapter.store.schema import inbox
from adapter.trail import correlation

DONE = "done"
_OVER: dict[str, Any] = {"state": DONE, "body": b"", "headers": {}}

_HEAVY: Mapping[str, Any] = {"headers": {}, "body": b""}
"""What a long list does without, and what stands there instead."""


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
        waits = self._untouched(digest)
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

    def lease(self, worker: str, *, at: datetime, lease_seconds: float, hospital: str | None = None) -> Notice | None:
        """The row that has been due for longest; of one hospital, where it is named."""
        free = None if hospital is None else inbox.c.hospital == hospital
        rows = lease.claim(self._connection, inbox, worker, at=at, seconds=lease_seconds, free=free)
        return _notice(rows[0]) if rows else None

    def done(self, id_: int, worker: str, at: datetime) -> bool:
        """Worked on, and emptied: it was read anew where it concerned us, and may be of people who are not ours.

        False (here and below): the lease was lost to another worker.
        """
        return self._end(id_, worker, {**_OVER, "finished": at, "error": None}, at)

    def fail(self, id_: int, worker: str, *, error: str, due: datetime | None, at: datetime) -> bool:
        """To be tried again at `due`; None: parked, because trying again will not help."""
        if due is not None:
            again = {"state": WAITING, "due": due, "error": error}
            return lease.settle(self._connection, inbox, id_, worker, again)
        return self._end(id_, worker, {"state": PARKED, "error": error}, at)

    def park(self, hospital: str, place: tuple[str, str], error: str, at: datetime) -> bool:
        """Keeps that a resource (type, id) could not be read, as a row of its own.

        False: that is known already, or it was told of anew meanwhile and is about to be read again.
        """
        digest = _digest(hospital, "PUT", *place, b"")
        if self._untouched(digest) is not None:
            return False
        known = (inbox.c.digest == digest) & (inbox.c.state == PARKED)
        if self._connection.execute(update(inbox).where(known).values(error=error)).rowcount:
            return False
        number = self.add(hospital, "PUT", *place, {}, b"", at)
        changed = update(inbox).where(inbox.c.id == number).values(state=PARKED, error=error)
        self._connection.execute(changed)
        return True

    def was_read(self, hospital: str, place: tuple[str, str], at: datetime) -> int:
        """Nothing is parked any more that named this resource alone. How many rows."""
        change = update(inbox).where(_parked_at(hospital, place)).values(**_OVER, finished=at)
        return self._connection.execute(change).rowcount

    def is_parked(self, hospital: str, place: tuple[str, str]) -> bool:
        """Is something parked that names this resource alone?"""
        return bool(self._connection.scalar(select(exists().where(_parked_at(hospital, place)))))

    def postpone(self, hospital: str, due: datetime) -> int:
        """Whatever waits for a hospital that is silent waits at least as long. How many rows."""
        early = (inbox.c.state == WAITING) & (inbox.c.hospital == hospital) & (inbox.c.due < due)
        return self._connection.execute(update(inbox).where(early).values(due=due)).rowcount

    def reread(self, ids: Collection[int], at: datetime) -> list[int]:
        """Has parked ones read again; which."""
        again = lease.named(inbox, ids, [PARKED])
        change = update(inbox).where(again).values(state=WAITING, due=at).returning(inbox.c.id)
        found = sorted(self._connection.scalars(change))
        if found:
            lease.call(self._connection, lease.INBOX)
        return found

    def ignore(self, id_: int, at: datetime) -> bool:
        """A person has seen to a parked one: it is not read. False: it is not there, or not parked."""
        mine = lease.named(inbox, [id_], [PARKED])
        return bool(self._connection.execute(update(inbox).where(mine).values(**_OVER, finished=at)).rowcount)

    def hospitals_due(self, at: datetime) -> list[str]:
        """Of whom anything can be leased."""
        due = inbox.c.state.in_([WAITING, LEASED]) & (inbox.c.due <= at)
        return sorted(self._connection.scalars(select(inbox.c.hospital).where(due).distinct()))

    def _untouched(self, digest: str) -> int | None:
        """The row with these words that waits and that nobody has begun."""
        fresh = (inbox.c.digest == digest) & (inbox.c.state == WAITING) & (inbox.c.attempts == 0)
        found: int | None = self._connection.scalar(select(inbox.c.id).where(fresh).limit(1))
        return found

    def _end(self, id_: int, worker: str, end: dict[str, Any], at: datetime) -> bool:
        """Settles a row; what an earlier one of the same words could not have read, this one has read or tells of."""
        mine = lease.settle(self._connection, inbox, id_, worker, end)
        if mine:
            same = select(inbox.c.digest).where(inbox.c.id == id_).scalar_subquery()
            earlier = (inbox.c.digest == same) & (inbox.c.state == PARKED) & (inbox.c.id < id_)
            self._connection.execute(update(inbox).where(earlier).values(**_OVER, finished=at))
        return mine

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

    def listing(
        self, states: Collection[str] | None = None, hospital: str | None = None, *, whole: bool = True
    ) -> list[Notice]:
        """Every notification, oldest first; those in these states, of this hospital.

        Not `whole`: without headers and body, however many there are.
        """
        wanted = select(*[one for one in inbox.c if whole or one.name not in _HEAVY]).order_by(inbox.c.id)
        if states is not None:
            wanted = wanted.where(inbox.c.state.in_(states))
        if hospital is not None:
            wanted = wanted.where(inbox.c.hospital == hospital)
        return [_notice(row, {} if whole else _HEAVY) for row in self._connection.execute(wanted)]

    def unread(self) -> dict[str, tuple[int, int, datetime]]:
        """By hospital: how many wait, how many are parked, and since when the oldest of both is there."""
        open_ = inbox.c.state.in_([WAITING, LEASED, PARKED])
        parked = func.sum(case((inbox.c.state == PARKED, 1), else_=0)).label("parked")
        counted = select(
            inbox.c.hospital, func.count().label("number"), parked, func.min(inbox.c.created).label("since")
        )
        rows = self._connection.execute(counted.where(open_).group_by(inbox.c.hospital))
        return {row.hospital: (row.number - row.parked, row.parked, row.since) for row in rows}

    def counts(self) -> dict[str, int]:
        """How many there are in each state that occurs."""
        counted = select(inbox.c.state, func.count().label("number")).group_by(inbox.c.state).order_by(inbox.c.state)
        return {row.state: row.number for row in self._connection.execute(counted)}


def _parked_at(hospital: str, place: tuple[str, str]) -> ColumnElement[bool]:
    there = (inbox.c.hospital == hospital) & (inbox.c.kind == place[0]) & (inbox.c.resource_id == place[1])
    # what is parked of MEET is about more than the one resource
    return there & (inbox.c.state == PARKED) & inbox.c.method.in_(("POST", "PUT", "DELETE"))


def _digest(hospital: str, method: str, kind: str | None, resource_id: str | None, body: bytes) -> str:
    """Of what tells a notification from another; its headers do not."""
    named = "\0".join((hospital, method, kind or "", resource_id or "", ""))
    return sha256(named.encode() + body).hexdigest()


def _notice(row: Row[Any], instead: Mapping[str, Any] = MappingProxyType({})) -> Notice:
    return Notice(**{name: instead[name] if name in instead else getattr(row, name) for name in Notice.__slots__})
