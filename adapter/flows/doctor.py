"""Is everything as it must be to do its work? Each thing that an operator would look at, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adapter.config import Hospital, Registry, Settings, read_key
from adapter.errors import EngraftError, HospitalRefused, HospitalUnavailable, Refused, StoreUnavailable
from adapter.flows import subscribing
from adapter.hospital.answer import Distrusted, NoToken
from adapter.hospital.client import HospitalClient
from adapter.hospital.origin import LOOPBACK, ends, tls_faults
from adapter.store.lease import PARKED

if TYPE_CHECKING:
    from adapter.store import Store

WELL, LOOK, ILL, AWAY = "well", "look", "ill", "away"
"""Nothing to do; somebody should look; it cannot work so; it could not be reached."""

SKEW = timedelta(seconds=60)
"""Two clocks that differ more make tokens and `Last-Modified` unreliable. Our own limit."""

OLD = timedelta(hours=1)
"""A delivery that waits longer is worth a look. Our own limit."""

RENEWED_BEFORE = timedelta(days=30)
"""A certificate of ours that ends sooner is worth a look. Our own limit."""

UNHEEDED = timedelta(minutes=5)
"""A batch or an export that nobody has taken up for longer is worth a look. Our own limit."""

UNHEEDED_ADVICE = {
    "batches": "do engraft deliver and, with a broker, Celery's workers run?",
    "exports": "with a broker Celery's workers write them: do they run, and see exports.folder?",
}

KEY_ADVICE = "engraft config init makes one; never replace one in use"
OWN_KEYS = "a key for each: leave out privacy.registries (docs/deidentification.md)"

RENEW = "ask the hospital's authority for a new one, replace the files, restart engraft deliver"


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` was looked at, how it is, in words, and what to do where something is to be done."""

    what: str
    state: str
    says: str
    advice: str = ""


def examine(
    settings: Settings, store: Store | None, client_of: Callable[[str], HospitalClient], now: Callable[[], datetime]
) -> Iterator[Finding]:
    """Everything, one finding after another, as it is found. `store` None: there is no database yet."""
    yield from _secrets(settings)
    yield from _certificates(settings, now())
    yield _address(settings)
    yield from _database(store, now())
    servers: list[Hospital | Registry] = [*settings.hospitals.values(), *settings.registries.values()]
    for server in servers:
        yield from _server(server, client_of, now, settings, store)


def _secrets(settings: Settings) -> Iterator[Finding]:
    for key, secret in settings.secrets().items():
        try:
            secret.read()
            yield Finding(key, WELL, "can be read")
        except Refused as error:
            yield Finding(key, ILL, str(error), "write the secret there, readable by this account only")
    wanting = [one for one in settings.registries.values() if not one.key]
    if wanting and not settings.privacy_key:
        yield Finding("privacy.key", ILL, "no pseudonym key is configured", KEY_ADVICE)
    for name, file in settings.key_files().items():
        try:
            read_key(file)
            yield Finding(name, WELL, "can be read")
        except Refused as error:
            yield Finding(name, ILL, str(error), KEY_ADVICE)
    if settings.shared_pseudonyms and len(wanting) > 1:
        names = ", ".join(one.name for one in wanting)
        yield Finding("privacy.registries", LOOK, f"{names} see the same pseudonyms and could match patients", OWN_KEYS)


def _certificates(settings: Settings, at: datetime) -> Iterator[Finding]:
    """The files for TLS, and how long our own certificate still holds."""
    for place, tls in settings.tls().items():
        faults = tls_faults(tls)
        for key, why in faults.items():
            yield Finding(f"{place}.{key}", ILL, why, "PEM, a key without passphrase, readable by this account")
        until = ends(tls) if not faults else None
        if until and until < at:
            yield Finding(place, ILL, f"our certificate ended on {until:%Y-%m-%d}", RENEW)
        elif until and until - at < RENEWED_BEFORE:
            yield Finding(place, LOOK, f"our certificate ends on {until:%Y-%m-%d}", RENEW)
        elif not faults:
            yield Finding(
                place, WELL, "can be read" + (f"; our certificate holds until {until:%Y-%m-%d}" if until else "")
            )


def _address(settings: Settings) -> Finding:
    parts = urlsplit(settings.public_url)
    if parts.scheme == "https" or parts.hostname in LOOPBACK:
        return Finding("ENGRAFT_PUBLIC_URL", WELL, settings.public_url)
    return Finding(
        "ENGRAFT_PUBLIC_URL", LOOK, f"{settings.public_url} is not https", "let a proxy end TLS, and name its address"
    )


