"""Change sets go from the outbox to the hospitals: at least once, in order for each patient.

What waits for one patient is leased together, the patient found at the hospital, and sent (`sending.py`). A crash
anywhere leaves the rows leased; whoever has them next finds what arrived and sends the rest. What may work later is
tried again, what cannot work is parked with the server's own words, alone, unless the patient itself is in doubt.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapter.errors import HospitalUnavailable, Refused, StoreUnavailable
from adapter.flows import notification
from adapter.flows.sending import Sending, outcome
from adapter.hospital import identity, retry, words
from adapter.hospital.answer import HospitalBroke, HospitalSilent
from adapter.hospital.client import HospitalClient
from adapter.hospital.pace import ENTRIES, Pace
from adapter.hospital.references import local_targets
from adapter.store import Store, Tx
from adapter.store.outbox import Delivery, Said, references
from adapter.store.sent import Given
from adapter.trail import correlation, journal, spans
from mappings.r4.build import Resource
from mappings.r4.faults import Fault

LEASE_SECONDS = 180.0
"""Longer than one request can take with the client's own limits; a worker that lives makes it longer before each."""

BREAKS = 10
"""How often a server may break over the same row before it is the row: about half an hour of tries."""

ROWS = 50
"""Rows of one patient that go together at most."""

ClientOf = Callable[[str], HospitalClient]
"""Client for a destination; LookupError or Refused where the configuration does not give one."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`ids`: auto, client-id or conditional. `conflict`: ours, theirs or park. `entries`: most of one bundle."""

    ids: str = "auto"
    conflict: str = "park"
    entries: int = ENTRIES


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

    `writers`: how many patients may be sent side by side to each destination. `policies`: by destination.
    """

    store: Store
    now: Callable[[], datetime]
    jitter: Callable[[], float]
    writers: int = 1
    policies: Mapping[str, Policy] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    _paces: dict[str, Pace] = field(default_factory=dict)
    _left: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pace(self, destination: str) -> Pace:
        """Of this destination."""
        entries = self.policies.get(destination, Policy()).entries
        with self._lock:
            return self._paces.setdefault(destination, Pace(self.writers, self.now, self.jitter, entries))

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
        pace = self.pace(destination)
        while not self.stop.is_set() and (most is None or done.total() < most):
            with pace.turn() as mine:
                stopped = self.stop.is_set() or not mine
                rows = [] if stopped else self._claim(destination, worker, most and most - done.total())
                if not rows:
                    break
                done += _Round(self, pace, client_of, worker, rows).deliver()
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

    def _claim(self, destination: str, worker: str, most: int | None) -> list[Delivery]:
        now = self.now()
        with self.store.transaction() as tx:
            first = tx.outbox.lease(worker, at=now, lease_seconds=LEASE_SECONDS, destination=destination)
            if first is None:
                return []
            until = now + timedelta(seconds=LEASE_SECONDS)
            return [first, *tx.outbox.follow(first, until=until, most=min(ROWS, most or ROWS) - 1)]


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
    now = row.created
    post = Post(store, lambda: now, lambda: 0.0, policies=policies)
    nobody = HospitalClient(row.destination, "", None)
    alone = _Round(post, post.pace(row.destination), lambda _: nobody, "", [row])
    resources, _ = alone._about_theirs(lambda _: None)
    return alone._sending(nobody, resources).request(resources)


class _LeaseLost(Exception):
    """Another worker has the rows now; its word counts."""


@dataclass(slots=True)
class _Round:
    """Rows of one patient, leased by this worker."""

    post: Post
    pace: Pace
    client_of: ClientOf
    worker: str
    rows: list[Delivery]
    request: str | None = None
    """What the other server was given as `X-Request-Id`."""

    def deliver(self) -> Counter[str]:
        """What became of the rows. What is sent carries the number of the first."""
        first = self.rows[0]
        about: dict[str, spans.Attribute] = {"engraft.destination": first.destination, "engraft.rows": len(self.rows)}
        with (
            correlation.following(first.correlation or correlation.new()),
            spans.span("delivery", about, parent=first.trace) as mark,
        ):
            done = self._delivered()
            mark({f"engraft.{became}": number for became, number in done.items()})
        return done

    def _delivered(self) -> Counter[str]:
        first = self.rows[0]
        try:
            client = self.client_of(first.destination)
        except (LookupError, Refused) as error:
            return self._later(HospitalSilent(f"{first.destination} is not configured: {error}"), ())
        self.request = client.request_id
        try:
            resources, under = self._about_theirs(lambda patient: identity.find(client, patient))
        except HospitalUnavailable as error:
            return self._later(error, ())
        except Refused as error:
            said = Said(str(error), None, outcome([Fault("", str(error), "business-rule")]))
            return self._park_all(said)
        sending = self._sending(client, resources)
        try:
            sending.send(resources)
        except HospitalUnavailable as error:
            return self._later(error, sending.given.values())
        except _LeaseLost:
            return Counter()
        self.pace.answered()
        return self._settle(sending, under)

    def _about_theirs(self, find: Callable[[identity.Wanted], str | None]) -> tuple[list[Resource], str | None]:
        """The resources about the hospital's own Patient, and which it is, where they are about one of ours."""
        first = self.rows[0]
        resources = [one for row in self.rows for one in row.content]
        with self.post.store.reading() as tx:
            linked = tx.links.get(first.destination, first.course)
            patient = _wanted(tx, first.course)
            ours = tx.sent.known(first.destination, [("Patient", patient.own)]) if patient else {}
        if patient is None or not identity.concerns(resources, patient.own):
            return resources, None
        if linked in [f"Patient/{one.there}" for one in ours.values()]:
            return resources, None
        theirs = linked.removeprefix("Patient/") if linked else find(patient) or patient.own
        return identity.refer(resources, patient.own, theirs), f"Patient/{theirs}"

    def _sending(self, client: HospitalClient, resources: Sequence[Resource]) -> Sending:
        first = self.rows[0]
        policy = self.post.policies.get(first.destination, Policy())
        with self.post.store.reading() as tx:
            known = tx.sent.known(first.destination, _concerned(resources))
            ids = policy.ids if policy.ids != "auto" else tx.sent.trait(first.destination, "ids") or "auto"
        return Sending(
            client=client,
            pace=self.pace,
            known=known,
            ids=ids,
            policy=policy.conflict,
            again=any(row.attempts > 1 for row in self.rows),
            final=any(row.strikes >= BREAKS for row in self.rows),
            beat=self._beat,
        )

    def _beat(self) -> None:
        """Makes the lease longer once a third of it is over."""
        now, row = self.post.now(), self.rows[0]
        until = now + timedelta(seconds=LEASE_SECONDS)
        if (until - row.due).total_seconds() < LEASE_SECONDS / 3:
            return
        with self.post.store.transaction() as tx:
            if not tx.outbox.extend([one.id for one in self.rows], self.worker, until):
                raise _LeaseLost

    def _settle(self, sending: Sending, under: str | None) -> Counter[str]:
        first, at = self.rows[0], self.post.now()
        with self.post.store.transaction() as tx:
            became = [self._settled(tx, row, sending, at) for row in self.rows]
            done = Counter(became)
            tx.sent.put(first.destination, sending.given.values(), at)
            if sending.learned:
                tx.sent.learn(first.destination, "ids", sending.ids)
            if under and not done["lost"] and done["delivered"]:
                # decided once: what was delivered under a Patient is never followed by another one
                self._link(tx, sending.given.get(under), under, at)
        for row, what in zip(self.rows, became, strict=True):
            self._note(row, what, _refusal(row, sending))
        return done - Counter(lost=done["lost"], held=done["held"])

    def _link(self, tx: Tx, ours: Given | None, under: str, at: datetime) -> None:
        first, patient = self.rows[0], f"Patient/{ours.there}" if ours else under
        if tx.links.get(first.destination, first.course) != patient:
            tx.links.put(first.destination, first.course, patient)
            if not ours:
                notification.meet(tx, first.destination, patient, at)

    def _settled(self, tx: Tx, row: Delivery, sending: Sending, at: datetime) -> str:
        names = references(row.content)
        refused = [one for one, name in zip(row.content, names, strict=True) if name in sending.refused]
        through = set(names) - sending.refused.keys()
        if not refused:
            kept = ", ".join(sorted(sending.left & set(names)))
            note = f"the hospital keeps its own later version of {kept}" if kept else None
            mine, became = tx.outbox.delivered(row.id, self.worker, at, note), "delivered"
        else:
            said = _refusal(row, sending) or Said("")
            if through:
                tx.outbox.split(row, refused, at)
            elif any(_holds(earlier.content, sending) for earlier in self.rows[: self.rows.index(row)]):
                tx.outbox.retry(row.id, self.worker, said, due=at)
                return "held"
            mine = tx.outbox.park(row.id, self.worker, said, holds=_holds(refused, sending))
            became = "parked"
        if mine and through:
            tx.outbox.supersede(row.destination, row.course, through, by=row.id, at=at)
        return became if mine else "lost"

    def _later(self, error: HospitalUnavailable, given: Iterable[Given]) -> Counter[str]:
        first = self.rows[0]
        struck = isinstance(error, HospitalBroke)
        if struck and self.pace.broke(first.course):
            struck, error = False, HospitalSilent(f"{error} (over several patients in a row)")
        if isinstance(error, HospitalSilent):
            due = self.pace.silent(error.retry_after)
        else:
            wait = retry.delay(max(first.attempts, 1), self.post.jitter(), asked=error.retry_after)
            due = self.post.now() + timedelta(seconds=wait)
        said = Said(str(error))
        if isinstance(error, HospitalBroke):
            said = Said(str(error), error.status, error.outcome)
        with self.post.store.transaction() as tx:
            tx.sent.put(first.destination, given, self.post.now())
            for row in self.rows:
                tx.outbox.retry(row.id, self.worker, said, due=due, struck=struck)
        for row in self.rows:
            self._note(row, "retried", said, error=type(error).__name__)
        return Counter(retried=len(self.rows))

    def _park_all(self, said: Said) -> Counter[str]:
        """The patient is in doubt: nothing of it goes before a person has looked."""
        with self.post.store.transaction() as tx:
            first, *others = self.rows
            tx.outbox.park(first.id, self.worker, said)
            for row in others:
                tx.outbox.retry(row.id, self.worker, said, due=self.post.now())
        self._note(first, "parked", said)
        return Counter(parked=1)

    def _note(self, row: Delivery, became: str, said: Said | None, **more: journal.Told) -> None:
        """A line for each row, by the number that it came with."""
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
            request=self.request,
            **more,
        )


