"""The workers of `engraft deliver`: for each hospital some of its own, so that one that is down slows no other.

Several processes may work at once, here or elsewhere: what one has leased no other takes. What a killed process of this
machine held is given back at once; what one of another machine held, when the lease is over.
"""

from __future__ import annotations

import os
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from adapter.config import Settings
from adapter.errors import StoreUnavailable
from adapter.flows import batch_job, bulk, hearing, notification, retention
from adapter.flows.delivery import DrainReport, Policy, Post
from adapter.hospital import retry
from adapter.hospital.connections import Connections, Tokens
from adapter.hospital.pace import BESIDE, ENTRIES
from adapter.store import Store
from adapter.store.lease import INBOX, JOBS
from adapter.trail import journal

T = TypeVar("T")

POLL_SECONDS = 2.0
"""How long a new row waits at most while nothing else is to be done, where the database cannot call."""


READER = "<"
"""Before a hospital's name: the place of who reads what it notified of."""

FORGET_EVERY = timedelta(hours=1)
"""Between two looks for records past their period, which are counted in days, and for exports that are over."""

RETENTION = "retention"
"""Who the audit names where a setting erases and no person."""


def now() -> datetime:
    """The clock on the wall."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Tending:
    """A thread that works for one place, and what wakes it."""

    thread: threading.Thread
    called: threading.Event


class Crew:
    """`writers`: how many patients are sent side by side to each hospital, at most. `tell` gets a line for a person."""

    def __init__(self, store: Store, settings: Settings, writers: int, tell: Callable[[str], None]) -> None:
        self.stop = threading.Event()
        self._store, self._settings, self._tell = store, settings, tell
        self._post = Post(store, now, random.random, writers, writers + BESIDE, policies_of(settings), self.stop)
        self._tokens = Tokens(settings)
        self._connections: dict[str, Connections] = {}
        self._polls: dict[str, datetime] = {}
        self._left = set[str]()
        """Hospitals whose last round of reading notifications ended before its end."""
        self._forget = datetime.min.replace(tzinfo=UTC)
        self._tending: dict[str, _Tending] = {}
        self._hiring = threading.Lock()
        self.stumbles: Counter[tuple[object, ...]] = Counter()
        """How often in a row each work, about each place, ended in an error that nobody foresaw."""

    def once(self) -> DrainReport:
        """Sends what is due, to all hospitals at the same time. Raises StoreUnavailable."""
        self.bury()
        destinations = self._destinations()
        done: Counter[str] = Counter()
        with ThreadPoolExecutor(len(destinations) or 1) as pool:
            for counted in pool.map(self.share, destinations):
                done += counted
        return self._post.report(done)

    def pull(self) -> notification.PullReport:
        """Reads what the hospitals' notifications point to, of all hospitals at the same time.

        Raises StoreUnavailable. What it held then it takes up at once when it comes again.
        """
        hospitals = self._telling()
        with ThreadPoolExecutor(len(hospitals) or 1) as pool:
            return notification.summed(pool.map(self.read, hospitals))

    def read(self, hospital: str) -> notification.PullReport:
        """Reads what one hospital's notifications point to. Raises StoreUnavailable."""
        name = worker_name(f"pull-{hospital}")
        if hospital in self._left:
            with self._store.transaction() as tx:
                tx.inbox.release([name], now())
        self._left.add(hospital)
        done = notification.pull(
            self._store,
            self._lines(f"pull-{hospital}"),
            worker=name,
            now=now,
            jitter=random.random,
            heard=lambda tx, *what: hearing.hear(tx, *what, settings=self._settings, now=now()),
            hospital=hospital,
        )
        self._left.discard(hospital)
        return done

    def watch(self) -> None:
        """Works until `stop` is set, and then ends what is under way. A database that is away is waited for."""
        listening = threading.Thread(target=self._listen, name="listen")
        listening.start()
        self._wake(INBOX)
        self._wake(JOBS)
        while not self.stop.is_set():
            for name in self._patiently(self._look) or ():
                self._wake(name)
            self.stop.wait(POLL_SECONDS)
        listening.join()
        for tending in list(self._tending.values()):
            tending.called.set()
            tending.thread.join()

    def close(self) -> None:
        """Gives back every connection."""
        for connections in self._connections.values():
            connections.close()
        self._tokens.close()

    def _listen(self) -> None:
        """Hears of work as it arrives. Ends at once where the database cannot call."""
        while not self.stop.is_set():
            if self._patiently(self._hear):
                return
            self.stop.wait(POLL_SECONDS)

    def _hear(self) -> bool:
        for place in self._store.calls(self.stop):
            self._wake(place)
        return True

    def _wake(self, place: str) -> None:
        """Calls whoever tends a destination, INBOX or JOBS; a new one gets its thread."""
        with self._hiring:
            if place not in self._tending:
                self._tending[place] = self._start(place)
            self._tending[place].called.set()

    def _start(self, place: str) -> _Tending:
        called = threading.Event()

        def tend() -> None:
            while not self.stop.is_set():
                called.clear()
                if place == INBOX:
                    self._patiently(self._pull_round)
                elif place == JOBS:
                    self._patiently(self.take_in)
                elif place.startswith(READER):
                    self._patiently(self._read_round, place.removeprefix(READER))
                else:
                    self._patiently(self._deliver_round, place)
                called.wait(POLL_SECONDS)

        tending = _Tending(threading.Thread(target=tend, name=f"tend-{place}"), called)
        tending.thread.start()
        return tending

    def _patiently(self, work: Callable[..., T], *about: object) -> T | None:
        """None where it did not work. A mistake of ours ends no thread: it is told, counted, and tried again later."""
        named = (work.__name__, *about)
        try:
            done = work(*about)
        except StoreUnavailable as error:
            self._tell(str(error))
            journal.warn("store-unavailable", says=journal.says(error))
            return None
        except Exception as error:  # it is logged and counted: what one breaks must not end the work for all others
            self.stumbles[named] += 1
            wait = retry.delay(self.stumbles[named], self._post.jitter())
            journal.unforeseen(error, work=work.__name__.strip("_"), times=self.stumbles[named], again=round(wait))
            self.stop.wait(wait)
            return None
        self.stumbles.pop(named, None)
        return done

    def _look(self) -> list[str]:
        """Destinations that nobody tends yet."""
        self.bury()
        self._forget_round()
        return sorted(set(self._destinations()) - set(self._tending))

    def _deliver_round(self, destination: str) -> None:
        with self._store.reading() as tx:
            due = tx.outbox.next_due(destination)
        if due is None or due > now() or self._post.is_closed(destination):
            return
        done = self.share(destination)
        if done.total():
            self._tell(f"{destination}: {told(done)}")

    def _poll_round(self) -> None:
        """Asks each hospital now and then what changed, first at the start: a notification may have been lost."""
        for hospital in self._settings.hospitals.values():
            if hospital.poll_minutes and self._polls.get(hospital.name, now()) <= now():
                notification.ask(hospital.name, self._store, now())
                self._polls[hospital.name] = now() + timedelta(minutes=hospital.poll_minutes)

    def _forget_round(self) -> None:
        """Now and then erases what is past a period that a centre set to be automatic, and the files of exports that
        are over; first at the start.
        """
        if now() < self._forget:
            return
        self._forget = now() + FORGET_EVERY
        bulk.sweep(store=self._store, now=now(), settings=self._settings)
        for centre in retention.automatic(self._settings):
            done = retention.clear(self._store, self._settings, now(), who=RETENTION, centre=centre)
            if done.erased or done.held:
                self._tell(f"{centre}: {len(done.erased)} patients past their period erased, {len(done.held)} held")

    def _pull_round(self) -> None:
        self._poll_round()
        self.fetch()

    def fetch(self) -> None:
        """Calls the reader of each hospital of whose notifications one is due. Raises StoreUnavailable."""
        for hospital in self._telling():
            self._wake(f"{READER}{hospital}")

    def _telling(self) -> list[str]:
        """Hospitals that have a notification due, or one that we still hold."""
        with self._store.reading() as tx:
            return sorted(self._left.union(tx.inbox.hospitals_due(now())))

    def _read_round(self, hospital: str) -> None:
        if hospital not in self._telling():
            return
        done = self.read(hospital)
        if done.copied or done.retried or done.parked:
            self._tell(f"{hospital}: {done.copied} copied, {done.retried} to be tried again, {done.parked} parked")

    def take_in(self) -> None:
        """Takes in the batches that nobody works on, and removes those that have expired. Raises StoreUnavailable."""
        batch_job.sweep(store=self._store, now=now())
        with self._store.reading() as tx:
            waiting = tx.batches.free(now())
        for id_ in waiting:
            if not self.stop.is_set():
                self.work_on(id_)

    def work_on(self, batch: str, turn: float | None = None) -> bool:
        """Takes in what is left of a batch that nobody works on. True: its turn is over, and more is left."""
        told: dict[str, Any] = {"store": self._store, "clock": now, "settings": self._settings}
        stop = self.stop.is_set
        return batch_job.work(batch, worker=worker_name(f"batch-{uuid4()}"), stop=stop, turn=turn, **told)

    def share(self, destination: str, most: int | None = None) -> Counter[str]:
        """A hospital's workers, until nothing is due there; one of them, for `most` rows. Raises StoreUnavailable."""

        def work(number: int) -> Counter[str]:
            name = f"{destination}-{number}"
            return self._post.work(destination, self._lines(name), worker_name(name), most)

        workers = self._post.workers if most is None else 1
        with ThreadPoolExecutor(workers) as pool:
            return sum(pool.map(work, range(workers)), Counter())

    def _lines(self, name: str) -> Connections:
        """A worker's own connections: they are not shared between threads, but the tokens are."""
        return self._connections.setdefault(name, Connections(self._settings, self._tokens))

    def _destinations(self) -> list[str]:
        with self._store.reading() as tx:
            return tx.outbox.destinations()

    def bury(self) -> None:
        """Takes the leases of processes of this machine that live no more."""
        with self._store.reading() as tx:
            holding = (*tx.outbox.workers(), *tx.inbox.workers(), *tx.batches.workers())
            dead = [name for name in holding if is_dead(name)]
        if dead:
            with self._store.transaction() as tx:
                tx.outbox.release(dead, now())
                tx.inbox.release(dead, now())
                tx.batches.release(dead)


