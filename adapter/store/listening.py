"""PostgreSQL's LISTEN: who waits for work hears of it when it is committed, instead of asking again and again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine

from adapter.errors import StoreUnavailable
from adapter.store import lease

EACH_SECONDS = 0.5
"""How long it takes at most until a stop is seen."""


def calls(engine: Engine, stop: threading.Event) -> Iterator[str]:
    """What others `lease.call`, on a connection of its own, until `stop` is set. SQLite: nothing, at once."""
    if engine.dialect.name != "postgresql":
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"LISTEN {lease.CHANNEL}")
        driver: Any = connection.connection.driver_connection
        broken: Any = engine.dialect.loaded_dbapi.Error
        try:
            while not stop.is_set():
                for said in driver.notifies(timeout=EACH_SECONDS, stop_after=1):
                    yield said.payload
        except broken as error:
            raise StoreUnavailable("the database no longer answers") from error
        finally:
            connection.invalidate()  # it listens for ever: the pool shall not have it back
