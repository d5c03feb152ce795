"""Batches that were sent to be taken in after the answer: the file, how far it is, what became of each document."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from adapter.errors import Conflict
from adapter.store import jobs, lease
from adapter.store.batch_schema import batch_items, batches
from adapter.store.jobs import DONE, RUNNING, WAITING
from adapter.trail import correlation

UNFINISHED = (WAITING, RUNNING)


@dataclass(frozen=True, slots=True)
class Batch:
    """`kind`, `charset`: how the file is to be read; `parts`: `[name, bytes]` of each that stands in `body`.

    `documents`: how many there are, once it was read. `found`: how it was read. `refused`: why the file as a whole was,
    `{"status", "faults"}`. `error`: why it was given up. `expires`: None while it is not over.
    """

    id: str
    client: str
    centre: str
    kind: str
    charset: str | None
    parts: list[tuple[str, int]]
    body: bytes | None
    at: datetime
    expires: datetime | None
    state: str
    attempts: int
    documents: int | None
    found: list[str]
    refused: dict[str, Any] | None
    error: str | None
    correlation: str | None


@dataclass(frozen=True, slots=True)
class Item:
    """One document by its place in the file: as it was `taken`, or the reasons why it was `refused`."""

    number: int
    patient: str | None
    taken: dict[str, Any] | None
    refused: list[dict[str, Any]]


class Batches:
    """By id."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, batch: Batch) -> None:
        """One that waits for a process."""
        values = {name: getattr(batch, name) for name in Batch.__slots__} | {"correlation": correlation.current()}
        self._connection.execute(insert(batches).values(**values, beat=batch.at, worker=None))
        lease.call(self._connection, lease.JOBS)

    def get(self, id_: str, client: str, at: datetime) -> Batch | None:
        """The batch without its file, if this client sent it and it has not expired."""
        columns = [column for column in batches.c if column is not batches.c.body]
        mine = (batches.c.id == id_) & (batches.c.client == client)
        row = self._connection.execute(select(*columns).where(mine)).one_or_none()
        found = _of(row) if row else None
        return found if found and (found.expires is None or found.expires > at) else None

    def unfinished(self, client: str) -> int:
        """How many of a client are not over."""
        counted = select(func.count()).where(batches.c.client == client, batches.c.state.in_(UNFINISHED))
        return self._connection.scalar(counted) or 0

    def free(self, at: datetime) -> list[str]:
        """What nobody works on, the oldest first."""
        return jobs.free(self._connection, batches, at)

    def free_since(self, at: datetime) -> list[datetime]:
        """When each was sent that nobody works on, the oldest first."""
        return jobs.free_since(self._connection, batches, at)

    def claim(self, id_: str, worker: str, at: datetime) -> Batch | None:
        """Takes one that waits or whose process is silent. None: it is in good hands, or over."""
        row = jobs.claim(self._connection, batches, id_, worker, at)
        return _of(row) if row else None

    def beat(self, id_: str, worker: str, at: datetime, **said: Any) -> bool:
        """The process lives, and comes further. False: it is no longer its own."""
        return jobs.beat(self._connection, batches, id_, worker, at, said)

    def workers(self) -> list[str]:
        """Whoever works on one."""
        return jobs.workers(self._connection, batches)

    def release(self, workers: Collection[str]) -> None:
        """Gives back what these work on, because they live no more."""
        jobs.release(self._connection, batches, workers)

    def finish(self, id_: str, worker: str, at: datetime, expires: datetime, **said: Any) -> bool:
        """It is over; the file goes. False: it is no longer this one's."""
        over = {"state": DONE, "body": None, "expires": expires}
        return self.beat(id_, worker, at, **(over | said))

    def note(self, id_: str, item: Item) -> None:
        """What became of a document."""
        values = {name: getattr(item, name) for name in Item.__slots__}
        self._connection.execute(insert(batch_items).values(batch=id_, **values))

    def items(self, id_: str) -> list[Item]:
        """What became of its documents so far, in the order of the file."""
        rows = self._connection.execute(
            select(batch_items).where(batch_items.c.batch == id_).order_by(batch_items.c.number)
        )
        return [Item(*(getattr(row, name) for name in Item.__slots__)) for row in rows]

    def numbers(self, id_: str) -> set[int]:
        """Places of the documents of which something became."""
        return set(self._connection.scalars(select(batch_items.c.number).where(batch_items.c.batch == id_)))

    def remove(self, id_: str) -> None:
        """Nobody wants it any more; whoever works on it finds out at the next document."""
        self._connection.execute(delete(batches).where(batches.c.id == id_))
        self._connection.execute(delete(batch_items).where(batch_items.c.batch == id_))

    def expired(self, at: datetime) -> list[str]:
        """Ids of those whose time is over."""
        return list(self._connection.scalars(select(batches.c.id).where(batches.c.expires <= at)))

    def counts(self) -> dict[str, int]:
        """How many there are in each state that occurs."""
        counted = select(batches.c.state, func.count().label("number")).group_by(batches.c.state)
        return {row.state: row.number for row in self._connection.execute(counted)}


def erase(connection: Connection, centre: str, patient: str) -> None:
    """Takes a patient out of what became of a centre's batches, and with it what names nobody.

    Raises Conflict while a batch of the centre is not over: it may hold the patient.
    """
    own = batches.c.centre == centre
    if connection.scalar(select(batches.c.id).where(own, batches.c.state.in_(UNFINISHED)).limit(1)):
        raise Conflict("a batch of this centre is being taken in: try again when it is over")
    ids = select(batches.c.id).where(own)
    whose = (batch_items.c.patient == patient) | batch_items.c.patient.is_(None)
    connection.execute(delete(batch_items).where(batch_items.c.batch.in_(ids), whose))
    # a header that could not be read may have been the first patient's row
    connection.execute(delete(batches).where(own, batches.c.refused.is_not(None)))
    over = own & batches.c.state.not_in(UNFINISHED)
    connection.execute(update(batches).where(over).values(found=[]))


def _of(row: Row[Any]) -> Batch:
    values: dict[str, Any] = {name: getattr(row, name, None) for name in Batch.__slots__}
    return Batch(**values)
