"""Processes that are killed (SIGKILL) at random moments and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psycopg

from tests.lib.databases import Postgres

LONGEST = 2.0
"""Seconds that a doomed process lives at most once it is ready."""

ORPHANS = 10.0
"""Seconds that a dead postmaster's children have."""

DATABASE_KILLS = ("a backend", "the postmaster", "the whole group")


@dataclass
class Victim:
    """Started, killed at a random moment of its work, and started again, until it is let live."""

    name: str
    command: list[str]
    log: Path
    environ: Mapping[str, str]
    ready: Callable[[int], bool]
    """Is the process with this id at its work?"""
    chance: Random
    found: Callable[[int], None] = lambda _: None
    """Called after each kill with the process id."""
    kills: int = 0
    fell: int = 0
    """How often it ended by itself."""
    how: Counter[str] = field(default_factory=Counter)
    longest: float = LONGEST
    begin: threading.Event = field(default_factory=threading.Event)
    """Until then it lives."""
    _end: threading.Event = field(default_factory=threading.Event)

    def live(self, doomed: Callable[[], bool]) -> None:
        """Lives and dies while it is doomed, and then lives until `end`."""
        while not self._end.is_set():
            with self.log.open("ab") as log:
                process = subprocess.Popen(
                    self.command, env=dict(self.environ), stdout=log, stderr=log, start_new_session=True
                )
            try:
                self._lives(process, doomed)
            finally:
                self._clear(process)

    def end(self) -> None:
        """Told to stop, as an operator does it."""
        self._end.set()

    def _lives(self, process: subprocess.Popen[bytes], doomed: Callable[[], bool]) -> None:
        """Until the process is dead, or shall be."""
        while self._awaken(process):
            while not self.begin.is_set() and process.poll() is None and not self._end.wait(0.1):
                pass
            self._end.wait(self.chance.uniform(0, self.longest))
            if not doomed() or self._end.is_set():
                break
            if process.poll() is None and not self._strike(process):
                return
        while process.poll() is None and not self._end.wait(0.2):
            pass
        self.fell += process.poll() is not None
        if self._end.is_set():
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)

    def _awaken(self, process: subprocess.Popen[bytes]) -> bool:
        """Waits until it is ready. False: it ended by itself, or all is over."""
        while not self.ready(process.pid):
            if process.poll() is not None or self._end.wait(0.05):
                return False
        return process.poll() is None

    def _clear(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _strike(self, process: subprocess.Popen[bytes]) -> bool:
        """Kills it with all that it started. Does it live on?"""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.kills += 1
        self.found(process.pid)
        return False


def at_work(pid: int) -> bool:
    """Has it opened the database? Whoever is killed before that is killed too early to harm anything."""
    with suppress(OSError):
        opened = [os.readlink(found) for found in Path(f"/proc/{pid}/fd").iterdir()]
        return any(name.startswith("socket:") or name.endswith(".sqlite") for name in opened)
    return False


@dataclass
class Database(Victim):
    """A PostgreSQL server: killed is one backend of ours, or the postmaster alone, or everything at once."""

    server: Postgres = field(kw_only=True)

    def _strike(self, process: subprocess.Popen[bytes]) -> bool:
        how = self.chance.choice(DATABASE_KILLS)
        if how == "a backend":
            with suppress(psycopg.OperationalError, ProcessLookupError):
                backends = self.server.backends()
                if not backends:
                    return True
                os.kill(self.chance.choice(backends), signal.SIGKILL)
                self.kills += 1
                self.how[how] += 1
            return True
        if how == "the postmaster":
            os.kill(process.pid, signal.SIGKILL)
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.kills += 1
        self.how[how] += 1
        return False

    def _clear(self, process: subprocess.Popen[bytes]) -> None:
        """The children of a dead postmaster see it and end by themselves, what they do meanwhile is done."""
        process.poll()
        patience = time.monotonic() + ORPHANS
        with suppress(ProcessLookupError):
            while process.returncode is not None and time.monotonic() < patience:
                os.killpg(process.pid, 0)
                self._end.wait(0.02)
        super()._clear(process)
