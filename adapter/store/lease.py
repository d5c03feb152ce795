"""Work that several workers share: a row is leased for a while, and an expired lease is taken over.

A row is `waiting` until its `due`, or `leased` until its `due`; so one index finds what can be had now.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, func, select, true, update

WAITING, LEASED, PARKED = "waiting", "leased", "parked"
CHANNEL = "engraft"
INBOX, JOBS = "", "*"
"""Where notifications of hospitals wait, and work that goes on after an answer; no destination is called so."""


def claim(
    connection: Connection,
    table: Table,
    worker: str,
    *,
    at: datetime,
    seconds: float,
    free: ColumnElement[bool] | None = None,
    most: int = 1,
) -> list[Row[Any]]:
    """Leases the rows that have been due for longest and are `free`, at most so many, and counts the attempt.

    What a dead worker left behind comes first. SKIP LOCKED is PostgreSQL's; on SQLite writers are alone.
    """
    columns, ids = table.c, list[int]()
    for state in (LEASED, WAITING):
        due = (columns.state == state) & (columns.due <= at) & (true() if free is None else free)
        oldest = select(columns.id).where(due).order_by(columns.due, columns.id).limit(most - len(ids))
        ids += connection.scalars(oldest.with_for_update(skip_locked=True, of=table))
        if len(ids) == most:
            break
    if not ids:
        return []
    taken = {"state": LEASED, "worker": worker, "due": at + timedelta(seconds=seconds)}
    change = update(table).where(columns.id.in_(ids)).values(attempts=columns.attempts + 1, **taken)
    rows = {row.id: row for row in connection.execute(change.returning(*columns))}
    return [rows[id_] for id_ in ids]


def named(table: Table, ids: Collection[int], states: Collection[str]) -> ColumnElement[bool]:
    """These rows, as far as they are in one of the states.

    The state is put so that no index is chosen for it: SQLite would walk over all that waits to find a few ids.
    """
    return table.c.id.in_(ids) & table.c.state.concat("").in_(states)


def settle(connection: Connection, table: Table, id_: int, worker: str, values: dict[str, Any]) -> bool:
    """Writes what became of a leased row. False: another worker has taken the lease over, nothing is written."""
    mine = (table.c.id == id_) & (table.c.state == LEASED) & (table.c.worker == worker)
    return bool(connection.execute(update(table).where(mine).values(**values, worker=None)).rowcount)


def release(connection: Connection, table: Table, workers: Collection[str], at: datetime) -> int:
    """Gives back what these workers hold, because they live no more or have lost sight of it. How many rows."""
    theirs = (table.c.state == LEASED) & table.c.worker.in_(workers)
    change = update(table).where(theirs).values(state=WAITING, due=at, worker=None)
    return connection.execute(change).rowcount


def workers(connection: Connection, table: Table) -> list[str]:
    """Whoever holds a lease."""
    found = select(table.c.worker).where(table.c.state == LEASED).distinct()
    return [name for name in connection.scalars(found) if name]


def call(connection: Connection, place: str) -> None:
    """Wakes whoever listens (`listening.py`), once this transaction has ended: there is work at `place`.

    A destination of the outbox, INBOX or JOBS. On SQLite nobody hears it, and workers look now and then.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANNEL, place)))


def hold(connection: Connection, *names: str) -> None:
    """Waits until no other writing transaction holds the names, one by one, and holds them until this one ends.

    On SQLite a writer has the whole database to itself anyway.
    """
    if connection.dialect.name == "postgresql" and names:
        connection.execute(select(*(func.pg_advisory_xact_lock(number(name)) for name in names)))


def number(name: str) -> int:
    """By which PostgreSQL knows a lock."""
    return int.from_bytes(sha256(name.encode()).digest()[:8], signed=True)
