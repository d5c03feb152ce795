"""Notifications of the R5 Backport carry numbers: where one is missing, what it told of is looked for.

First by the server's `$events`; where it has none, or does not give every number, by a search for what changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapter.errors import HospitalRefused
from adapter.hospital.answer import dicts
from adapter.hospital.client import HospitalClient
from adapter.hospital.subscriptions import Meaning, Numbered, Place, bundle, numbered_in
from adapter.store import Store
from adapter.store.heard import Heard
from adapter.store.inbox import Notice
from mappings.r4.build import Resource

HEARTBEAT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-heartbeat-period"
MOST_EVENTS = 1000
"""A wider gap is searched for."""


@dataclass(frozen=True, slots=True)
class Followed:
    """`standing`: how far the Subscription has come once the places, and what the search finds, were looked at."""

    standing: Heard
    places: tuple[Place, ...] = ()
    search: bool = False


def follow(told: Numbered, notice: Notice, client: HospitalClient, store: Store) -> Followed:
    """Where else to look because of the numbers. Raises HospitalUnavailable: then nothing of it counts yet."""
    with store.reading() as tx:
        known = tx.heard.get(notice.hospital, told.subscription)
    heartbeat = known.heartbeat_seconds if known else _heartbeat(told.subscription, client)
    reached = max((*told.events, told.total or 0))
    standing = Heard(notice.hospital, told.subscription, reached, told.kind, told.status, heartbeat, notice.created)
    begun = (known.last if known else None) or 0
    end = told.events[-1] if told.events else reached + (told.kind != "event-notification")
    missing = _missing(range(begun + 1, end), told.events)
    if not missing or told.kind == "handshake":
        return Followed(standing)
    found = _asked(told.subscription, missing, client)
    return Followed(standing, found.places, found.search)


def _missing(wanted: range, told: Sequence[int]) -> Sequence[int]:
    """The numbers that were not told; a notification may itself leave some out."""
    if len(wanted) > MOST_EVENTS:
        return wanted
    return sorted(set(wanted) - set(told))


def _asked(subscription: str, missing: Sequence[int], client: HospitalClient) -> Meaning:
    """Where the missing events point to; everywhere, where the server does not tell all of them."""
    if len(missing) > MOST_EVENTS:
        return Meaning(search=True)
    try:
        answer = client.events(subscription, missing[0], missing[-1])
    except HospitalRefused:
        return Meaning(search=True)
    said = numbered_in(answer)
    if said is None or not set(missing) <= set(said.events):
        return Meaning(search=True)
    return bundle(answer)


def _heartbeat(subscription: str, client: HospitalClient) -> int | None:
    """Seconds between two signs of life that the Subscription itself asks for."""
    try:
        found: Resource = client.read("Subscription", subscription) or {}
    except HospitalRefused:
        return None
    channel = found.get("channel")
    extensions = dicts(channel.get("extension")) if isinstance(channel, dict) else []
    period = next((one.get("valueUnsignedInt") for one in extensions if one.get("url") == HEARTBEAT), None)
    return int(period) if isinstance(period, int) and period > 0 else None
