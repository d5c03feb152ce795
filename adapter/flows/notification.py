"""A hospital says that something changed: kept before it is answered, read from the hospital afterwards.

What comes is only believed to say *where* to look, because notifications arrive twice, late, out of order and with old
content; what counts is what the hospital answers when it is asked.

What was read is kept as the newest state of each resource (`store.copies`); the inbox holds notifications only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from adapter.errors import HospitalRefused, HospitalUnavailable, Invalid, Refused
from adapter.flows.numbered import Followed, follow
from adapter.hospital import r4_gate, retry
from adapter.hospital.client import HospitalClient
from adapter.hospital.subscriptions import Meaning, Place, numbered, read
from adapter.store import Store, Tx
from adapter.store.copies import Copy
from adapter.store.inbox import Notice
from adapter.trail import correlation, journal, spans
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

SEARCHED_TO = "searched-to"
"""Trait of a hospital: our clock at the beginning of the last search that went through."""

METHODS = frozenset({"POST", "PUT", "DELETE"})
_KEPT_HEADERS = ("content-type", "if-match")
"""Never Authorization: a secret does not belong into the database."""


Heard = Callable[[Tx, str, Place, Resource | None], None]
"""Takes (transaction, hospital, place, what is there now; None: it is gone)."""


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
        number = tx.inbox.add(hospital, method, kind, id_, kept, body, now)
    journal.note("notification", hospital=hospital, notification=number, method=method)
    return number


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
        about: dict[str, spans.Attribute] = {"engraft.hospital": notice.hospital}
        with correlation.following(notice.correlation or correlation.new()), spans.span("notification", about):
            done += _work_on(notice, this)
    return PullReport(done["done"], done["retried"], done["parked"], done["copied"], done["gone"])


def _as_copy(resource: Resource, client: HospitalClient) -> Copy:
    meta = resource.get("meta") or {}
    return Copy(meta.get("versionId"), _instant(meta.get("lastUpdated")), resource, _subject(resource, client) or None)


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


def _work_on(notice: Notice, this: _Round) -> Counter[str]:
    begun = this.now()
    try:
        client = this.client_of(notice.hospital)
        told = numbered(notice.body)
        heard = follow(told, notice, client, this.store) if told else None
        found = _look(notice, _meaning(notice, heard, this), client, this, begun)
    except HospitalUnavailable as error:
        _note(notice, "retried", error=type(error).__name__)
        return _again(notice, this, str(error), error.retry_after)
    except (LookupError, Refused) as error:
        _note(notice, "retried", error=type(error).__name__)
        return _again(notice, this, f"{notice.hospital} is not configured: {error}", None)
    except (HospitalRefused, FaultyInput) as error:
        status = error.status if isinstance(error, HospitalRefused) else None
        _note(notice, "parked", error=type(error).__name__, status=status)
        return _parked(notice, this, str(error))
    with this.store.transaction() as tx:
        if heard:
            tx.heard.put(heard.standing)
        tx.inbox.done(notice.id, this.worker, this.now())
    _note(notice, "done", copied=found["copied"], gone=found["gone"])
    return found + Counter(done=1)


def _note(notice: Notice, became: str, **more: journal.Told) -> None:
    tell = journal.warn if became == "parked" else journal.note
    about: dict[str, journal.Told] = {"hospital": notice.hospital, "notification": notice.id}
    tell("reread", **about, became=became, attempts=notice.attempts, **more)


def _meaning(notice: Notice, heard: Followed | None, this: _Round) -> Meaning:
    """HAPI pings once for every resource of a transaction: one search answers all that came before it."""
    meaning = read(notice.method, notice.kind, notice.resource_id, notice.body)
    if heard:
        meaning = Meaning(tuple(dict.fromkeys((*meaning.places, *heard.places))), meaning.search or heard.search)
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


def _look(notice: Notice, meaning: Meaning, client: HospitalClient, this: _Round, now: datetime) -> Counter[str]:
    """Copies what the hospital has at those places."""
    found: Counter[str] = Counter()
    for place in meaning.places:
        resource = client.read(*place)
        if resource is None:
            found["gone"] += _keep(notice.hospital, place, Copy(None, None, None), this, now)
        else:
            found["copied"] += _copy(notice.hospital, resource, client, this, now)
    if meaning.search:
        found["copied"] += _search(notice, client, this, now)
        this.searched[notice.hospital] = now
    return found


def _copy(hospital: str, resource: Resource, client: HospitalClient, this: _Round, now: datetime) -> bool:
    r4_gate.read(resource)
    place = (resource["resourceType"], resource["id"])
    return _keep(hospital, place, _as_copy(resource, client), this, now)


def _keep(hospital: str, place: Place, copy: Copy, this: _Round, now: datetime) -> bool:
    """Whether this is news; who wants to hear of news does so in the same transaction."""
    with this.store.transaction() as tx:
        news = tx.copies.keep(hospital, place, copy, now)
        if news and this.heard:
            this.heard(tx, hospital, place, copy.content)
    return news


def _search(notice: Notice, client: HospitalClient, this: _Round, now: datetime) -> int:
    """What changed since we last searched, of our patients only: the rest is not ours to keep.

    A notification that came after an outage does not move the mark: what the outage swallowed lies before it.
    """
    with this.store.reading() as tx:
        ours = _patients(tx, notice.hospital)
        mark = _instant(tx.sent.trait(notice.hospital, SEARCHED_TO)) or tx.copies.newest(notice.hospital)
    since = (mark or notice.created - FIRST_LOOK) - OVERLAP
    stamp = since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    found = (resource for kind in SEARCHED for resource in client.search(kind, [("_lastUpdated", f"ge{stamp}")]))
    mine = (resource for resource in found if _subject(resource, client) in ours)
    copied = sum(_copy(notice.hospital, resource, client, this, now) for resource in mine)
    with this.store.transaction() as tx:
        tx.sent.learn(notice.hospital, SEARCHED_TO, now.isoformat())
    return copied


def _patients(tx: Tx, hospital: str) -> frozenset[str]:
    courses = {s.course for s in tx.resources.stream(centres=None, kinds=["Patient"]) if s.course}
    return frozenset(filter(None, (tx.links.get(hospital, course) for course in courses)))


def _subject(resource: Resource, client: HospitalClient) -> str:
    """Whose it is, as `Patient/abc`; an absolute reference to the hospital itself names the same."""
    if resource["resourceType"] == "Patient":
        return f"Patient/{resource.get('id')}"
    subject = resource.get("subject")
    said = str(subject.get("reference", "")) if isinstance(subject, dict) else ""
    return said.removeprefix(f"{client.base_url}/").partition("/_history/")[0]
