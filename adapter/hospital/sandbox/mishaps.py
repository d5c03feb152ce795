"""What can go wrong with a hospital, on demand and without waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Mishap:
    """Befalls the next `left` requests. `applied`: the work is done all the same and the answer gets lost."""

    left: int
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    diagnostics: str = ""
    applied: bool = False


class Mishaps:
    """In the order they were asked for, one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Mishap] = []
        self._open = threading.Event()
        self._open.set()

    def add(self, mishap: Mishap) -> None:
        """Befalls the requests after those that earlier mishaps wait for."""
        with self._lock:
            self._waiting.append(mishap)

    def take(self) -> Mishap | None:
        """What befalls the request that just came in; waits while the server is held."""
        self._open.wait()
        with self._lock:
            if not self._waiting:
                return None
            mishap = self._waiting[0]
            mishap.left -= 1
            if mishap.left <= 0:
                self._waiting.pop(0)
            return mishap

    @contextmanager
    def held(self) -> Iterator[None]:
        """Requests that come in meanwhile are not answered until this ends."""
        self._open.clear()
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        """Lets go of whoever is held."""
        self._open.set()
