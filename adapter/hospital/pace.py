"""How many writers a hospital likes, and whether it answers at all: one for each destination, shared by its workers.

Writers are requests under way at once, and come and go as with TCP. At first two, and after a quiet time one: one more
with each success, up to where it was too many last time; beyond that one more only after a run of successes, which
grows with each time that it was too many. Too many at once: half. Of the workers no more are at it than these writers
can use.
Silence: nobody asks until a capped, jittered time has passed; then one does, and the others follow when it succeeds.
Source: Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance", 1989.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapter.hospital import retry
from adapter.hospital.line import Line

FIRST = 2
"""Writers at first: a hospital that likes only one refuses one then, and not all of them."""

BESIDE = 2
"""Workers beside those who write: one makes ready what goes next, one claims or keeps the books."""

RUN = 16
"""Successes in a row after which one more writer is tried, at first."""

LONGEST_RUN = 4096
BROKEN_OVER = 3
"""Patients in a row over whom a server breaks before we take it for down."""

ENTRIES = 300
"""Resources of one transaction that we try at first."""


SHARE = 20
"""How many times as long as the books of all writers together the requests of one of them are to take, at least."""

BATCH_SECONDS = 4.0
"""That it may take: until then nothing is written of what was sent."""

MOST_LANES = 32
"""Patients claimed together at most."""

GROWTH = 4
"""How many times as many as last time at most: of what they cost only the last ones tell."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request under way. `crowded`: to be told that the server found too many at once."""

    crowded: Callable[[], None]


class Pace:
    """`most`: writers that there may be. `now` gives aware moments, `jitter` random numbers in [0, 1).

    `entries`: resources of one transaction that are tried at first, and never more.
    """

    def __init__(
        self, most: int, now: Callable[[], datetime], jitter: Callable[[], float], entries: int = ENTRIES
    ) -> None:
        self._most, self._now, self._jitter = most, now, jitter
        self._lock = threading.Lock()
        self._limit, self._ceiling, self._run, self._good = min(FIRST, most), most, RUN, 0
        self._turns, self._places = Line(self._limit), Line(self._limit + BESIDE)
        self._silences = 0
        self._until: datetime | None = None
        self._fell_silent: datetime | None = None
        self._broke: set[str] = set()
        self._cuts = 0
        self.entries = entries
        self.lanes = 1
        """Patients to be claimed together next."""

    @property
    def writers(self) -> int:
        """How many may write now."""
        return self._limit

    @property
    def workers(self) -> int:
        """How many are of use now."""
        return self._limit + BESIDE

    @property
    def until(self) -> datetime | None:
        """When the hospital may be asked again; None: at any time."""
        return self._until if self._until and self._now() < self._until else None

    @property
    def silent_since(self) -> datetime | None:
        """When it last fell silent; None where it may be asked."""
        return self._fell_silent if self.until else None

    def probe(self) -> None:
        """It may be asked now, by one. What it does not answer counts as before, so that the next wait is longer."""
        with self._lock:
            self._until = None

    @contextmanager
    def turn(self) -> Iterator[Turn | None]:
        """Waits for its turn, for one request; None where the hospital is silent and nobody should ask."""
        with self._turns.place(self._is_silent) as mine:
            cuts = self._cuts
            yield Turn(lambda: self._crowded_since(cuts)) if mine else None

    def place(self) -> AbstractContextManager[bool]:
        """Waits until one more worker is of use; False where the hospital is silent and none is."""
        return self._places.place(self._is_silent)

    def answered(self) -> None:
        """A change set was taken, or refused for what it says: the hospital lives."""
        with self._lock:
            self._silences, self._until = 0, None
            self._broke.clear()
            self._good += 1
            if self._limit < self._ceiling or (self._good >= self._run and self._limit < self._most):
                self._allow(self._limit + 1)

    def crowded(self) -> None:
        """It said that there are too many at once."""
        with self._lock:
            self._crowded()

    def _crowded(self) -> None:
        self._cuts += 1
        if self._limit > 1:
            self._run = min(LONGEST_RUN, self._run * 2)
        self._ceiling = max(1, self._limit // 2)
        self._allow(self._ceiling)

    def _crowded_since(self, cuts: int) -> None:
        """Those who were under way together are told so together: it counts once."""
        with self._lock:
            if cuts == self._cuts:
                self._crowded()

    def _allow(self, writers: int) -> None:
        self._limit, self._good = writers, 0
        self._turns.hold(writers)
        self._places.hold(writers + BESIDE)

    def _is_silent(self) -> bool:
        return self.until is not None

    def took(self, lanes: int, books: float, sending: float, asking: float) -> None:
        """So many patients were claimed together: the seconds of claiming and writing them, of sending them, and of
        the requests themselves, which is less than sending where others have their turn in between.

        While one asks so do the others, but they write one after the other: the books of all are what counts.
        """
        enough = math.ceil(SHARE * books * self._limit * lanes / max(asking, 1e-6))
        in_time = int(BATCH_SECONDS * lanes / max(sending, 1e-6))
        self.lanes = max(1, min(MOST_LANES, GROWTH * lanes, enough, in_time))

    def broke(self, patient: str) -> bool:
        """It broke over what it was sent. True: over so many patients in a row that it is not what was sent."""
        with self._lock:
            self._broke.add(patient)
            return len(self._broke) >= BROKEN_OVER

    def silent(self, asked: float | None) -> datetime:
        """It did not answer, or asked for a pause (seconds). Until when nobody asks."""
        with self._lock:
            if self.until is None:  # those who were under way together count once
                self._silences += 1
                wait = retry.delay(self._silences, self._jitter(), asked=asked)
                self._fell_silent = self._now()
                self._until = self._fell_silent + timedelta(seconds=wait)
                self._allow(1)
                self.lanes = 1
                self._turns.dismiss()
                self._places.dismiss()
            return self._until or self._now()

    def too_large(self, entries: int) -> None:
        """A transaction of so many resources was too large."""
        self.entries = max(1, min(self.entries, entries // 2))
