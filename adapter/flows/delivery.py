"""Change sets go from the outbox to the hospitals: at least once, in order for each patient.

What waits for one patient is leased together, the patient found at the hospital, and sent (`patient_round.py`,
`sending.py`). Several patients are claimed in one transaction and, sent one after the other, written of in one: as many
as take a moment. A crash anywhere leaves the rows leased; whoever has them next finds what arrived and sends the rest.
What may work later is tried again, what cannot work is parked with the server's own words, alone, unless the patient
itself is in doubt.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapter.errors import HospitalUnavailable, Refused, StoreUnavailable
from adapter.flows import notification
from adapter.flows.patient_round import (
    BREAKS,
    Became,
    End,
    Lane,
    Later,
    LeaseLost,
    PatientRound,
    Policy,
    again,
    known,
    untried,
)
from adapter.hospital import retry, words
from adapter.hospital.answer import HospitalBroke, HospitalSilent, LeftAlone
from adapter.hospital.client import HospitalClient
from adapter.hospital.pace import Pace
from adapter.store import Store, Tx
from adapter.store.delivery import Delivery, Said, references
from adapter.trail import journal
from mappings.r4.build import Resource

__all__ = ["BREAKS", "DrainReport", "Policy", "Post", "drain", "rehearse"]

LEASE_SECONDS = 180.0
"""Longer than one request can take with the client's own limits; a worker that lives makes it longer before each."""

TRY_NOW = "try-now"
"""Trait of a destination: the moment at which a person said that it be tried at once."""

ROWS = 50
"""Rows that are claimed together at most."""

ClientOf = Callable[[str], HospitalClient]
"""Client for a destination; LookupError or Refused where the configuration does not give one."""


@dataclass(frozen=True, slots=True)
class DrainReport:
    """What one drain did, and what is left: rows that wait, and when the next one is due."""

    delivered: int
    retried: int
    parked: int
    waiting: int
    next_due: datetime | None


@dataclass(slots=True)
class Post:
    """What all workers of a process share: the store, the clocks, and how each destination is to be treated.

    `writers`: how many requests may be under way at once at each destination; `workers`: who share the work there.
    `policies`: by destination.
    """

    store: Store
    now: Callable[[], datetime]
    jitter: Callable[[], float]
    writers: int = 1
    workers: int = 1
    policies: Mapping[str, Policy] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    _paces: dict[str, Pace] = field(default_factory=dict)
    _left: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def policy(self, destination: str) -> Policy:
        """For this destination."""
        return self.policies.get(destination, Policy())

    def pace(self, destination: str) -> Pace:
        """Of this destination."""
        entries = self.policy(destination).entries
        with self._lock:
            return self._paces.setdefault(destination, Pace(self.writers, self.now, self.jitter, entries))

    def is_closed(self, destination: str) -> bool:
        """Is it silent, so that nobody asks? A person who said since then that it be tried opens it, for one request.

        Where several processes take it for silent, one of them asks.
        """
        pace = self.pace(destination)
        since = pace.silent_since
        if since is None:
            return False
        with self.store.reading() as tx:
            said = tx.sent.trait(destination, TRY_NOW)
        if said is None or datetime.fromisoformat(said) < since:
            return True
        with self.store.transaction() as tx:
            mine = tx.sent.take(destination, TRY_NOW) is not None
        if mine:
            pace.probe()
        return not mine

    def work(self, destination: str, client_of: ClientOf, worker: str, most: int | None = None) -> Counter[str]:
        """Sends what is due there, until nothing is, `most` rows are done, the hospital is silent, or `stop` is set.

        Raises StoreUnavailable. What the worker held then it takes up at once when it comes again.
        """
        if worker in self._left:
            with self.store.transaction() as tx:
                tx.outbox.release([worker], self.now())
            self._left.discard(worker)
        try:
            return self._worked(destination, client_of, worker, most)
        except StoreUnavailable:
            self._left.add(worker)
            raise

    def _worked(self, destination: str, client_of: ClientOf, worker: str, most: int | None) -> Counter[str]:
        done: Counter[str] = Counter()
        if self.is_closed(destination):
            return done
        while most is None or done.total() < most:
            left = ROWS if most is None else min(ROWS, most - done.total())
            with self.pace(destination).place() as wanted:
                if not wanted or self.stop.is_set():
                    break
                some = self._some(destination, client_of, worker, left)
            if some is None:
                break
            done += some
        return done

    def _some(self, destination: str, client_of: ClientOf, worker: str, most: int) -> Counter[str] | None:
        """Sends of some patients what is due there, at most so many rows; None where nothing is."""
        pace, began = self.pace(destination), time.monotonic()
        with self.store.transaction() as tx:
            lanes = tx.outbox.claim(
                destination,
                worker,
                at=self.now(),
                lease_seconds=LEASE_SECONDS,
                lanes=min(pace.lanes, most),
                rows=most,
                among=min(self.workers, pace.workers),
            )
        if not lanes:
            return None
        batch = _Batch(self, pace, client_of, worker, lanes)
        done = batch.deliver()
        pace.took(len(lanes), time.monotonic() - began - batch.sending, batch.sending, batch.asking)
        return done

    def report(self, done: Counter[str]) -> DrainReport:
        """What was done, and what is left."""
        with self.store.reading() as tx:
            waiting, due = tx.outbox.waiting(), [tx.outbox.next_due(name) for name in tx.outbox.destinations()]
            names = tx.outbox.destinations()
        silent = [self.pace(name).until for name in names]
        next_due = min(
            (max(filter(None, (at, until))) for at, until in zip(due, silent, strict=True) if at), default=None
        )
        return DrainReport(done["delivered"], done["retried"], done["parked"], waiting, next_due)


