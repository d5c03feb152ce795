"""We ask a hospital to tell us what changes: one rest-hook Subscription a type, without content.

A notification without content names no patient, so nothing of people who are not ours comes here; what changed is then
asked for, of our patients only. A server's loss of a notification is invisible (HAPI 8.8 gives one up after 57 s and
still calls the Subscription active), so that whoever repairs also asks for everything that changed lately.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from adapter.config import Hospital, Settings
from adapter.errors import Refused
from adapter.flows.notification import SEARCHED
from adapter.flows.whose import instant
from adapter.hospital.client import HospitalClient
from adapter.hospital.origin import LOOPBACK
from adapter.store import Store
from mappings.r4.build import Resource

SENDS_DELETES = "http://hapifhir.io/fhir/StructureDefinition/subscription-send-delete-messages"
"""On the channel: HAPI tells of deletions only then."""

ACTIVE, REQUESTED, MISSING, CHANGED, SILENT = "active", "requested", "missing", "changed", "silent"
STUCK, ENDING = "stuck", "ending"
GOOD = frozenset({ACTIVE, REQUESTED})

ACTIVATED_WITHIN = timedelta(minutes=10)
"""HAPI 8.8 needs five seconds, others a handshake with us. Our own limit."""

RENEWED_BEFORE = timedelta(days=7)
"""A Subscription that the hospital lets end is written anew so long before. Our own limit."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one Subscription is: R4's status there, or

    `missing`; `changed`, not as we wrote it; `stuck`, never made active; `ending`, over or soon; `silent`.
    """

    kind: str
    id: str
    state: str
    says: str = ""


def wanted(hospital: Hospital, settings: Settings) -> list[Resource]:
    """The Subscriptions that this hospital should have. Raises Refused where its webhook is not one for it."""
    webhook = hospital.webhook
    if webhook is None:
        raise Refused(f"hospitals.{hospital.name}.webhook is not configured: nothing could come in")
    if webhook.kind != "bearer":
        raise Refused(
            f"hospitals.{hospital.name}.webhook is {webhook.kind}: a Subscription can only carry a bearer secret; "
            "let the hospital set its notifications up itself"
        )
    if _is_here(settings.public_url) and not _is_here(hospital.base_url):
        raise Refused(
            f"ENGRAFT_PUBLIC_URL is {settings.public_url}, where {hospital.name} would call itself, with the secret: "
            "set it to the address under which the hospital reaches us"
        )
    channel = {
        "extension": [{"url": SENDS_DELETES, "valueBoolean": True}],
        "type": "rest-hook",
        "endpoint": f"{settings.public_url}/webhook/{hospital.name}",
        "header": [f"Authorization: Bearer {webhook.secret.read()}"],
    }
    return [
        {
            "resourceType": "Subscription",
            "id": f"engraft-{kind.lower()}",
            "status": "requested",
            "reason": "Engraft takes over what changes for the patients of the study",
            "criteria": f"{kind}?",
            "channel": channel,
        }
        for kind in SEARCHED
    ]


def _is_here(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK


def standings(client: HospitalClient, subscriptions: Sequence[Resource], now: datetime) -> list[Standing]:
    """How each of them is at the hospital. Raises HospitalUnavailable, HospitalRefused."""
    return [_standing(client.read("Subscription", one["id"]), one, client.clock() or now) for one in subscriptions]


def heard(store: Store, hospital: str, now: datetime) -> list[Standing]:
    """How each Subscription is that numbers its notifications, by what came of it; SILENT: longer than it promised."""
    with store.reading() as tx:
        found = tx.heard.of(hospital)
    return [
        Standing(
            "numbered",
            one.subscription,
            SILENT if one.is_silent(now) else one.status or ACTIVE,
            f"event {one.last or 0}, {one.said} at {one.at.isoformat(timespec='seconds')}"
            + (f", heartbeat every {one.heartbeat_seconds} s" if one.heartbeat_seconds else ""),
        )
        for one in found
    ]


def subscribe(client: HospitalClient, subscriptions: Sequence[Resource], now: datetime) -> list[Standing]:
    """Writes those that are missing, switched off, broken or changed; how each was. Raises as `standings`."""
    before = standings(client, subscriptions, now)
    broken = [one for one, was in zip(subscriptions, before, strict=True) if was.state not in GOOD]
    for one in broken:
        client.transact([one])
    return before


def _standing(found: Resource | None, ours: Resource, now: datetime) -> Standing:
    """`now` by the hospital's clock, where it tells."""
    kind, id_ = ours["criteria"].rstrip("?"), ours["id"]
    if found is None:
        return Standing(kind, id_, MISSING)
    state = str(found.get("status"))
    channel, wished = found.get("channel", {}), ours["channel"]
    for name in ("type", "endpoint", "header", "payload"):
        if channel.get(name) != wished.get(name):
            return Standing(kind, id_, CHANGED, f"channel.{name} is not what we wrote")
    if found.get("criteria") != ours["criteria"]:
        return Standing(kind, id_, CHANGED, "criteria is not what we wrote")
    end, asked = instant(found.get("end")), instant(found.get("meta", {}).get("lastUpdated"))
    if state in GOOD and end is not None and end < now + RENEWED_BEFORE:
        return Standing(kind, id_, ENDING, f"the hospital ends it at {found['end']}")
    if state == REQUESTED and asked is not None and asked < now - ACTIVATED_WITHIN:
        return Standing(kind, id_, STUCK, f"asked for at {asked.isoformat(timespec='seconds')} and not active yet")
    return Standing(kind, id_, state, str(found.get("error", "")))
