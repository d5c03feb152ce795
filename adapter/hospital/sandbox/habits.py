"""How real servers differ, to be chosen: what the sandbox takes, and how many and how fast."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from adapter.hospital.sandbox.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Habits:
    """`client_ids`: a PUT may make a resource. `entries`: of one transaction at most. `seconds`: that each takes.

    `writers`: transactions side by side, beyond which a 503 with code `transient` is the answer, as Helios gives it.
    `clerks`: that work on them; what comes meanwhile stands in line.
    """

    client_ids: bool = True
    entries: int | None = None
    writers: int | None = None
    seconds: float = 0.0
    clerks: int = 64


class Desk:
    """Where transactions are taken in."""

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._lock = threading.Lock()
        self._never = threading.Event()
        self._clerks = threading.Semaphore(habits.clerks)
        self._running = 0
        self.most = 0
        """Transactions that were under way at once."""
        self.refused = 0
        """Those that were one too many."""

    @contextmanager
    def taken(self, entries: int) -> Iterator[None]:
        """While one is under way. Raises Refusal where it is too large, or one too many."""
        if self._habits.entries is not None and entries > self._habits.entries:
            raise Refusal(413, f"at most {self._habits.entries} entries")
        with self._lock:
            if self._habits.writers is not None and self._running >= self._habits.writers:
                self.refused += 1
                raise Refusal(503, "too many transactions at once")
            self._running += 1
            self.most = max(self.most, self._running)
        try:
            with self._clerks:
                if self._habits.seconds:
                    self._never.wait(self._habits.seconds)
                yield
        finally:
            with self._lock:
                self._running -= 1
