"""What a proof is played on: a hospital, a database, and processes of ours that may be killed at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from adapter.store import Store
from tests.lib import servers

CENTRE, HOSPITAL = "FR-037", "chu-a"
ENGRAFT = Path(sys.executable).with_name("engraft")
GUNICORN = Path(sys.executable).with_name("gunicorn")


@dataclass
class Stage:
    """`store` is the database of the processes; `token` a centre's."""

    folder: Path
    hospital: servers.Server
    store: Store
    token: str
    port: int
    environ: dict[str, str]

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def web_command(self) -> list[str]:
        bind = f"127.0.0.1:{self.port}"
        return [str(GUNICORN), "--workers", "2", "--bind", bind, "--log-level", "error", "adapter.wsgi:app"]

    def deliver_command(self, writers: int) -> list[str]:
        return [str(ENGRAFT), "deliver", "--watch", "--workers", str(writers)]

    def left(self) -> int:
        """Deliveries that are not over."""
        with self.store.reading() as tx:
            counts = tx.outbox.counts()
        return counts.get("waiting", 0) + counts.get("leased", 0)


@contextmanager
def stage(folder: Path, kind: str) -> Iterator[Stage]:
    """With a hospital of this kind: sandbox, hapi or helios."""
    (folder / "hospital").mkdir(parents=True)
    with servers.START[kind](folder / "hospital") as hospital:
        config = folder / "engraft.toml"
        centre = f'[centres."{CENTRE}"]\nhospital = "{HOSPITAL}"\n'
        config.write_text(f'{centre}[hospitals.{HOSPITAL}]\nbase_url = "{hospital.base_url}"\n', "utf-8")
        url = f"sqlite:///{folder}/engraft.sqlite"
        store = Store(url, busy_seconds=60)
        store.migrate()
        with store.transaction() as tx:
            token = tx.clients.add("chaos", "centre", CENTRE, datetime.now(UTC))
        environ = dict(os.environ) | {"ENGRAFT_CONFIG": str(config), "ENGRAFT_DATABASE_URL": url}
        try:
            yield Stage(folder, hospital, store, token, servers.free_port(), environ)
        finally:
            store.close()


@dataclass
class Victim:
    """A process that is started, killed at a random moment of its work, and started again, until it is let live."""

    name: str
    command: list[str]
    stage: Stage
    ready: Callable[[], bool]
    chance: Random
    kills: int = 0
    _end: threading.Event = field(default_factory=threading.Event)

    def live(self, quota: int) -> None:
        """Lives and dies until it was killed so often, and then lives until `end`."""
        while not self._end.is_set():
            with (self.stage.folder / f"{self.name}.log").open("ab") as log:
                process = subprocess.Popen(
                    self.command, env=self.stage.environ, stdout=log, stderr=log, start_new_session=True
                )
            try:
                self._one_life(process, quota)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _one_life(self, process: subprocess.Popen[bytes], quota: int) -> None:
        while not self.ready() and process.poll() is None and not self._end.wait(0.05):
            pass
        self._end.wait(self.chance.uniform(0, 1.5))
        if self.kills < quota and not self._end.is_set():
            self.kills += 1
            return
        while process.poll() is None and not self._end.wait(0.2):
            pass
        if self._end.is_set():
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)

    def end(self) -> None:
        """Told to stop, as an operator does it."""
        self._end.set()


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Waits; raises TimeoutError."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"it took longer than {seconds:.0f} s until {what}")
        pause.wait(0.2)
