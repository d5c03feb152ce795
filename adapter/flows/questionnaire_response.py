"""A form that was filled in with our Questionnaire, pushed as a FHIR resource: a follow-up, and the resource itself."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from adapter.config import Settings
from adapter.errors import Conflict, NotFound
from adapter.flows import answers, course, follow_up
from adapter.flows.course import Receipt
from adapter.flows.pushed import Kept
from mappings.r4.build import Resource

if TYPE_CHECKING:
    from adapter.store import Store
    from adapter.store.clients import Client
    from adapter.store.stored import Stored

REASON = "its QuestionnaireResponse was deleted"


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


def correct(
    id_: str,
    resource: Resource,
    *,
    expected: int | None = None,
    sender: Client,
    store: Store,
    settings: Settings,
    now: datetime,
) -> Kept:
    """Another answer for the same visit. `expected`: the version that is replaced.

    Raises as `record` does, NotFound, Conflict (412 for another version; 409 where it is about another visit).
    """
    with store.together() as one:
        _require_version(_held(id_, sender, one), expected)
        kept = record(resource, sender=sender, store=one, settings=settings, now=now)
        if kept.stored.id != id_:
            raise Conflict("this answers for another patient or visit than what is kept under this id")
        return kept


def retract(
    id_: str,
    reason: str,
    *,
    expected: int | None = None,
    sender: Client,
    store: Store,
    settings: Settings,
    now: datetime,
) -> Stored | None:
    """Retracts the follow-up that a response says; None where the centre has no such response.

    Raises Conflict (412 for another version; 409 for the response of an enrolment, which is not taken back).
    """
    with store.together() as one:
        try:
            stored = _held(id_, sender, one)
        except NotFound:
            return None
        _require_version(stored, expected)
        with one.reading() as tx:
            told = [found for found in tx.follow_ups.of_course(str(stored.course)) if answers.id_of(found) == id_]
        if not told and not answers.is_withdrawn(stored):
            raise Conflict("an enrolment is corrected, and its answers are not taken back")
        for found in told:
            follow_up.retract(found.id, reason or REASON, sender=sender, store=one, settings=settings, now=now)
        with one.reading() as tx:
            return tx.resources.get(answers.KIND, id_)


def _held(id_: str, sender: Client, store: Store) -> Stored:
    """The response; nobody else hands anything in about its patient until the transaction ends."""
    with store.transaction() as tx:
        course.held(tx, str(_own(id_, sender, store).course))
    return _own(id_, sender, store)


def _own(id_: str, sender: Client, store: Store) -> Stored:
    with store.reading() as tx:
        found = tx.resources.get(answers.KIND, id_)
    if found is None or found.centre != sender.centre or found.deleted:
        raise NotFound(f"no {answers.KIND} with this id")
    return found


def _require_version(stored: Stored, expected: int | None) -> None:
    if expected not in (None, stored.version):
        raise Conflict(f"the resource is not at version {expected}", 412)
