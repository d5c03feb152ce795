"""A hospital says that something changed: kept before it is answered, read from the hospital afterwards.

What comes is only believed to say *where* to look, because notifications arrive twice, late, out of order and with old
content; what counts is what the hospital answers when it is asked.

What was read is kept in the inbox too, as rows of its own (`COPIED`, `GONE`): a log in which nothing is overwritten,
and of which `copies` tells the newest state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from adapter.errors import HospitalRefused, HospitalUnavailable, Invalid, Refused
from adapter.hospital import r4_gate, retry
from adapter.hospital.client import HospitalClient
from adapter.hospital.subscriptions import Meaning, Place, read
from adapter.store import Store, Tx
from adapter.store.inbox import Notice
from mappings.r4 import wire
from mappings.r4.build import Resource
from mappings.r4.faults import Fault, FaultyInput

LEASE_SECONDS = 600.0

SEARCHED = (
    "Patient",
    "Observation",
    "Condition",
    "Procedure",
    "MedicationRequest",
    "MedicationAdministration",
    "MedicationStatement",
)
"""Where to look after a ping that does not say what changed."""

OVERLAP = timedelta(hours=1)
"""Searched again before the newest change that we know: a write may become visible after a later one."""

FIRST_LOOK = timedelta(days=1)

METHODS = frozenset({"POST", "PUT", "DELETE"})
COPIED, GONE = "COPIED", "GONE"
"""Instead of a method: what the hospital answered when it was asked."""

_KEPT_HEADERS = ("content-type", "if-match")
"""Never Authorization: a secret does not belong into the database."""


Heard = Callable[[Tx, str, Place, Resource | None], None]
"""Takes (transaction, hospital, place, what is there now; None: it is gone)."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What a hospital had under (type, id) when last read: version and time of change as it says them; None: gone."""

    version: str | None
    changed: datetime | None
    content: Resource | None

    def is_newer_than(self, known: Copy) -> bool:
        """By number where both versions are numbers (gaps are normal), else by the time of change."""
        mine, theirs = self.version or "", known.version or ""
        if mine.isdecimal() and theirs.isdecimal():
            return int(mine) > int(theirs)
        return self.changed is None or known.changed is None or self.changed > known.changed


@dataclass(frozen=True, slots=True)
class PullReport:
    """Notifications worked through, to be tried again, and parked; resources newly copied, and found gone."""

    done: int
    retried: int
    parked: int
    copied: int
    gone: int


def take(
    hospital: str,
    method: str,
    kind: str | None,
    id_: str | None,
    headers: Mapping[str, str],
    body: bytes,
    store: Store,
    now: datetime,
) -> int:
    """Keeps a notification durably; its number. Raises Invalid (400) for what is none, StoreUnavailable.

    An `If-Match` of HAPI is not a condition of ours: it tells the version and is only kept.
    """
    try:
        if method not in METHODS:
            raise FaultyInput([Fault("$", "a notification comes by POST, PUT or DELETE", "not-supported")])
        read(method, kind, id_, body)
    except FaultyInput as error:
        raise Invalid(error.faults, status=400) from error
    kept = {name.lower(): value for name, value in headers.items() if name.lower() in _KEPT_HEADERS}
    with store.transaction() as tx:
        return tx.inbox.add(hospital, method, kind, id_, kept, body, now)


def ask(hospital: str, store: Store, now: datetime) -> bool:
    """Has everything looked for that changed at a hospital lately, as if it had pinged. False: that is waiting already.

    For after an outage of ours: what a hospital could not tell us in time it does not tell again.
    """
    with store.transaction() as tx:
        if tx.inbox.has_ping(hospital):
            return False
        tx.inbox.add(hospital, "POST", None, None, {}, b"", now)
    return True


def pull(
    store: Store,
    client_of: Callable[[str], HospitalClient],
    *,
    worker: str,
    now: Callable[[], datetime],
    jitter: Callable[[], float],
    limit: int | None = None,
    heard: Heard | None = None,
) -> PullReport:
    """Reads from the hospitals what their notifications point to, and keeps copies. Every row that is due, or `limit`.

    `heard` is told of each copy that is news, in the transaction that keeps it. Raises StoreUnavailable.
    """
    this = _Round(store, client_of, worker, now, jitter, heard)
    done: Counter[str] = Counter()
    while limit is None or done["done"] + done["retried"] + done["parked"] < limit:
        with store.transaction() as tx:
            notice = tx.inbox.lease(worker, at=now(), lease_seconds=LEASE_SECONDS)
        if notice is None:
            break
        done += _filed(notice, this) if notice.method in (COPIED, GONE) else _work_on(notice, this)
    return PullReport(done["done"], done["retried"], done["parked"], done["copied"], done["gone"])


def copies(tx: Tx, hospital: str) -> dict[Place, Copy]:
    """Newest state of everything that was ever read from a hospital, by (type, id).

    An older version never replaces a newer one, in whatever order they were read.
    """
    newest: dict[Place, Copy] = {}
    for row in tx.inbox.listing():
        if row.hospital == hospital and row.method in (COPIED, GONE):
            _keep(newest, (str(row.kind), str(row.resource_id)), _copy_of(row))
    return newest


def _copy_of(row: Notice) -> Copy:
    if row.method == GONE:
        return Copy(row.headers.get("version"), None, None)
    return _as_copy(wire.decode(row.body))


def _as_copy(resource: Resource) -> Copy:
    meta = resource.get("meta") or {}
    return Copy(meta.get("versionId"), _instant(meta.get("lastUpdated")), resource)


