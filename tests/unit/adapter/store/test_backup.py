"""A copy of a running database, taken as docs/operations.md says, is whole, and one can go on from it."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
from contextlib import closing

import pytest

from tests.lib.databases import program

MOST = 500
"""What is written while the copy is taken ends here, however slow the copy is."""


def sqlite_copy(url: str, databases) -> str:
    restored = databases.empty()
    with (
        closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as running,
        closing(sqlite3.connect(restored.removeprefix("sqlite:///"))) as copy,
    ):
        running.backup(copy)
    return restored


def postgresql_copy(url: str, databases, folder) -> str:
    restored = databases.empty()
    dump = folder / "engraft.dump"
    subprocess.run([program("pg_dump"), "--format=custom", f"--file={dump}", url], check=True, timeout=120)
    restore = [program("pg_restore"), "--no-owner", "--exit-on-error", f"--dbname={restored}", dump]
    subprocess.run(restore, check=True, timeout=120)
    return restored


@pytest.fixture
def copied(databases, tmp_path):
    """Takes a copy of a database of the engine under test, and gives its URL."""
    if databases.engine == "sqlite":
        return lambda url: sqlite_copy(url, databases)
    return lambda url: postgresql_copy(url, databases, tmp_path)


def write(store, number, noon):
    resource = {"resourceType": "Basic", "id": f"b{number}", "code": {"text": "Synthetic"}}
    with store.transaction() as tx:
        tx.resources.put(resource, centre="FR-037", course="c", sources=[str(number)], at=noon)
        tx.outbox.add("chu-a", f"c{number}", [resource], source=str(number), at=noon)


def test_a_copy_taken_while_others_write_is_whole_and_goes_on(store, prepared, copied, opened, noon):
    stop, written = threading.Event(), []

    def go_on():
        while not stop.is_set() and len(written) < MOST:
            write(store, len(written), noon)
            written.append(len(written))

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        while len(written) < 5:
            stop.wait(0.01)
        before = len(written)
        restored = opened(copied(prepared))
    finally:
        stop.set()
        writer.join()
    assert restored.ready()
    with restored.reading() as tx:
        there = {one.id for one in tx.resources.stream(centres=None)}
        queued = {row.content[0]["id"] for row in tx.outbox.listing()}
    assert there == queued, "no fact without its delivery, and no delivery without its fact"
    assert {f"b{number}" for number in range(before)} <= there, "what was there before the copy began"
    write(restored, "-new", noon)
    with restored.transaction() as tx:
        first = tx.outbox.lease("w", at=noon, lease_seconds=60, destination="chu-a")
        assert first.content[0]["id"] == "b0", "the oldest goes first"
