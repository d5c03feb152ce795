"""A hospital says that something changed: kept before it is answered, read from the hospital afterwards.

What comes is only believed to say *where* to look, because notifications arrive twice, late, out of order and with old
content; what counts is what the hospital answers when it is asked.

What was read is kept as the newest state of each resource (`store.copies`); the inbox holds notifications only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapter.errors import HospitalRefused, HospitalUnavailable, Invalid, Refused
from adapter.flows.numbered import Followed, follow
from adapter.flows.vanished import vanished
from adapter.flows.whose import as_copy, concerns, instant, matches
from adapter.hospital import r4_gate, retry
from adapter.hospital.answer import Forbidden, HospitalSilent
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
MEET = "MEET"
"""In place of a method: a word of our own to look for all that a hospital has of one Patient."""

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


def meet(tx: Tx, hospital: str, patient: str, now: datetime) -> None:
    """Has everything looked for that a hospital knows of a Patient (`Patient/abc`) who has just become one of ours.

    Until then nothing of theirs was kept, whatever the hospital told.
    """
    kind, _, id_ = patient.partition("/")
    tx.inbox.add(hospital, MEET, kind, id_, {}, b"", now)


def pull(
    store: Store,
    client_of: Callable[[str], HospitalClient],
    *,
    worker: str,
    now: Callable[[], datetime],
    jitter: Callable[[], float],
    limit: int | None = None,
    heard: Heard | None = None,
    hospital: str | None = None,
) -> PullReport:
    """Reads from the hospitals what their notifications point to, and keeps copies. Every row that is due, or `limit`.

    `hospital`: only its rows, so that each hospital can have a reader of its own and a slow one slows no other.
    `heard` is told of each copy that is news, in the transaction that keeps it. Raises StoreUnavailable.
    """
    this = _Round(store, client_of, worker, now, jitter, heard)
    done: Counter[str] = Counter()
    while limit is None or done["done"] + done["retried"] + done["parked"] < limit:
        with store.transaction() as tx:
            notice = tx.inbox.lease(worker, at=now(), lease_seconds=LEASE_SECONDS, hospital=hospital)
        if notice is None:
            break
        about: dict[str, spans.Attribute] = {"engraft.hospital": notice.hospital}
        with correlation.following(notice.correlation or correlation.new()), spans.span("notification", about):
            done += _work_on(notice, this)
    return PullReport(done["done"], done["retried"], done["parked"], done["copied"], done["gone"])


def summed(reports: Iterable[PullReport]) -> PullReport:
    """What several rounds did together."""
    rows = [(one.done, one.retried, one.parked, one.copied, one.gone) for one in reports]
    return PullReport(*map(sum, zip(*rows, strict=True))) if rows else PullReport(0, 0, 0, 0, 0)


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
    refused: dict[str, str] = field(default_factory=dict)
    """Types that the hospital did not let the notice at hand search, with its words."""


def _work_on(notice: Notice, this: _Round) -> Counter[str]:
    begun, this.refused = this.now(), {}
    try:
        client = this.client_of(notice.hospital)
        told = numbered(notice.body)
        heard = follow(told, notice, client, this.store) if told else None
        found = _look(notice, _meaning(notice, heard, this), client, this, begun)
    except HospitalUnavailable as error:
        _note(notice, "retried", error=type(error).__name__)
        return _again(notice, this, str(error), error.retry_after, silent=_is_away(error))
    except (LookupError, Refused) as error:
        _note(notice, "retried", error=type(error).__name__)
        return _again(notice, this, f"{notice.hospital} is not configured: {error}", None)
    except (_Alone, HospitalRefused, FaultyInput) as error:
        status = error.status if isinstance(error, HospitalRefused) else None
        _note(notice, "parked", error=type(error).__name__, status=status)
        return _parked(notice, this, str(error))
    with this.store.transaction() as tx:
        if heard:
            tx.heard.put(heard.standing)
        if this.refused:
            said = "; ".join(f"{kind}: {words}" for kind, words in this.refused.items())
            tx.inbox.fail(notice.id, this.worker, error=f"all was read but {said}", due=None, at=this.now())
        else:
            tx.inbox.done(notice.id, this.worker, this.now())
    if this.refused:
        _note(notice, "parked", error="HospitalRefused", copied=found["copied"], gone=found["gone"])
        return found + Counter(parked=1)
    _note(notice, "done", copied=found["copied"], gone=found["gone"])
    return found + Counter(done=1)


def _is_away(error: HospitalUnavailable) -> bool:
    """Is it the whole server that does not answer?"""
    return isinstance(error, HospitalSilent) and not isinstance(error, Forbidden)


def _note(notice: Notice, became: str, **more: journal.Told) -> None:
    tell = journal.warn if became == "parked" else journal.note
    about: dict[str, journal.Told] = {"hospital": notice.hospital, "notification": notice.id}
    tell("reread", **about, became=became, attempts=notice.attempts, **more)


def _meaning(notice: Notice, heard: Followed | None, this: _Round) -> Meaning:
    """HAPI pings once for every resource of a transaction: one search answers all that came before it."""
    if notice.method == MEET:
        return Meaning()
    meaning = read(notice.method, notice.kind, notice.resource_id, notice.body)
    if heard:
        meaning = Meaning(tuple(dict.fromkeys((*meaning.places, *heard.places))), meaning.search or heard.search)
    last = this.searched.get(notice.hospital)
    return Meaning(meaning.places) if last and notice.created <= last else meaning


def _again(notice: Notice, this: _Round, error: str, asked: float | None, *, silent: bool = False) -> Counter[str]:
    """`silent`: the others of this hospital wait too, for each would only find out the same."""
    due = this.now() + timedelta(seconds=retry.delay(notice.attempts, this.jitter(), asked=asked))
    with this.store.transaction() as tx:
        tx.inbox.fail(notice.id, this.worker, error=error, due=due, at=this.now())
        if silent:
            tx.inbox.postpone(notice.hospital, due)
    return Counter(retried=1)


def _parked(notice: Notice, this: _Round, error: str) -> Counter[str]:
    with this.store.transaction() as tx:
        tx.inbox.fail(notice.id, this.worker, error=error, due=None, at=this.now())
    return Counter(parked=1)


def _look(notice: Notice, meaning: Meaning, client: HospitalClient, this: _Round, now: datetime) -> Counter[str]:
    """Copies what the hospital has at those places of our patients; the rest is not ours to keep."""
    found: Counter[str] = Counter()
    with this.store.reading() as tx:
        ours = tx.links.patients(notice.hospital)
    alone = len(meaning.places) == 1 and not meaning.search
    for place in meaning.places:
        with _forbidden_alone() if alone else _apart(notice.hospital, place, this, now, found):
            found += _visit(notice.hospital, place, client, ours, this, now)
    if meaning.search:
        found += _search(notice, client, ours, this, now)
        this.searched[notice.hospital] = now
    if notice.method == MEET:
        found += _met(notice, client, this, now)
    return found


def _visit(
    hospital: str, place: Place, client: HospitalClient, ours: frozenset[str], this: _Round, now: datetime
) -> Counter[str]:
    resource = client.read(*place)
    if resource is not None and concerns(resource, client, ours):
        return Counter(copied=_copy(hospital, resource, client, this, now))
    return Counter(gone=_gone(hospital, place, ours, this, now))


class _Alone(Exception):
    """The one resource that a notification names may not be read (403): asking again and again will not help."""


@contextmanager
def _forbidden_alone() -> Iterator[None]:
    try:
        yield
    except Forbidden as error:
        raise _Alone(str(error)) from error


@contextmanager
def _apart(hospital: str, place: Place, this: _Round, now: datetime, found: Counter[str]) -> Iterator[None]:
    """What cannot be read is parked alone, with the reason, and keeps nothing else from being read."""
    try:
        yield
    except (Forbidden, HospitalRefused, FaultyInput) as error:
        with this.store.transaction() as tx:
            news = tx.inbox.park(hospital, place, str(error), now)
        if news:
            journal.warn("unread", hospital=hospital, kind=place[0], error=type(error).__name__)
        found["parked"] += news


def _gone(hospital: str, place: Place, ours: frozenset[str], this: _Round, now: datetime) -> bool:
    """Gone, or given to somebody who is not ours; whether that is news. What never concerned us leaves no trace."""
    with this.store.reading() as tx:
        concerned = "/".join(place) in ours or tx.copies.get(hospital, place) is not None
        parked = tx.inbox.is_parked(hospital, place)
    if parked and not concerned:
        with this.store.transaction() as tx:
            tx.inbox.was_read(hospital, place, now)
    return concerned and _keep(hospital, place, Copy(None, None, None), this, now)


def _copy(hospital: str, resource: Resource, client: HospitalClient, this: _Round, now: datetime) -> bool:
    r4_gate.read(resource)
    place = (resource["resourceType"], resource["id"])
    return _keep(hospital, place, as_copy(resource, client), this, now)


def _keep(hospital: str, place: Place, copy: Copy, this: _Round, now: datetime) -> bool:
    """Whether this is news; who wants to hear of news does so in the same transaction."""
    with this.store.transaction() as tx:
        tx.inbox.was_read(hospital, place, now)
        news = tx.copies.keep(hospital, place, copy, now)
        if news and this.heard:
            this.heard(tx, hospital, place, copy.content)
    return news


def _search(notice: Notice, client: HospitalClient, ours: frozenset[str], this: _Round, now: datetime) -> Counter[str]:
    """What changed since we last searched, of our patients only.

    A notification that came after an outage does not move the mark: what the outage swallowed lies before it. A type
    whose search is refused keeps its own mark until it is answered again.
    """
    with this.store.reading() as tx:
        mark = instant(tx.sent.trait(notice.hospital, SEARCHED_TO)) or tx.copies.newest(notice.hospital)
        marks = {kind: instant(tx.sent.trait(notice.hospital, _own_mark(kind))) for kind in SEARCHED}
    begin = mark or notice.created - FIRST_LOOK
    sought = {kind: ("_lastUpdated", f"ge{_stamp((marks[kind] or begin) - OVERLAP)}") for kind in SEARCHED}
    found, refused = _found(notice, client, sought, this, now, lambda one: concerns(one, client, ours))
    since = {kind: stamp.removeprefix("ge") for kind, (_, stamp) in sought.items() if kind not in refused}
    for place in vanished(notice.hospital, client, this.store, since, ours, now):
        with _apart(notice.hospital, place, this, now, found):
            found += _visit(notice.hospital, place, client, ours, this, now)
    with this.store.transaction() as tx:
        for kind in SEARCHED:
            if kind not in refused:
                tx.sent.take(notice.hospital, _own_mark(kind))
            elif marks[kind] is None:
                tx.sent.learn(notice.hospital, _own_mark(kind), begin.isoformat())
        tx.sent.learn(notice.hospital, SEARCHED_TO, now.isoformat())
    return found


def _met(notice: Notice, client: HospitalClient, this: _Round, now: datetime) -> Counter[str]:
    """All that the hospital has of one Patient."""
    kind, id_ = str(notice.kind), str(notice.resource_id)
    found: Counter[str] = Counter()
    with _apart(notice.hospital, (kind, id_), this, now, found):
        for patient in filter(None, [client.read(kind, id_)]):
            found["copied"] += _copy(notice.hospital, patient, client, this, now)
    sought = {kind_: ("patient", id_) for kind_ in SEARCHED if kind_ != kind}
    others, _ = _found(notice, client, sought, this, now, lambda _: True)
    return found + others


def _found(
    notice: Notice,
    client: HospitalClient,
    sought: Mapping[str, tuple[str, str]],
    this: _Round,
    now: datetime,
    wanted: Callable[[Resource], bool],
) -> tuple[Counter[str], dict[str, str]]:
    """Copies what these searches find; also the types whose search is refused, each with the server's words.

    Raises Forbidden, HospitalRefused where every one is refused.
    """
    found: Counter[str] = Counter()
    refused: dict[str, str] = {}
    for kind, parameter in sought.items():
        try:
            candidates = matches(client, kind, parameter)
        except (Forbidden, HospitalRefused) as error:
            refused[kind] = str(error)
            if len(refused) == len(sought):
                raise
            continue
        for resource in filter(wanted, candidates):
            place = (resource["resourceType"], str(resource.get("id")))
            with _apart(notice.hospital, place, this, now, found):
                found["copied"] += _copy(notice.hospital, resource, client, this, now)
    this.refused = refused
    return found, refused


def _own_mark(kind: str) -> str:
    """Trait of a hospital: SEARCHED_TO of one type that lags behind."""
    return f"{SEARCHED_TO}/{kind}"


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