def drain(
    store: Store,
    client_of: ClientOf,
    *,
    worker: str,
    now: Callable[[], datetime],
    jitter: Callable[[], float],
    limit: int | None = None,
    until_empty: bool = True,
    policies: Mapping[str, Policy] | None = None,
) -> DrainReport:
    """Delivers what is due with one worker: every row (`until_empty`), at most `limit` rows, or just one.

    `worker` names this process among others; `jitter` gives random numbers in [0, 1). Raises StoreUnavailable.
    """
    post = Post(store, now, jitter, policies=policies or {})
    most = limit if until_empty else 1
    done: Counter[str] = Counter()
    with store.reading() as tx:
        destinations = tx.outbox.destinations()
    for name in destinations:
        done += post.work(name, client_of, worker, None if most is None else most - done.total())
    return post.report(done)


def rehearse(store: Store, row: Delivery, policies: Mapping[str, Policy]) -> Resource:
    """The transaction that would be sent for this row alone; of a patient not yet looked up, as one unknown there."""
    post = Post(store, lambda: row.created, lambda: 0.0, policies=policies)
    nobody = HospitalClient(row.destination, "", None)
    alone = _Batch(post, post.pace(row.destination), lambda _: nobody, "", [[row]]).rounds(nobody)[0]
    resources, _ = alone.about_theirs(lambda _: None)
    return alone.sending().request(resources)


