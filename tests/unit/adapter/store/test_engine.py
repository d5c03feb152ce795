"""How the database is opened, and what a caller is told when it cannot be. Most of it is SQLite's own."""

from __future__ import annotations

import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import sqlalchemy
from sqlalchemy import exc, text

from adapter.errors import Invalid, Refused, StoreUnavailable
from adapter.store import Store, engine
from adapter.store.schema import links


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/var/engraft.sqlite"


@pytest.fixture
def store(url):
    store = Store(url)
    store.migrate()
    yield store
    store.close()


def pragma(store: Store, name: str, *, writes: bool = False) -> object:
    with store._connected(writes=writes) as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_the_folder_of_the_database_is_made(store, tmp_path):
    assert (tmp_path / "var" / "engraft.sqlite").is_file()


def test_nobody_but_its_owner_reads_a_new_database_and_an_old_one_keeps_its_mode(tmp_path):
    before = os.umask(0o022)
    try:
        with closing(Store(f"sqlite:///{tmp_path}/new.sqlite")) as store:
            store.migrate()
            files = sorted(tmp_path.glob("new.sqlite*"))
            assert [(file.name, file.stat().st_mode & 0o777) for file in files] == [(one.name, 0o600) for one in files]
            assert len(files) > 1, "beside it the log of what was written last"
    finally:
        os.umask(before)
    (tmp_path / "new.sqlite").chmod(0o660)
    with closing(Store(f"sqlite:///{tmp_path}/new.sqlite")) as store:
        assert store.ready()
    assert (tmp_path / "new.sqlite").stat().st_mode & 0o777 == 0o660


def test_a_relative_path_stays_where_it_was_when_the_process_moves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Store("sqlite:///var/engraft.sqlite")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.migrate()
    assert (tmp_path / "var" / "engraft.sqlite").is_file()


@pytest.mark.parametrize("writes", [False, True])
def test_a_commit_is_on_the_disk_and_readers_do_not_stop_writers(store, writes):
    assert pragma(store, "journal_mode", writes=writes) == "wal"
    assert pragma(store, "synchronous", writes=writes) == 2  # FULL
    assert pragma(store, "foreign_keys", writes=writes) == 1
    assert pragma(store, "busy_timeout", writes=writes) == 10_000


def test_what_raises_is_undone(store):
    def interrupted() -> None:
        with store.transaction() as tx:
            tx.links.put("chu-a", "course", "Patient/1")
            raise LookupError

    with pytest.raises(LookupError):
        interrupted()
    with store.reading() as tx:
        assert tx.links.get("chu-a", "course") is None


def test_a_writer_that_waits_too_long_is_told_to_try_again(store, url):
    impatient = Store(url, busy_seconds=0.05)
    with (
        store.transaction(),
        pytest.raises(StoreUnavailable, match="database is locked"),
        impatient.transaction(),
    ):
        pytest.fail("two writers at once")
    with impatient.transaction() as tx:  # the refusal left nothing behind
        tx.links.put("chu-a", "course", "Patient/1")


def test_a_full_disk_is_told_and_nothing_is_stored(store):
    def overfill() -> None:
        with store.transaction() as tx:
            pages = tx._connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            tx._connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            tx.links.put("chu-a", "small", "Patient/1")
            tx.links.put("chu-a", "large", "x" * 1_000_000)

    with pytest.raises(StoreUnavailable, match="full"):
        overfill()
    with store.reading() as tx:
        assert tx.links.get("chu-a", "small") is None


def test_a_database_that_was_not_prepared_says_which_command_prepares_it(url):
    with pytest.raises(StoreUnavailable, match="engraft init-db"), Store(url).reading() as tx:
        tx.links.get("chu-a", "course")


@pytest.mark.parametrize("sqlstate", ["42P01", "42703"])
def test_so_does_postgresql(sqlstate):
    missing = Exception('relation "links" does not exist')
    missing.sqlstate = sqlstate
    with pytest.raises(StoreUnavailable, match="engraft init-db"), engine.told_apart():
        raise exc.ProgrammingError("SELECT", {}, missing)


def test_who_comes_second_on_postgresql_may_try_again():
    second = Exception("duplicate key value violates unique constraint: Key (id)=(anna)")
    second.sqlstate = "23505"
    with pytest.raises(StoreUnavailable, match="another writer") as caught, engine.told_apart():
        raise exc.IntegrityError("INSERT", {}, second)
    assert "anna" not in str(caught.value)


