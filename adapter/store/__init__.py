"""Everything that Engraft keeps, in one SQL database. The only package that speaks SQL.

with store.transaction() as tx:     # all of it is written, durably, or nothing
    tx.resources.put(...)
    tx.outbox.add(...)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from adapter.errors import StoreUnavailable
from adapter.store import engine, erasure, index, lease, listening, schema
from adapter.store.audit import Audit
from adapter.store.batches import Batches
from adapter.store.clients import Clients
from adapter.store.copies import Copies
from adapter.store.decisions import Decisions
from adapter.store.drafts import Drafts
from adapter.store.engine import KEPT
from adapter.store.enrolments import Enrolments
from adapter.store.erased import Erased
from adapter.store.exports import Exports
from adapter.store.follow_ups import FollowUps
from adapter.store.heard import HeardOf
from adapter.store.hook_tokens import HookTokens
from adapter.store.hospital_doses import HospitalDoses
from adapter.store.inbox import Inbox
from adapter.store.last_told import LastTold, last_told
from adapter.store.links import Links
from adapter.store.outbox import Outbox
from adapter.store.people import People
from adapter.store.pushed import Pushed
from adapter.store.questions import Questions
from adapter.store.resources import Resources
from adapter.store.sent import Sent
from adapter.store.validations import Validations
from adapter.trail import journal
from mappings.r4.build import Resource

__all__ = ["KEPT", "Store", "Tx"]

BUSY_SECONDS = 10.0


class Tx:
    """One transaction: a repository for each thing that is kept. Not to be used after its `with` block."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.happened: list[tuple[str, dict[str, journal.Told]]] = []
        self.resources = Resources(connection)
        self.enrolments = Enrolments(connection)
        self.follow_ups = FollowUps(connection)
        self.pushed = Pushed(connection)
        self.outbox = Outbox(connection, self.note)
        self.inbox = Inbox(connection)
        self.clients = Clients(connection)
        self.links = Links(connection)
        self.sent = Sent(connection)
        self.audit = Audit(connection)
        self.decisions = Decisions(connection)
        self.drafts = Drafts(connection)
        self.hospital_doses = HospitalDoses(connection)
        self.copies = Copies(connection)
        self.heard = HeardOf(connection)
        self.hook_tokens = HookTokens(connection)
        self.questions = Questions(connection)
        self.validations = Validations(connection)
        self.people = People(connection)
        self.exports = Exports(connection)
        self.erased = Erased(connection)
        self.batches = Batches(connection)

    def note(self, event: str, **fields: journal.Told) -> None:
        """A line for the log, written once this transaction is durable."""
        self.happened.append((event, fields))

    def hold(self, name: str) -> None:
        """Waits until no other writing transaction holds `name` (a course), and holds it until this one ends.

        On SQLite a writer has the whole database to itself anyway.
        """
        lease.hold(self._connection, name)

    def last_told(self, centre: str, course: str | None = None) -> list[LastTold]:
        """When the centre last handed something in about each of its patients: see `last_told.last_told`."""
        return last_told(self._connection, centre, course)

    def erase(self, course: str, keep: Callable[[list[Resource]], bool], hospital: str | None = None) -> int:
        """Takes a course out of everything but the audit: see `erasure.erase`."""
        return erasure.erase(self._connection, course, keep, hospital)


