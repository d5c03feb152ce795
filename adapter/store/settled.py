"""An instant that is settled: nothing that is dated then or before is written any more.

Changes are dated when their request came, and may wait for other writers after that. Who was shown the state of an
instant would miss those that were on their way. So whoever is shown one settles it first: that waits for the writers
who have begun to write resources, and all who begin later are dated after it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from adapter.store import lease
from adapter.store.schema import settled

STEP = timedelta(milliseconds=1)
"""What `meta.lastUpdated` can tell apart."""

LATE = timedelta(minutes=10)
"""What is further ahead was not settled meanwhile: a clock was wrong."""

_NAME = "settled"


def settle(connection: Connection, at: datetime) -> datetime:
    """`at`, or a little later; settled when this transaction has ended. Waits for who writes resources just now."""
    lease.hold(connection, _NAME)
    found = dated(connection, at)
    connection.execute(delete(settled))
    connection.execute(insert(settled).values(at=found))
    return found


def hold(connection: Connection) -> None:
    """Nothing is settled until this transaction, which writes resources, has ended. On SQLite it is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock_shared(lease.number(_NAME))))


def dated(connection: Connection, at: datetime) -> datetime:
    """`at`, or the first instant that is not settled. Only what holds, or settles, may rely on it."""
    last = connection.scalar(select(settled.c.at))  # a statement of its own: it has to see what the lock waited for
    return last + STEP if last and timedelta(0) <= last - at < LATE else at
