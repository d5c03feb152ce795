"""Work that goes on after the answer: a row that one process holds at a time, taken over from one that died.

For tables with the columns `id`, `state`, `worker`, `beat`, `attempts` and `at`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, or_, select, update

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"

TRIES = 3
"""What failed so often in a row stays failed."""

SILENT_SECONDS = 30.0
"""A process that has said nothing for so long is taken for dead."""


def claim(connection: Connection, table: Table, id_: str, worker: str, at: datetime) -> Row[Any] | None:
    """Takes a job that waits, or whose process is silent, and counts the attempt. None: in good hands, or over."""
    taken = {"state": RUNNING, "worker": worker, "beat": at, "attempts": table.c.attempts + 1}
    change = update(table).where(table.c.id == id_, _free(table, at)).values(**taken).returning(*table.c)
    return connection.execute(change).one_or_none()


def beat(connection: Connection, table: Table, id_: str, worker: str, at: datetime, said: dict[str, Any]) -> bool:
    """The process lives, and what it has to say. False: the job is no longer its own."""
    mine = and_(table.c.id == id_, table.c.worker == worker, table.c.state == RUNNING)
    return bool(connection.execute(update(table).where(mine).values(beat=at, **said)).rowcount)


def free(connection: Connection, table: Table, at: datetime) -> list[str]:
    """What can be claimed, the oldest first."""
    return list(connection.scalars(select(table.c.id).where(_free(table, at)).order_by(table.c.at, table.c.id)))


def free_since(connection: Connection, table: Table, at: datetime) -> list[datetime]:
    """When each was asked for that can be claimed, the oldest first."""
    return list(connection.scalars(select(table.c.at).where(_free(table, at)).order_by(table.c.at)))


def workers(connection: Connection, table: Table) -> list[str]:
    """Whoever holds a job."""
    return [name for name in connection.scalars(select(table.c.worker).where(table.c.state == RUNNING)) if name]


def release(connection: Connection, table: Table, workers: Collection[str]) -> None:
    """Gives back what these hold, because they live no more."""
    theirs = and_(table.c.state == RUNNING, table.c.worker.in_(workers))
    connection.execute(update(table).where(theirs).values(state=WAITING, worker=None))


def _free(table: Table, at: datetime) -> ColumnElement[bool]:
    silent = table.c.beat < at - timedelta(seconds=SILENT_SECONDS)
    return or_(table.c.state == WAITING, and_(table.c.state == RUNNING, silent))
