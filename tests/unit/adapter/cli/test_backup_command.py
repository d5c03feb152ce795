"""`engraft backup`: a whole copy of a running database, that nobody else may read."""

from __future__ import annotations

import os
import stat
from contextlib import closing

import pytest

from adapter.errors import Refused
from adapter.store import Store
from tests.lib.centre import NOW


@pytest.fixture
def store(run, tmp_path):
    assert run("init-db").exit_code == 0
    with closing(Store(f"sqlite:///{tmp_path}/var/engraft.sqlite")) as store:
        yield store


def write(store, name):
    with store.transaction() as tx:
        resource = {"resourceType": "Basic", "id": name, "code": {"text": "Synthetic"}}
        tx.resources.put(resource, centre="FR-037", course="c", sources=["test"], at=NOW)


def held(file):
    with closing(Store(f"sqlite:///{file}")) as copy:
        assert copy.ready()
        with copy.reading() as tx:
            return {one.id for one in tx.resources.of_course("c")}


def test_a_copy_has_what_was_acknowledged_and_nothing_of_an_open_transaction(run, store, tmp_path):
    write(store, "before")
    with store.transaction() as tx:
        resource = {"resourceType": "Basic", "id": "open", "code": {"text": "Synthetic"}}
        tx.resources.put(resource, centre="FR-037", course="c", sources=["test"], at=NOW)
        result = run("backup", "copy.sqlite")
    assert result.exit_code == 0, result.stderr
    write(store, "after")
    assert held(tmp_path / "copy.sqlite") == {"before"}
    assert stat.S_IMODE((tmp_path / "copy.sqlite").stat().st_mode) == 0o600
    assert not (tmp_path / "copy.sqlite.part").exists()


def test_no_backup_is_written_over_another(run, store, tmp_path):
    (tmp_path / "copy.sqlite").write_text("yesterday's")
    result = run("backup", "copy.sqlite")
    assert result.exit_code == 1
    assert "exists" in result.stderr
    assert (tmp_path / "copy.sqlite").read_text() == "yesterday's"


def test_what_a_killed_one_left_is_no_hindrance(run, store, tmp_path):
    (tmp_path / "copy.sqlite.part").write_text("half")
    assert run("backup", "copy.sqlite").exit_code == 0
    assert held(tmp_path / "copy.sqlite") == set()


def test_a_folder_that_is_not_there_is_told(run, store):
    result = run("backup", "nowhere/copy.sqlite")
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


def test_a_disk_that_is_full_leaves_nothing_behind(run, store, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    assert run("backup", "copy.sqlite").exit_code == 1
    monkeypatch.undo()
    assert list(tmp_path.glob("copy*")) == []


def test_where_the_copy_cannot_be_a_database_it_is_unreachable(store, tmp_path):
    from adapter.errors import StoreUnavailable

    with pytest.raises(StoreUnavailable, match="copy"):
        store.copy(tmp_path)


def test_postgresql_is_copied_by_its_own_program():
    from adapter.store import engine

    class Other:
        class dialect:  # noqa: N801 - SQLAlchemy's own name
            name = "postgresql"

    with pytest.raises(Refused, match="pg_dump"):
        engine.copy(Other(), "copy")


def test_the_folder_that_is_made_for_the_database_is_of_this_account_only(store, tmp_path):
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_a_restored_database_says_where_it_will_look_first(run, store, tmp_path):
    (tmp_path / "engraft.toml").write_text('[hospitals.chu-a]\nbase_url = "https://h.example/fhir"\n')
    result = run("init-db", "--restored", "--as", "Ada", ENGRAFT_CONFIG="engraft.toml")
    assert result.exit_code == 0, result.stderr
    assert "looked at before anything is sent there: chu-a" in result.stderr
    with store.reading() as tx:
        (deed,) = tx.audit.of("chu-a")
        assert tx.sent.trait("chu-a", "restored")
    assert deed.action == "restored"
    assert deed.who.endswith(" for Ada")
