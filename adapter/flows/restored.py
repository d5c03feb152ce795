"""The database was restored from a copy: what that does not know to be sent may be there already, or edited there.

A row that waits in the copy may have been sent since, and a form that was lost with the copy is handed in again. So for
a while whatever a hospital was never given, as far as we know, is looked for there before it is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from adapter.config import Settings
from adapter.flows.whose import instant
from adapter.store.delivery import Delivery
from adapter.store.lease import WAITING
from mappings.r4.wire import content_hash

if TYPE_CHECKING:
    from adapter.store import Store, Tx

RESTORED = "restored"
"""Trait of a hospital: when we were told that the database is a copy."""

DOUBT = timedelta(days=30)
"""For so long what is queued is looked for first: forms that were lost are handed in again by then. Our own limit."""


def tell(store: Store, settings: Settings, *, who: str, now: datetime) -> list[str]:
    """From now on the hospitals are asked before they are sent what they were never given; which they are."""
    with store.transaction() as tx:
        for name in settings.hospitals:
            tx.sent.learn(name, RESTORED, now.isoformat())
            tx.audit.add(at=now, who=who, action="restored", target=name, centre=None)
    return list(settings.hospitals)


def is_in_doubt(tx: Tx, destination: str, rows: Sequence[Delivery]) -> bool:
    """May what these rows hold be at the hospital already?"""
    told = instant(tx.sent.trait(destination, RESTORED))
    return told is not None and any(row.created < told + DOUBT for row in rows)


def coming(tx: Tx, destination: str, courses: Sequence[str]) -> dict[str, set[str]]:
    """What waits behind for these patients: hashes by reference. What the hospital has of it already is not news."""
    found: dict[str, set[str]] = {}
    for course in courses:
        for row in tx.outbox.of_course(destination, course, [WAITING]):
            for one in row.content:
                found.setdefault(f"{one['resourceType']}/{one['id']}", set()).add(content_hash(one))
    return found
