"""How the database is opened, so that what we acknowledge survives a crash and writers wait for each other."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url

from adapter.errors import Invalid, Refused, StoreUnavailable
from mappings.r4.faults import Fault

WRITES = "engraft_writes"
"""Execution option of a connection whose transaction will write."""

KEPT, SPARE = 5, 20
"""Connections of a process that stay open, and those that are opened beside them for a moment."""

UNIQUE_VIOLATION = "23505"
FORMS = "write sqlite:///path/to/file or postgresql://user@host/name"


def open_engine(url: str, busy_seconds: float, threads: int) -> Engine:
    """The engine of `url`. A writer waits `busy_seconds` for another before it gives up; `threads` need not wait.

    Raises Refused for a URL that we cannot use (its password is never quoted), StoreUnavailable where the folder of a
    SQLite file cannot be made.
    """
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise Refused(f"ENGRAFT_DATABASE_URL is not a database URL: {FORMS}") from None
    match parsed.get_backend_name():
        case "sqlite":
            return _sqlite(parsed, busy_seconds, threads)
        case "postgresql":
            return _postgresql(parsed, busy_seconds, threads)
        case other:
            raise Refused(f"ENGRAFT_DATABASE_URL names {other}, which is not supported: {FORMS}")


def _sqlite(url: URL, busy_seconds: float, threads: int) -> Engine:
    if not url.database or url.database == ":memory:":
        raise Refused("ENGRAFT_DATABASE_URL names no file; a database in memory would forget what it acknowledged")
    path = Path(url.database).absolute()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # patients lie there
    except OSError as error:
        raise StoreUnavailable(f"the folder of the database cannot be made: {error.strerror}") from error
    place = url.set(database=str(path))
    engine = create_engine(place, connect_args={"timeout": busy_seconds}, **_usual(busy_seconds, threads))
    event.listen(engine, "do_connect", lambda *_: _make_private(path))
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "connect", _remember_process)
    event.listen(engine, "checkout", _refuse_inherited)
    return engine


def _postgresql(url: URL, busy_seconds: float, threads: int) -> Engine:
    """By psycopg, whether the URL names it or no driver. Somebody else's lock is waited for as long as on SQLite."""
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    asked = {"connect_timeout": max(2, round(busy_seconds)), "application_name": "engraft"}
    options = f"{url.query.get('options', '')} -c lock_timeout={round(busy_seconds * 1000)}".strip()
    connect: dict[str, Any] = {name: value for name, value in asked.items() if name not in url.query}
    connect["options"] = options
    try:
        engine = create_engine(url, connect_args=connect, pool_pre_ping=True, **_usual(busy_seconds, threads))
    except ModuleNotFoundError as error:
        raise Refused(f"ENGRAFT_DATABASE_URL needs the Python package {error.name}, which is not installed") from error
    event.listen(engine, "connect", _remember_process)
    event.listen(engine, "checkout", _refuse_inherited)
    return engine


def _usual(busy_seconds: float, threads: int) -> dict[str, Any]:
    """Of both engines. Parameters hold patients: no message of SQLAlchemy's has them."""
    kept = max(KEPT, threads)
    return {"pool_timeout": busy_seconds, "pool_size": kept, "max_overflow": SPARE, "hide_parameters": True}


def copy(connection: Connection, to: Path) -> None:
    """SQLite's online backup: as of one moment, whatever others write meanwhile. Raises Refused, StoreUnavailable."""
    if connection.dialect.name != "sqlite":
        raise Refused("only SQLite is copied so; of PostgreSQL pg_dump makes a backup (docs/operations.md)")
    running: Any = connection.connection.driver_connection
    try:
        with closing(sqlite3.connect(to)) as copied:
            running.backup(copied)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"the copy cannot be written: {error}") from error


def room(connection: Connection) -> int | None:
    """Connections that the database gives to everybody together; None: as many as files can be opened."""
    if connection.dialect.name != "postgresql":
        return None
    most, kept = (int(connection.exec_driver_sql(f"SHOW {name}").scalar_one()) for name in _ROOM)
    return most - kept


_ROOM = ("max_connections", "superuser_reserved_connections")


def retire(engine: Engine) -> None:
    """Closes every connection: what is at work still, when it is given back.

    `dispose` alone leaves those to the collector: a thread that ends later gives its connection back to a pool that
    nobody has any more, and PostgreSQL keeps it as long as that lies about.
    """
    event.listen(engine.pool, "checkin", lambda _, record: record.close())
    engine.dispose()


def _make_private(path: Path) -> None:
    """A new database is its owner's alone, whatever the umask; SQLite gives its other files the same mode."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        return  # it is there, or the driver tells why it cannot be


def _prepare(connection: Any, _: Any) -> None:
    # the driver would open transactions of its own, too late and of the wrong kind
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """A writer takes the write lock at once: a reader that turns writer later could not wait for another."""
    writes = connection.get_execution_options().get(WRITES, False)
    if connection.info.get(WRITES) != writes:  # of the connection in the pool: most of its transactions are alike
        connection.exec_driver_sql(f"PRAGMA query_only={0 if writes else 1}")
        connection.info[WRITES] = writes
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _remember_process(_: Any, record: Any) -> None:
    record.info["process"] = os.getpid()


def _refuse_inherited(_: Any, record: Any, proxy: Any) -> None:
    """A connection that came over a fork belongs to the parent; the pool makes a new one instead."""
    if record.info["process"] != os.getpid():
        record.dbapi_connection = proxy.dbapi_connection = None
        raise exc.DisconnectionError("this connection belongs to another process")


def reads(connection: Connection) -> dict[str, Any]:
    """Execution options of a transaction that reads one state; PostgreSQL would else show each statement another."""
    if connection.dialect.name == "postgresql":
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return {}


@contextmanager
def told_apart() -> Iterator[None]:
    """Turns 'locked, full, away, broken' into StoreUnavailable; mistakes of ours stay what they are.

    A NUL in what a caller sent, which PostgreSQL takes in no text, is Invalid.
    """
    try:
        yield
    except exc.TimeoutError as error:
        raise StoreUnavailable("the database is busy") from error
    except exc.DBAPIError as error:
        if _unprepared(error):
            raise StoreUnavailable("the database has not been prepared: run engraft init-db") from error
        if _raced(error):
            raise StoreUnavailable("another writer was first with the same thing") from error
        if isinstance(error, exc.DataError) and "NUL" in str(error.orig):
            raise Invalid([Fault("", "a text with a NUL cannot be kept or looked for", "value")], 400) from error
        if not _outage(error):
            raise
        # the driver's own reason: never the statement or its parameters, which hold patients
        reason = str(error.orig).partition("\n")[0]
        raise StoreUnavailable(f"the database cannot be used: {reason}") from error


def _unprepared(error: exc.DBAPIError) -> bool:
    """A table or column is missing: SQLite says so in words, PostgreSQL by its code."""
    words = ("no such table", "no such column")
    return getattr(error.orig, "sqlstate", None) in ("42P01", "42703") or str(error.orig).startswith(words)


def _raced(error: exc.DBAPIError) -> bool:
    """PostgreSQL: another writer was first with the same key. Tried again, this one sees what that one wrote."""
    return getattr(error.orig, "sqlstate", None) == UNIQUE_VIOLATION


def _outage(error: exc.DBAPIError) -> bool:
    """The plain DatabaseError is SQLite's word for a file that is damaged or no database."""
    outages = (exc.OperationalError, exc.InterfaceError, exc.InternalError)
    return isinstance(error, outages) or type(error) is exc.DatabaseError
