"""Work that several workers share: a row is leased for a while, and an expired lease is taken over.

A row is `waiting` until its `due`, or `leased` until its `due`; so one index finds what can be had now.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, func, select, true, update

WAITING, LEASED, PARKED = "waiting", "leased", "parked"
CHANNEL = "engraft"
INBOX = ""
"""Where notifications of hospitals wait; no destination is called so."""


def claim(
    connection: Connection,
    table: Table,
    worker: str,
    *,
    at: datetime,
    seconds: float,
    free: ColumnElement[bool] | None = None,
) -> Row[Any] | None:
    """Leases the row that has been due for longest and is `free`, and counts the attempt. None: nothing to do.

    What a dead worker left behind comes first. SKIP LOCKED is PostgreSQL's; on SQLite writers are alone.
    """
    for state in (LEASED, WAITING):
        columns = table.c
        due = (columns.state == state) & (columns.due <= at) & (true() if free is None else free)
        oldest = select(columns.id).where(due).order_by(columns.due, columns.id).limit(1)
        id_ = connection.scalar(oldest.with_for_update(skip_locked=True, of=table))
        if id_ is not None:
            taken = {"state": LEASED, "worker": worker, "due": at + timedelta(seconds=seconds)}
            change = update(table).where(columns.id == id_).values(attempts=columns.attempts + 1, **taken)
            return connection.execute(change.returning(*columns)).one()
    return None


def settle(connection: Connection, table: Table, id_: int, worker: str, values: dict[str, Any]) -> bool:
    """Writes what became of a leased row. False: another worker has taken the lease over, nothing is written."""
    mine = (table.c.id == id_) & (table.c.state == LEASED) & (table.c.worker == worker)
    return bool(connection.execute(update(table).where(mine).values(**values, worker=None)).rowcount)


def call(connection: Connection, place: str) -> None:
    """Wakes whoever listens (`listening.py`), once this transaction has ended: there is work at `place`.

    A destination of the outbox, or INBOX. On SQLite nobody hears it, and workers look now and then.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANNEL, place)))


def hold(connection: Connection, name: str) -> None:
    """Waits until no other writing transaction holds `name`, and holds it until this one ends.

    On SQLite a writer has the whole database to itself anyway.
    """
    if connection.dialect.name == "postgresql":
        number = int.from_bytes(sha256(name.encode()).digest()[:8], signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(number)))