def _database(store: Store | None, at: datetime) -> Iterator[Finding]:
    try:
        ready = store is not None and store.answers() and store.ready()
        if store is None or not ready:
            yield Finding("database", AWAY, "has not this program's schema", "engraft init-db")
            return
        with store.reading() as tx:
            counts, backlog, questions = tx.outbox.counts(), tx.outbox.backlog(), tx.questions.counts()
            left = {"batches": tx.batches.free_since(at), "exports": tx.exports.free_since(at)}
            unread = tx.inbox.unread()
    except StoreUnavailable as error:
        advice = "does it run, may this account connect, is there room? Its own log says more"
        yield Finding("database", AWAY, str(error), advice)
        return
    yield Finding("database", WELL, "answers, with this program's schema")
    if questions:
        asked = ", ".join(f"{number} {kind}" for kind, number in questions.items())
        waits = f"hospitals' records of patients wait for an answer: {asked}"
        yield Finding("questions", LOOK, waits, "engraft queue questions, or /queue for the people of the centre")
    for what, sent in left.items():
        if sent and at - sent[0] > UNHEEDED:
            waits = f"{len(sent)} wait and nobody works on them, the oldest for {_age(at - sent[0])}"
            yield Finding(what, LOOK, waits, UNHEEDED_ADVICE[what])
    yield from _notifications(unread, at)
    if parked := counts.get(PARKED, 0):
        yield Finding("queue", LOOK, f"{parked} deliveries are parked", "engraft queue list --state parked")
    for name, (number, since) in sorted(backlog.items()):
        if at - since > OLD:
            waits = f"{number} deliveries for {name} are not finished, the oldest for {_age(at - since)}"
            yield Finding("queue", LOOK, waits, "does engraft deliver --watch run? engraft queue list says why")
    if not parked and not any(at - since > OLD for _, since in backlog.values()):
        yield Finding("queue", WELL, f"{sum(number for number, _ in backlog.values())} deliveries wait, none for long")


def _notifications(unread: Mapping[str, tuple[int, int, datetime]], at: datetime) -> Iterator[Finding]:
    """What hospitals told and we could not read, or have not read for long."""
    for name, (waiting, parked, since) in sorted(unread.items()):
        if parked:
            advice = f"engraft hospital notifications {name} says why; then reread or ignore"
            yield Finding(name, LOOK, f"{parked} of its notifications could not be read", advice)
        elif at - since > OLD:
            waits = f"{waiting} of its notifications wait to be read, the oldest for {_age(at - since)}"
            yield Finding(name, LOOK, waits, "does engraft deliver --watch run?")


def _server(
    server: Hospital | Registry,
    client_of: Callable[[str], HospitalClient],
    now: Callable[[], datetime],
    settings: Settings,
    store: Store | None,
) -> Iterator[Finding]:
    what = server.name
    try:
        client = client_of(server.name)
        capability, there = client.capability(), client.clock()
    except HospitalUnavailable as error:
        yield Finding(what, AWAY, str(error), _way_back(error, server, settings))
        return
    except EngraftError as error:
        yield Finding(what, ILL, str(error), "engraft config check")
        return
    version = str(capability.get("fhirVersion", "none"))
    if not version.startswith("4.0"):
        yield Finding(what, ILL, f"speaks FHIR {version}, not R4", "ask for the address of its R4 endpoint")
    skew = abs(now() - there) if there else timedelta()
    if skew > SKEW:
        yield Finding(what, LOOK, f"its clock and ours differ by {_age(skew)}", "keep both by NTP")
    yield _credentials(client, what)
    if isinstance(server, Hospital) and server.webhook:
        yield from _subscriptions(client, server, settings, store, now())


def _way_back(error: HospitalUnavailable, server: Hospital | Registry, settings: Settings) -> str:
    """What to do about a server that gives no answer."""
    kind = "hospitals" if isinstance(server, Hospital) else "registries"
    if isinstance(error, Distrusted):
        return (
            f"{kind}.{server.name}.tls: ca is the authority that signed its certificate, certificate and key are ours; "
            "renew whichever is over (docs/operations.md, Credentials)"
        )
    if isinstance(error, NoToken) and server.auth.kind == "smart-backend":
        return (
            f"is {server.auth.client_id} registered there with {settings.public_url}/.well-known/jwks.json, can it be "
            f"fetched from there, and is {kind}.{server.name}.auth right? (docs/operations.md, SMART Backend Services)"
        )
    if isinstance(error, NoToken):
        return f"are token_url, client_id and the secrets of {kind}.{server.name}.auth right, and agreed with them?"
    return f"is {server.base_url} right, and reachable from here?"


def _subscriptions(
    client: HospitalClient, hospital: Hospital, settings: Settings, store: Store | None, at: datetime
) -> Iterator[Finding]:
    """Does the hospital still tell us what changes? A server may have dropped that without a word."""
    what = f"{hospital.name} subscriptions"
    try:
        numbered = subscribing.heard(store, hospital.name, at) if store is not None and store.ready() else []
        bearer = hospital.webhook is not None and hospital.webhook.kind == "bearer"
        ours = subscribing.standings(client, subscribing.wanted(hospital, settings), at) if bearer else []
    except EngraftError as error:
        yield Finding(what, LOOK, f"cannot be looked at: {error}", f"engraft hospital status {hospital.name}")
        return
    if numbered and all(one.state == subscribing.MISSING for one in ours):
        ours = []  # the hospital set up its own, in place of ours
    found = [*ours, *numbered]
    broken = [f"{one.kind} {one.id} is {one.state}" for one in found if one.state not in subscribing.GOOD]
    if broken:
        yield Finding(what, LOOK, ", ".join(broken), f"engraft hospital repair {hospital.name}")
    elif found:
        yield Finding(what, WELL, f"{len(found)} are as they should be")


def _credentials(client: HospitalClient, what: str) -> Finding:
    try:
        client.search("Patient", [("_count", "0")])
    except HospitalUnavailable as error:
        return Finding(what, ILL, str(error), "are the credentials right, and do they allow system/Patient.rs?")
    except HospitalRefused as error:
        return Finding(what, LOOK, f"answers, but not our search: {error}", "see docs/operations.md, Install")
    return Finding(what, WELL, "answers, and takes our credentials")


def _age(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for name, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} seconds"