def _refusal(row: Delivery, sending: Sending) -> Said | None:
    """Of the first of its resources that was refused."""
    return next((sending.refused[name] for name in references(row.content) if name in sending.refused), None)


def _concerned(resources: Sequence[Resource]) -> list[tuple[str, str]]:
    """(type, id) of the resources and of what they refer to."""
    own = [(one["resourceType"], one["id"]) for one in resources]
    return own + [target for one in resources for target in local_targets(one)]


def _holds(resources: Sequence[Resource], sending: Sending) -> bool:
    """Is the Patient refused, to whom everything else of the course refers?"""
    return any(one["resourceType"] == "Patient" and f"Patient/{one['id']}" in sending.refused for one in resources)


def _wanted(tx: Tx, course: str) -> identity.Wanted | None:
    """None for a course without a Patient of ours."""
    patient = next((stored for stored in tx.resources.of_course(course) if stored.kind == "Patient"), None)
    if patient is None or patient.centre is None:
        return None
    for key in tx.resources.sources_of("Patient", patient.id):  # an enrolment's key is <centre>/<patient>
        enrolment = tx.enrolments.of(patient.centre, key.removeprefix(f"{patient.centre}/"))
        if enrolment:
            return identity.wanted(patient.id, enrolment.content)
    return identity.Wanted(patient.id)