def test_a_text_that_postgresql_cannot_hold_is_refused_and_no_mistake_of_ours():
    nul = Exception("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    with pytest.raises(Invalid, match="NUL") as caught, engine.told_apart():
        raise exc.DataError("SELECT", {}, nul)
    assert caught.value.status == 400
    with pytest.raises(exc.DataError), engine.told_apart():
        raise exc.DataError("SELECT", {}, Exception("integer out of range"))


def test_a_file_that_is_no_database_is_unavailable(tmp_path):
    (tmp_path / "notes.txt").write_text("Milk, bread, and a thousand other things to be bought in town" * 100)
    store = Store(f"sqlite:///{tmp_path}/notes.txt")
    assert not store.ready()
    with pytest.raises(StoreUnavailable, match="not a database"), store.transaction():
        pytest.fail("opened")


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="folder"):
        Store(f"sqlite:///{tmp_path}/file/engraft.sqlite")


def test_refusals_of_the_store_never_quote_a_patient(store):
    with pytest.raises(StoreUnavailable) as caught, store.reading() as tx:
        tx.links.put("chu-a", "course", "Patient/Anna-Example")
    assert "Anna" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("var/engraft.sqlite", "not a database URL"),
        ("", "not a database URL"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("mysql://root:s3cret@db/engraft", "mysql"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url, said):
    with pytest.raises(Refused, match=said) as caught:
        Store(url)
    assert "s3cret" not in str(caught.value)


def test_postgresql_without_its_driver_names_the_package(monkeypatch):
    def without_driver(*_, **__):
        raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")

    monkeypatch.setattr(engine, "create_engine", without_driver)
    with pytest.raises(Refused, match="psycopg"):
        Store("postgresql://engraft:s3cret@db/engraft")


def test_postgresql_opens_no_connection_before_it_is_needed(monkeypatch):
    made = []

    def a_stand_in(url, **options):
        made.append((url.drivername, options))
        return sqlalchemy.create_engine("sqlite://")

    monkeypatch.setattr(engine, "create_engine", a_stand_in)
    Store("postgresql://db/engraft?options=-c%20jit%3Doff&connect_timeout=3", busy_seconds=7)
    [(name, options)] = made
    assert name == "postgresql+psycopg"
    assert options["pool_pre_ping"]
    assert options["connect_args"] == {"application_name": "engraft", "options": "-c jit=off -c lock_timeout=7000"}


@pytest.mark.parametrize("name", ["postgresql", "postgresql+psycopg"])
def test_postgresql_is_spoken_to_by_psycopg(name):
    assert Store(f"{name}://db/engraft")._engine.driver == "psycopg"


def test_as_many_threads_as_were_asked_for_have_a_connection_each(url, store):
    """64 workers at one hospital, and those beside them."""
    everybody = threading.Barrier(70)

    def look(crowd) -> bool:
        with crowd.reading():
            everybody.wait(30)  # until all of them are in the midst of it
            return True

    with closing(Store(url, busy_seconds=1, threads=70)) as crowd, ThreadPoolExecutor(70) as pool:
        assert all(pool.map(look, [crowd] * 70))


def test_files_are_not_counted(store):
    assert store.room() is None


def test_every_connection_busy_is_told(store):
    with pytest.raises(StoreUnavailable, match="busy"), engine.told_apart():
        raise exc.TimeoutError


def test_a_mistake_of_ours_is_not_called_an_outage(store):
    twice = [{"hospital": "a", "course": "b", "patient": "c"}] * 2
    with pytest.raises(exc.IntegrityError) as caught, store.transaction() as tx:
        tx._connection.execute(sqlalchemy.insert(links), twice)
    assert "parameters hidden" in str(caught.value), "they hold patients"


def test_foreign_keys_hold(store):
    orphan = text("INSERT INTO resource_sources (key, source) VALUES (7, 'nowhere')")
    with pytest.raises(exc.IntegrityError, match="FOREIGN KEY"), store.transaction() as tx:
        tx._connection.execute(orphan)


def test_threads_that_write_at_once_lose_nothing(store, noon):
    start = threading.Barrier(8)

    def write(worker: int) -> None:
        start.wait()
        for number in range(10):
            with store.transaction() as tx:
                tx.outbox.add("chu-a", f"course-{worker}", [], source=str(number), at=noon)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    with store.reading() as tx:
        assert tx.outbox.counts() == {"waiting": 80}


def test_a_forked_process_opens_connections_of_its_own(store):
    """gunicorn with a preloaded app forks after the store was used: SQLite forbids sharing a connection."""
    with store.transaction() as tx:
        tx.links.put("chu-a", "course", "Patient/parent")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = b"nothing"
        try:
            with store.transaction() as tx:
                tx.links.put("chu-a", "course", "Patient/child")
            said = b"wrote"
        finally:
            os.write(writer, said)
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 100) == b"wrote"
    with store.reading() as tx:
        assert tx.links.get("chu-a", "course") == "Patient/child"


def test_an_inherited_connection_is_not_used(store, monkeypatch):
    with store.reading() as tx:
        mine = tx._connection.connection.dbapi_connection
    monkeypatch.setattr(engine.os, "getpid", lambda: -1)
    with store.reading() as tx:
        theirs = tx._connection.connection.dbapi_connection
    assert isinstance(theirs, sqlite3.Connection)
    assert theirs is not mine
