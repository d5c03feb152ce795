"""The migrations make exactly the tables that `schema.py` describes."""

from __future__ import annotations

import json
import multiprocessing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_mock_engine, inspect, text

from adapter.store import Store, migrations, schema


def test_migrations_and_tables_agree(store):
    with store._connected(writes=False) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_the_comparison_would_find_a_forgotten_column(store):
    with store.transaction() as tx:
        tx._connection.execute(text("ALTER TABLE audit DROP COLUMN detail"))
    with store._connected(writes=False) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert [found[0] for found in compare_metadata(context, schema.metadata)] == ["add_column"]


def test_the_revision_that_counts_as_ready_is_the_newest():
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.REVISION]


def test_a_store_is_ready_once_it_is_migrated(url, opened):
    store = opened(url)
    assert not store.ready()
    store.migrate()
    assert store.ready()


def test_migrating_again_keeps_what_is_there(store):
    with store.transaction() as tx:
        tx.links.put("chu-a", "course", "Patient/1")
    store.migrate()
    with store.reading() as tx:
        assert tx.links.get("chu-a", "course") == "Patient/1"


def test_a_database_of_another_release_is_not_ready(store):
    with store.transaction() as tx:
        tx._connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert not store.ready()


def _migrate(url: str) -> bool:
    store = Store(url)
    store.migrate()
    try:
        return store.ready()
    finally:
        store.close()


def test_processes_that_start_together_migrate_once(url):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert pool.map(_migrate, [url] * 4) == [True] * 4


def test_a_migration_that_fails_half_way_leaves_nothing(url, opened, monkeypatch):
    store = opened(url)

    def half(connection):
        connection.execute(text("CREATE TABLE half (x integer)"))
        raise LookupError

    monkeypatch.setattr(migrations, "upgrade", half)
    with pytest.raises(LookupError):
        store.migrate()
    with store._connected(writes=False) as connection:
        assert not inspect(connection).has_table("half")


def test_the_tables_can_be_made_on_postgresql_too():
    statements: list[str] = []
    engine = create_mock_engine("postgresql://", lambda sql, *_, **__: statements.append(str(sql.compile(engine))))
    schema.metadata.create_all(engine, checkfirst=False)
    made = "\n".join(statements)
    assert "BIGSERIAL" in made
    assert "TIMESTAMP WITH TIME ZONE" in made
    assert "WHERE revoked IS NULL" in made


def test_copies_that_the_inbox_logged_become_the_newest_state_of_each(url, opened):
    """A database of revision 0006 with a log: out of order, gone, come back, and a notification that is none."""
    store = opened(url)
    with store._connected(writes=True) as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, "0008")
        for id_, version, method in LOG:
            resource = {"resourceType": "Observation", "id": id_, "subject": {"reference": "Patient/p"}}
            if version:
                resource["meta"] = {"versionId": str(version), "lastUpdated": f"2026-01-{version:02}T00:00:00Z"}
            logged = {"method": method, "id": id_, "body": json.dumps(resource).encode()}
            connection.execute(text(ADD), logged | {"at": "2026-01-01 12:00:00.000000"})
    store.migrate()
    with store.reading() as tx:
        copies = tx.copies.of("chu-a")
        assert [row.method for row in tx.inbox.listing()] == ["PUT"]
    assert {place[1]: (copy.version, copy.content is None) for place, copy in copies.items()} == {
        "a": ("10", False),
        "b": ("2", True),
        "c": ("5", False),
        "d": (None, True),
        "e": (None, False),
    }
    assert {copy.patient for copy in copies.values()} == {"Patient/p", None}
    assert copies["Observation", "a"].changed == datetime(2026, 1, 10, tzinfo=UTC)
    assert copies["Observation", "a"].content["subject"] == {"reference": "Patient/p"}


LOG = [
    *[("a", version, "COPIED") for version in (9, 10, 2)],
    *[("b", 2, "COPIED"), ("b", 0, "GONE"), ("b", 1, "COPIED"), ("a", 11, "PUT")],
    *[("c", 3, "COPIED"), ("c", 0, "GONE"), ("c", 0, "GONE"), ("c", 5, "COPIED"), ("d", 0, "GONE")],
    *[("e", 3, "COPIED"), ("e", 0, "COPIED")],
]
ADD = """INSERT INTO inbox (hospital, method, kind, resource_id, headers, body, state, attempts, created, due)
 VALUES ('chu-a', :method, 'Observation', :id, '{}', :body, 'done', 1, :at, :at)"""
