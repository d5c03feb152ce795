"""A line of threads before places that become more and fewer: who has waited longest is next, and is told at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Line:
    """`most`: how many may be in at once."""

    def __init__(self, most: int) -> None:
        self._most, self._in = most, 0
        self._waiting: deque[threading.Lock] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, unless: Callable[[], bool] = lambda: False) -> Iterator[bool]:
        """Waits for a place and keeps it while the block lasts. False: `unless` holds, and nobody needs one."""
        if not self._entered(unless):
            yield False
            return
        try:
            yield not unless()
        finally:
            with self._lock:
                self._in -= 1
                self._admit()

    def hold(self, most: int) -> None:
        """So many may be in from now on. Nobody is put out."""
        with self._lock:
            self._most = most
            self._admit()

    def dismiss(self) -> None:
        """Whoever waits need not: `unless` has come to hold."""
        with self._lock:
            while self._waiting:
                self._next()

    def _entered(self, unless: Callable[[], bool]) -> bool:
        with self._lock:
            if unless():
                return False
            if self._in < self._most:  # then nobody waits
                self._in += 1
                return True
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()
        return True

    def _admit(self) -> None:
        while self._waiting and self._in < self._most:
            self._next()

    def _next(self) -> None:
        """The place is taken for the one who is called: nobody who comes meanwhile can have it."""
        self._in += 1
        self._waiting.popleft().release()
