"""A form that was filled in with our Questionnaire, pushed as a FHIR resource: a follow-up, and the resource itself."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from adapter.config import Settings
from adapter.errors import NotFound
from adapter.flows import answers, follow_up
from adapter.flows.course import Receipt
from adapter.flows.pushed import Kept
from mappings.r4.build import Resource

if TYPE_CHECKING:
    from adapter.store import Store
    from adapter.store.clients import Client


def record(resource: Resource, *, sender: Client, store: Store, settings: Settings, now: datetime) -> Kept:
    """Records the follow-up and keeps the resource, as `POST /follow-ups` does. Raises as `follow_up.record` does."""
    read = answers.entry(resource, "follow-up", sender, store, settings)
    receipt: Receipt = answers.explained(
        read,
        lambda: follow_up.record(
            read.document, sender=sender, store=store, settings=settings, now=now, response=resource
        ),
    )
    with store.reading() as tx:
        document = tx.follow_ups.get(receipt.id)
        place = answers.reference(tx, document) if document else None
        stored = tx.resources.get(*place.split("/", 1)) if place else None
    if stored is None:
        raise NotFound("what was sent is no longer there")
    return Kept(stored, receipt.created)