def policies_of(settings: Settings) -> dict[str, Policy]:
    """How each hospital and registry is to be treated, by name."""
    # here, because only who has registries needs it
    from mappings.registry.cibmtr import MOST_ENTRIES

    found = {one.name: Policy(one.identity, one.conflict) for one in settings.hospitals.values()}
    for one in settings.registries.values():
        most = MOST_ENTRIES if one.dialect == "cibmtr" else ENTRIES
        found[one.name] = Policy(one.identity, entries=most)
    return found


def told(done: Counter[str]) -> str:
    """What was done, for a person."""
    return f"{done['delivered']} delivered, {done['retried']} to be tried again, {done['parked']} parked"


def worker_name(part: str) -> str:
    """Names this machine, process and part of it."""
    return f"{_machine()}/{os.getpid()}/{part}"


def is_dead(worker: str) -> bool:
    """Whether it was a part of a process of this machine that has ended. Of other machines nothing is known."""
    machine, _, rest = worker.partition("/")
    pid = rest.partition("/")[0]
    if machine != _machine() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False  # somebody else's, so it lives
    return False


def _machine() -> str:
    """Host name, and the space in which its process numbers count: two containers may have the same name."""
    space = Path("/proc/self/ns/pid")
    return f"{socket.gethostname()}-{space.stat().st_ino}" if space.exists() else socket.gethostname()
