"""What a proof is played on: a hospital, a database, and the commands of the processes of ours."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from adapter.errors import StoreUnavailable
from adapter.store import Store
from tests.lib import servers
from tests.lib.databases import Cluster, cluster

CENTRE, HOSPITAL = "FR-037", "chu-a"
ENGRAFT = Path(sys.executable).with_name("engraft")
GUNICORN = Path(sys.executable).with_name("gunicorn")


@dataclass
class Stage:
    """`store` is the database of the processes, `postgresql` its server where it has one; `token` a centre's."""

    folder: Path
    hospital: servers.Server
    store: Store
    token: str
    port: int
    environ: dict[str, str]
    postgresql: Cluster | None

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def web_command(self, processes: int = 2) -> list[str]:
        bind = f"127.0.0.1:{self.port}"
        return [str(GUNICORN), "--workers", str(processes), "--bind", bind, "--log-level", "error", "adapter.wsgi:app"]

    def deliver_command(self, writers: int) -> list[str]:
        return [str(ENGRAFT), "deliver", "--watch", "--workers", str(writers)]

    def direct(self, base_url: str) -> None:
        """Our processes find the hospital at this address."""
        centre = f'[centres."{CENTRE}"]\nhospital = "{HOSPITAL}"\n'
        config = self.folder / "engraft.toml"
        config.write_text(f'{centre}[hospitals.{HOSPITAL}]\nbase_url = "{base_url}"\n', "utf-8")

    def left(self) -> int:
        """Deliveries that are not over."""
        with self.store.reading() as tx:
            counts = tx.outbox.counts()
        return counts.get("waiting", 0) + counts.get("leased", 0)

    def drain(self, seconds: float) -> None:
        """Waits until every delivery is over; a database that was killed a moment ago is asked again."""

        def over() -> bool:
            with suppress(StoreUnavailable):
                left = self.left()
                tell(f"{left} to deliver")
                return left == 0
            return False

        until(over, seconds, "everything was delivered")

    def parked(self) -> int:
        """Deliveries that wait for a person."""
        with self.store.reading() as tx:
            return tx.outbox.counts().get("parked", 0)


@contextmanager
def stage(folder: Path, kind: str, database: str, *, served: bool = True) -> Iterator[Stage]:
    """With a hospital of this kind (sandbox, hapi, helios) and a database on sqlite or postgresql.

    PostgreSQL syncs as in earnest. `served` False: whoever asked starts its server again, which stops meanwhile.
    """
    (folder / "hospital").mkdir(parents=True)
    with ExitStack() as stack:
        hospital = stack.enter_context(servers.START[kind](folder / "hospital"))
        made = stack.enter_context(cluster(durable=True)) if database == "postgresql" else None
        url, token = f"sqlite:///{folder}/engraft.sqlite", ""
        with ExitStack() as first:
            if made:
                (first if not served else stack).enter_context(
                    servers.running(made.command, made.folder, made.server.answers)
                )
                url = made.server.empty()
            with closing(Store(url)) as store:
                store.migrate()
                with store.transaction() as tx:
                    token = tx.clients.add("chaos", "centre", CENTRE, datetime.now(UTC))
        store = stack.enter_context(closing(Store(url, busy_seconds=60)))
        settings = {"ENGRAFT_CONFIG": str(folder / "engraft.toml"), "ENGRAFT_DATABASE_URL": url}
        environ = dict(os.environ) | settings
        on = Stage(folder, hospital, store, token, servers.free_port(), environ, made)
        on.direct(hospital.base_url)
        yield on


@contextmanager
def serving(stage: Stage, processes: int) -> Iterator[None]:
    """Our server, of so many processes, while the block lasts."""

    def ready() -> bool:
        return servers.answers(f"{stage.web}/healthz")

    folder = stage.folder / "web"
    folder.mkdir()
    with servers.running(stage.web_command(processes), folder, ready, stage.environ):
        yield


@contextmanager
def workers(stage: Stage, processes: int, writers: int) -> Iterator[None]:
    """`engraft deliver` while the block lasts; told to stop at its end as an operator does it."""
    with ExitStack() as stack:
        running = []
        for _ in range(processes):
            log = stack.enter_context((stage.folder / "workers.log").open("ab"))
            command = stage.deliver_command(writers)
            running.append(subprocess.Popen(command, env=stage.environ, stdout=log, stderr=log))
            stack.callback(_end, running[-1])
        yield
        for process in running:
            process.terminate()
        for process in running:
            process.wait(60)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()


def tell(words: str) -> None:
    """How far it is, for whoever waits."""
    sys.stderr.write(f"\r{words:<100}")


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Waits; raises TimeoutError."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"it took longer than {seconds:.0f} s until {what}")
        pause.wait(0.2)