class Store:
    """The database at `url`: `sqlite:///path` or `postgresql://...`. Threads and processes may share it.

    Every method raises StoreUnavailable when the database is locked for longer than `busy_seconds`, full, or away.
    `threads`: that use it all the time, and wait for no connection.
    """

    def __init__(self, url: str, *, busy_seconds: float = BUSY_SECONDS, threads: int = KEPT) -> None:
        self._engine = engine.open_engine(url, busy_seconds, threads)
        self._busy_seconds, self._line = busy_seconds, threading.Lock()

    def migrate(self) -> None:
        """Brings the schema to the newest revision, and the search index to what this program searches by.

        Safe to repeat, and from several processes at once.
        """
        from adapter.store.migrations import upgrade

        with self._connected(writes=True) as connection:
            Tx(connection).hold("migration")
            upgrade(connection)
            index.renew(connection)

    def ready(self) -> bool:
        """Does the database answer, with the schema and the search index that this release needs?"""
        try:
            with self._connected(writes=False) as connection:
                found = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
                return list(found) == [schema.REVISION] and not index.stale(connection)
        except StoreUnavailable:
            return False

    def answers(self) -> bool:
        """True; raises StoreUnavailable with the reason where the database does not answer, whatever is in it."""
        with self._connected(writes=False) as connection:
            return bool(connection.scalar(text("SELECT 1")))

    @property
    def one_writer(self) -> bool:
        """Does everybody else who would write wait while one does, in this process and in others?"""
        return self._engine.dialect.name == "sqlite"

    def copy(self, to: Path) -> None:
        """Copies a running SQLite database into an empty file. Raises Refused for another database."""
        with self._connected(writes=False) as connection:
            engine.copy(connection, to)

    def room(self) -> int | None:
        """Connections that the database gives to everybody together; None where it does not count them."""
        with self._connected(writes=False) as connection:
            return engine.room(connection)

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Writes: durable when the block has ended, undone when it raised. On SQLite one at a time."""
        with self._connected(writes=True) as connection:
            tx = Tx(connection)
            yield tx
        for event, fields in tx.happened:
            self.tell(event, **fields)

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """Reads one consistent state; waits for no writer and can write nothing."""
        with self._connected(writes=False) as connection:
            yield Tx(connection)

    @contextmanager
    def together(self) -> Iterator[Store]:
        """A store whose deeds are one transaction: durable when the block has ended, undone when it raised."""
        with self._connected(writes=True) as connection:
            one = _OneTransaction(self, connection)
            yield one
        for event, fields in one.happened:
            self.tell(event, **fields)

    @contextmanager
    def rehearsing(self) -> Iterator[Store]:
        """A store in which everything can be done as in this one, and of which nothing remains."""
        with self._connected(writes=True) as connection:
            try:
                yield _OneTransaction(self, connection)
                raise _Undone
            except _Undone:
                connection.rollback()

    def calls(self, stop: threading.Event) -> Iterator[str]:
        """Where work arrives, as it does: a destination of the outbox, or `lease.INBOX`; until `stop` is set.

        Ends at once on SQLite, which cannot tell. Something may have arrived before it began to listen.
        """
        with engine.told_apart():
            yield from listening.calls(self._engine, stop)

    def close(self) -> None:
        """Closes every connection; what another thread still works with, when it gives it back."""
        engine.retire(self._engine)

    def tell(self, event: str, **fields: journal.Told) -> None:
        """Writes a line in the log of what was done in this store, once it is durable."""
        journal.note(event, **fields)

    @contextmanager
    def _connected(self, *, writes: bool) -> Iterator[Connection]:
        with engine.told_apart(), self._in_line(writes), self._engine.connect() as connection:
            options = {engine.WRITES: True} if writes else engine.reads(connection)
            with connection.execution_options(**options).begin():
                yield connection

    @contextmanager
    def _in_line(self, writes: bool) -> Iterator[None]:
        """Threads of this process wait here for each other, in turn; within SQLite they would sleep and ask again."""
        if not writes or not self.one_writer:
            yield
            return
        if not self._line.acquire(timeout=self._busy_seconds):
            raise StoreUnavailable("the database is busy")
        try:
            yield
        finally:
            self._line.release()


class _Undone(Exception):
    """Ends a rehearsal."""


class _OneTransaction(Store):
    """One transaction that somebody else ends; what is written in it is read in it."""

    def __init__(self, store: Store, connection: Connection) -> None:
        self._engine = store._engine
        self._connection = connection
        self.happened: list[tuple[str, dict[str, journal.Told]]] = []

    @contextmanager
    def _connected(self, *, writes: bool) -> Iterator[Connection]:  # noqa: ARG002  both see the one transaction
        yield self._connection

    def tell(self, event: str, **fields: journal.Told) -> None:
        """Whoever ends the transaction tells it."""
        self.happened.append((event, fields))