def _keep(newest: dict[Place, Copy], place: Place, copy: Copy) -> bool:
    """Whether this is news. What is gone was seen after what was there, and comes back under a higher version."""
    known = newest.get(place)
    if copy.content is None:
        news = known is None or known.content is not None
    else:
        news = known is None or copy.is_newer_than(known)
    if news:
        newest[place] = copy
    return news


def _instant(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Round:
    """One worker going through the inbox."""

    store: Store
    client_of: Callable[[str], HospitalClient]
    worker: str
    now: Callable[[], datetime]
    jitter: Callable[[], float]
    heard: Heard | None = None
    searched: dict[str, datetime] = field(default_factory=dict)
    """When this round searched each hospital."""
    known: dict[str, dict[Place, Copy]] = field(default_factory=dict)
    """Copies of each hospital, read once for the round."""

    def copies(self, hospital: str) -> dict[Place, Copy]:
        if hospital not in self.known:
            with self.store.reading() as tx:
                self.known[hospital] = copies(tx, hospital)
        return self.known[hospital]


def _filed(row: Notice, this: _Round) -> Counter[str]:
    """A copy asks for nothing more."""
    with this.store.transaction() as tx:
        tx.inbox.done(row.id, this.worker, this.now())
    return Counter()


def _work_on(notice: Notice, this: _Round) -> Counter[str]:
    begun = this.now()
    try:
        found = _look(notice, _meaning(notice, this), this, begun)
    except HospitalUnavailable as error:
        return _again(notice, this, str(error), error.retry_after)
    except (LookupError, Refused) as error:
        return _again(notice, this, f"{notice.hospital} is not configured: {error}", None)
    except (HospitalRefused, FaultyInput) as error:
        return _parked(notice, this, str(error))
    with this.store.transaction() as tx:
        tx.inbox.done(notice.id, this.worker, this.now())
    return found + Counter(done=1)


def _meaning(notice: Notice, this: _Round) -> Meaning:
    """HAPI pings once for every resource of a transaction: one search answers all that came before it."""
    meaning = read(notice.method, notice.kind, notice.resource_id, notice.body)
    last = this.searched.get(notice.hospital)
    return Meaning(meaning.places) if last and notice.created <= last else meaning


def _again(notice: Notice, this: _Round, error: str, asked: float | None) -> Counter[str]:
    due = this.now() + timedelta(seconds=retry.delay(notice.attempts, this.jitter(), asked=asked))
    with this.store.transaction() as tx:
        tx.inbox.fail(notice.id, this.worker, error=error, due=due)
    return Counter(retried=1)


def _parked(notice: Notice, this: _Round, error: str) -> Counter[str]:
    with this.store.transaction() as tx:
        tx.inbox.fail(notice.id, this.worker, error=error, due=None)
    return Counter(parked=1)


def _look(notice: Notice, meaning: Meaning, this: _Round, now: datetime) -> Counter[str]:
    """Copies what the hospital has at those places."""
    client = this.client_of(notice.hospital)
    found: Counter[str] = Counter()
    for place in meaning.places:
        resource = client.read(*place)
        if resource is None:
            found["gone"] += _gone(notice.hospital, place, this, now)
        else:
            found["copied"] += _copy(notice.hospital, resource, this, now)
    if meaning.search:
        found["copied"] += _search(notice, client, this, now)
        this.searched[notice.hospital] = now
    return found


def _gone(hospital: str, place: Place, this: _Round, now: datetime) -> bool:
    known = this.copies(hospital)
    version = known[place].version if place in known else None
    news = _keep(known, place, Copy(version, None, None))
    if news:
        with this.store.transaction() as tx:
            tx.inbox.add(hospital, GONE, *place, {"version": version} if version else {}, b"", now)
            if this.heard:
                this.heard(tx, hospital, place, None)
    return news


def _copy(hospital: str, resource: Resource, this: _Round, now: datetime) -> bool:
    r4_gate.read(resource)
    place = (resource["resourceType"], resource["id"])
    news = _keep(this.copies(hospital), place, _as_copy(resource))
    if news:
        with this.store.transaction() as tx:
            tx.inbox.add(hospital, COPIED, *place, {}, wire.encode(resource), now)
            if this.heard:
                this.heard(tx, hospital, place, resource)
    return news


def _search(notice: Notice, client: HospitalClient, this: _Round, now: datetime) -> int:
    """What changed since the newest change that we know, of our patients only: the rest is not ours to keep."""
    changes = [copy.changed for copy in this.copies(notice.hospital).values() if copy.changed]
    since = max(changes, default=notice.created - FIRST_LOOK) - OVERLAP
    with this.store.reading() as tx:
        ours = _patients(tx, notice.hospital)
    stamp = since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    found = (resource for kind in SEARCHED for resource in client.search(kind, [("_lastUpdated", f"ge{stamp}")]))
    return sum(_copy(notice.hospital, resource, this, now) for resource in found if _subject(resource) in ours)


def _patients(tx: Tx, hospital: str) -> frozenset[str]:
    courses = {s.course for s in tx.resources.stream(centres=None, kinds=["Patient"]) if s.course}
    return frozenset(filter(None, (tx.links.get(hospital, course) for course in courses)))


def _subject(resource: Resource) -> str:
    if resource["resourceType"] == "Patient":
        return f"Patient/{resource.get('id')}"
    subject = resource.get("subject")
    return str(subject.get("reference")) if isinstance(subject, dict) else ""