@dataclass(slots=True)
class _Batch:
    """Patients claimed together by one worker. `_at`: the one under way."""

    post: Post
    pace: Pace
    client_of: ClientOf
    worker: str
    lanes: Sequence[Lane]
    sending: float = 0.0
    """Seconds that it took to send them."""
    asking: float = 0.0
    """Seconds of it in which a request was under way."""
    _at: int = 0

    def deliver(self) -> Counter[str]:
        """What became of the rows. What was sent is written down even where the next one ends in an error."""
        ends, done = list[End](), Counter[str]()
        try:
            for end in self._ends():
                ends.append(end)
        finally:
            if ends:
                done = self._written(ends)
        return done

    def rounds(self, client: HospitalClient) -> list[PatientRound]:
        """One for each patient."""
        first, post = self.lanes[0][0], self.post
        policy = post.policy(first.destination)
        with post.store.reading() as tx:
            of_all = known(tx, first.destination, self.lanes, policy)
        common = (post.store, self.pace, client, self.worker, policy, of_all, self._asking, self._later)
        return [PatientRound(*common, rows) for rows in self.lanes]

    def _ends(self) -> Iterator[End]:
        destination, lanes = self.lanes[0][0].destination, self.lanes
        try:
            client = self.client_of(destination)
        except (LookupError, Refused) as error:
            silent = HospitalSilent(f"{destination} is not configured: {error}")
            yield again(self._later(silent, lanes[0]), lanes[0], self.worker)
            yield from (untried(rows, self.worker) for rows in lanes[1:])
            return
        for number, one in enumerate(self.rounds(client)):
            self._at = number
            if self.post.stop.is_set() or self.pace.until is not None:
                yield untried(one.rows, self.worker)
            else:
                began = time.monotonic()
                end = one.deliver()
                self.sending += time.monotonic() - began
                yield end

    @contextmanager
    def _asking(self) -> Iterator[Callable[[], None]]:
        with self.pace.turn() as turn:
            if turn is None:
                raise LeftAlone("it is silent: it was not asked")
            self._beat()
            began = time.monotonic()
            try:
                yield turn.crowded
            finally:
                self.asking += time.monotonic() - began

    def _beat(self) -> None:
        """Makes the leases longer once a third of them is over."""
        until = self.post.now() + timedelta(seconds=LEASE_SECONDS)
        if (until - self.lanes[0][0].due).total_seconds() < LEASE_SECONDS / 3:
            return
        with self.post.store.transaction() as tx:
            held = [tx.outbox.extend([row.id for row in rows], self.worker, until) for rows in self.lanes]
        if not held[self._at]:
            raise LeaseLost

    def _later(self, error: HospitalUnavailable, rows: Lane) -> Later:
        struck = isinstance(error, HospitalBroke)
        if struck and self.pace.broke(rows[0].course):
            struck, error = False, HospitalSilent(f"{error} (over several patients in a row)")
        if isinstance(error, HospitalSilent):
            return Later(error, self.pace.silent(error.retry_after), struck)
        wait = retry.delay(max(rows[0].attempts, 1), self.post.jitter(), asked=error.retry_after)
        return Later(error, self.post.now() + timedelta(seconds=wait), struck)

    def _written(self, ends: Sequence[End]) -> Counter[str]:
        destination, at = self.lanes[0][0].destination, self.post.now()
        whole = [end for end in ends if end.whole]
        with self.post.store.transaction() as tx:
            tx.outbox.hold(destination, [end.rows[0].course for end in ends])
            mine = self._all_delivered(tx, whole, at)
            became = [_whole(end, mine) if end.whole else end.write(tx, at) for end in ends]
            done = [Counter(what for _, what, _ in rows) for rows in became]
            tx.sent.put(destination, [one for end in ends for one in end.given], at)
            _link(tx, [end for end, of in zip(ends, done, strict=True) if of["delivered"] and not of["lost"]], at)
            learned = next((end.learned for end in ends if end.learned), None)
            if learned:
                tx.sent.learn(destination, "ids", learned)
        for end, rows in zip(ends, became, strict=True):
            for row, what, said in rows:
                _note(end, row, what, said)
        counted = sum(done, Counter[str]())
        return counted - Counter(lost=counted["lost"], held=counted["held"])

    def _all_delivered(self, tx: Tx, ends: Sequence[End], at: datetime) -> set[int]:
        """Of patients whose every row went through: a few statements for all of them. Which rows were still ours."""
        if not ends:
            return set()
        lanes = {end.rows[0].course: [row.id for row in end.rows] for end in ends}
        mine = tx.outbox.all_delivered(ends[0].rows[0].destination, lanes, self.worker, at)
        parked = tx.outbox.parked_in([ids[0] for ids in lanes.values()])
        for row in (row for end in ends if end.rows[0].course in parked for row in end.rows if row.id in mine):
            tx.outbox.supersede(row.destination, row.course, references(row.content), by=row.id, at=at)
        return mine


def _whole(end: End, mine: set[int]) -> list[Became]:
    return [(row, "delivered" if row.id in mine else "lost", None) for row in end.rows]


def _link(tx: Tx, ends: Sequence[End], at: datetime) -> None:
    """Keeps under which Patient something was delivered. Of one of theirs everything is then looked for."""
    decided = {end.rows[0].course: end for end in ends if end.under}
    if not decided:
        return
    destination = ends[0].rows[0].destination
    known_ = tx.links.of(destination, list(decided))
    new = {course: end for course, end in decided.items() if end.under != known_.get(course)}
    tx.links.put_all(destination, {course: str(end.under) for course, end in new.items()})
    for end in new.values():
        if not end.ours:
            notification.meet(tx, destination, str(end.under), at)


def _note(end: End, row: Delivery, became: str, said: Said | None) -> None:
    """A line for each row, by the number that it came with."""
    more: dict[str, journal.Told] = {"error": end.error} if end.error else {}
    if row.trace:
        more["trace"] = row.trace.split("-")[1]
    if said:
        more |= {"status": said.status, "codes": words.codes(said.outcome, row.content) or None}
    tell = journal.warn if became == "parked" else journal.note
    tell(
        "delivery",
        correlation=row.correlation,
        delivery=row.id,
        destination=row.destination,
        became=became,
        attempts=row.attempts,
        request=end.request,
        **more,
    )
