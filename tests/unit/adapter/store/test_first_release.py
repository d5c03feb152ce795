"""A database as 0.1.0 left it, with data in every table of that time, is read and worked on by this release."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from adapter.store import migrations
from adapter.store.criteria import read
from adapter.store.paging import Window

TOKEN = "synthetic-token-of-the-first-release"
NEUTROPHILS = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "subject": {"reference": "Patient/anna"},
    "effectiveDateTime": "2026-03-17",
    "valueQuantity": {"value": 0.5, "unit": "10*9/L"},
}
OUTBOX = [
    ("course-1", "delivered", 1),
    ("course-1", "parked", 3),
    ("course-1", "waiting", 0),
    ("course-2", "leased", 1),
    ("course-2", "waiting", 0),
    ("course-3", "delivered", 1),
    ("course-3", "waiting", 0),
]
"""Course, state, attempts, in the order in which they came."""

TABLES = {
    "resource_heads": {"kind": "Observation", "id": "o1", "version": 1, "centre": "FR-037", "course": "course-1"},
    "enrolments": {
        "id": "e1",
        "version": 1,
        "current": True,
        "centre": "FR-037",
        "patient": "P-1",
        "course": "course-1",
        "key": "FR-037/P-1",
        "hash": "h",
        "content": {"patient": "P-1"},
        "status": "active",
    },
    "follow_ups": {
        "id": "f1",
        "version": 1,
        "current": True,
        "centre": "FR-037",
        "patient": "P-1",
        "course": "course-1",
        "key": "FR-037/P-1/D+30",
        "hash": "h",
        "content": {"visit": "D+30"},
        "status": "active",
    },
    "inbox": {
        "hospital": "chu-a",
        "method": "PUT",
        "kind": "Observation",
        "resource_id": "o1",
        "headers": {},
        "body": b"{}",
        "state": "waiting",
        "attempts": 0,
        "created": None,
        "due": None,
    },
    "clients": {
        "name": "forms",
        "role": "centre",
        "centre": "FR-037",
        "token_hash": sha256(TOKEN.encode()).hexdigest(),
        "created": None,
    },
    "links": {"hospital": "chu-a", "course": "course-1", "patient": "Patient/77"},
    "audit": {"who": "forms", "action": "enrol", "target": "e1", "centre": "FR-037"},
}
"""One row each; None stands for noon, which those that have an `at` get too."""


def add(connection, table, values, noon):
    row = {name: noon if value is None else value for name, value in values.items()}
    row = {name: json.dumps(value).encode() if isinstance(value, dict) else value for name, value in row.items()}
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    written = {name: str(value) if value is noon else value for name, value in row.items()}
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), written)


@pytest.fixture
def first_release(url, opened, noon):
    store = opened(url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with store._connected(writes=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for table, row in TABLES.items():
            add(connection, table, row if "created" in row or table == "links" else row | {"at": None}, noon)
        version = {"version": 1, "hash": "h", "deleted": False, "content": NEUTROPHILS, "at": None}
        key = connection.scalar(text("SELECT key FROM resource_heads"))
        add(connection, "resource_versions", {"key": key} | version, noon)
        add(connection, "resource_sources", {"key": key, "source": "f1"}, noon)
        for course, state, attempts in OUTBOX:
            row = {"destination": "chu-a", "course": course, "source": "f1", "state": state, "attempts": attempts}
            worker = "gone/1/x" if state == "leased" else ""
            content = json.dumps([NEUTROPHILS | {"id": f"of-{course}"}]).encode()
            more = {"created": None, "due": None, "worker": worker, "content": content}
            add(connection, "outbox", row | more, noon)
    store.migrate()
    return store


def test_what_was_stored_is_read_and_found(first_release, noon):
    with first_release.reading() as tx:
        stored = tx.resources.get("Observation", "o1")
        assert (stored.centre, stored.course, stored.at) == ("FR-037", "course-1", noon)
        assert str(stored.content["valueQuantity"]["value"]) == "0.5"
        for name, value in (("patient", "anna"), ("date", "ge2026-03-17"), ("value-quantity", "0.5")):
            found = tx.resources.search(
                "Observation", [read("Observation", name, value)], Window(9), centres=["FR-037"]
            )
            assert found.total == 1, name
        assert tx.resources.sources_of("Observation", "o1") == ("f1",)


def test_documents_clients_links_and_the_record_are_there(first_release, noon):
    with first_release.reading() as tx:
        assert tx.enrolments.of("FR-037", "P-1").content == {"patient": "P-1"}
        assert tx.follow_ups.get("f1").content == {"visit": "D+30"}
        assert tx.clients.find(TOKEN).name == "forms"
        assert tx.links.get("chu-a", "course-1") == "Patient/77"
        assert [deed.action for deed in tx.audit.of("e1")] == ["enrol"]
        assert [notice.resource_id for notice in tx.inbox.listing()] == ["o1"]


def test_deliveries_go_on_in_the_order_in_which_they_were_queued(first_release, noon):
    later = noon + timedelta(hours=1)
    taken = []
    while True:
        with first_release.transaction() as tx:
            row = tx.outbox.lease("w", at=later, lease_seconds=60)
            if row is None:
                break
            taken.append((row.course, row.attempts))
            assert tx.outbox.delivered(row.id, "w", later)
    # the parked one holds its patient back as it did then; what a dead worker held comes first
    assert taken == [("course-2", 2), ("course-2", 1), ("course-3", 1)]


def test_new_rows_stand_behind_the_old_ones(first_release, noon):
    with first_release.transaction() as tx:
        old = [row.id for row in tx.outbox.listing()]
        assert tx.outbox.add("chu-a", "course-1", [], source="f2", at=noon) > max(old)
        new = NEUTROPHILS | {"id": "o2"}
        assert tx.resources.put(new, centre="FR-037", course="course-1", sources=["f2"], at=noon).version == 1
