"""The engines that the store runs on: an SQLite file a test, and a throw-away PostgreSQL with a database a test.

PostgreSQL comes from the Debian package. It refuses to run as root, so there it runs as its own user. Nothing of it is
kept on the disk longer than the session, and so nothing is synced.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from adapter.store import Store
from tests.lib.servers import free_port, running, unavailable

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.contract)]
"""For `params` of a fixture: SQLite with the unit tests, PostgreSQL with the contract suite."""

_QUIET = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "log_min_messages=fatal")
_CALM = ("max_connections=100", "autovacuum=off", "recovery_init_sync_method=syncfs")


IN_MEMORY_BYTES = 6 * 1024**3
"""What several workers' servers may need at the most, with their logs."""


class Postgres:
    """A server on 127.0.0.1 and `port`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._template: str | None = None

    def empty(self) -> str:
        """URL of a new database without tables."""
        return self._made("")

    def prepared(self) -> str:
        """URL of a new database with the newest schema."""
        if self._template is None:
            url = self.empty()
            store = Store(url)
            store.migrate()
            store.close()
            self._template = url.rpartition("/")[2]
        return self._made(f" TEMPLATE {self._template}")

    def answers(self) -> bool:
        """Can it be talked to?"""
        try:
            psycopg.connect(self._dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def backends(self) -> list[int]:
        """Process ids of those who serve our connections."""
        asked = "SELECT pid FROM pg_stat_activity WHERE application_name = 'engraft' ORDER BY pid"
        with psycopg.connect(self._dsn, autocommit=True, connect_timeout=5) as connection:
            return [pid for (pid,) in connection.execute(asked)]

    def drop(self, url: str) -> None:
        """Removes a database, whoever is connected to it."""
        self._say(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def hang_up(self, url: str) -> None:
        """Ends every connection to a database."""
        name = url.rpartition("/")[2]
        self._say(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    @property
    def _dsn(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"

    def _made(self, how: str) -> str:
        name = f"t{uuid.uuid4().hex[:12]}"
        self._say(f"CREATE DATABASE {name}{how}")
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def _say(self, statement: str) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute(statement)


def refuse_inserts(store: Store, table: str) -> None:
    """Every insert into this table raises an IntegrityError that says `broken`."""
    with store.transaction() as tx:
        if tx._connection.dialect.name == "postgresql":
            how = f"ALTER TABLE {table} ADD CONSTRAINT broken CHECK (false) NOT VALID"
        else:
            how = f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'broken'); END"
        tx._connection.exec_driver_sql(how)


def program(name: str) -> Path:
    """One of PostgreSQL's own: of the newest version that Debian's package put here, else from the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda found: int(found.parent.name))
    places = [str(found) for found in reversed(versions)]
    found = shutil.which(name, path=os.pathsep.join([*places, os.environ.get("PATH", "")]))
    if found is None:
        unavailable(f"POSTGRESQL NOT TESTED: {name} not installed")
    return Path(found)


def _in_memory() -> str | None:
    """Where files are not on a disk: a new database for each test is five times faster there. None: no such place."""
    place = Path("/dev/shm")
    roomy = place.is_dir() and os.access(place, os.W_OK) and shutil.disk_usage(place).free > IN_MEMORY_BYTES
    return str(place) if roomy else None


@dataclass(frozen=True)
class Cluster:
    """Data of a PostgreSQL server in a folder, and the `command` that serves it on `server.port`."""

    folder: Path
    command: list[str]
    server: Postgres


@contextmanager
def cluster(*, durable: bool) -> Iterator[Cluster]:
    """Made, and served by nobody yet; gone with all its data after the block. `durable`: it syncs like a real one."""
    initdb, server = program("initdb"), program("postgres")
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="engraft-postgres-", dir=None if durable else _in_memory()))
    try:
        if user:
            shutil.chown(folder, "postgres", "postgres")
        data = folder / "data"
        made = [*user, initdb, "--pgdata", data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        subprocess.run([*made, "--locale=C.UTF-8"], check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=120)
        found = Postgres(free_port())
        where = [f"port={found.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}"]
        settings = [word for setting in (*where, *(() if durable else _QUIET), *_CALM) for word in ("-c", setting)]
        yield Cluster(folder, [*user, str(server), "-D", str(data), *settings], found)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """A PostgreSQL of its own, gone with all its data after the block. `durable`: it syncs like a real one."""
    with cluster(durable=durable) as made, running(made.command, made.folder, made.server.answers):
        yield made.server


class Databases:
    """New databases of one engine; all are gone at the end of the test."""

    def __init__(self, engine: str, folder: Path, server: Callable[[], Postgres]) -> None:
        self.engine = engine
        self._folder, self._server = folder, server
        self._made: list[str] = []

    def empty(self) -> str:
        """URL of a database without tables; its SQLite file is not there yet."""
        if self.engine == "sqlite":
            return f"sqlite:///{self._folder}/var/{uuid.uuid4().hex[:8]}.sqlite"
        return self._kept(self._server().empty())

    def prepared(self) -> str:
        """URL of a database with the newest schema."""
        if self.engine == "sqlite":
            url = self.empty()
            store = Store(url)
            store.migrate()
            store.close()
            return url
        return self._kept(self._server().prepared())

    def close(self) -> None:
        """Removes them."""
        for url in self._made:
            self._server().drop(url)

    def _kept(self, url: str) -> str:
        self._made.append(url)
        return url
