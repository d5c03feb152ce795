"""A centre hands in a visit, corrects it, takes it back, asks what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapter.config import Settings
from adapter.errors import NotFound
from adapter.flows import answers, course, received, renewal, sentence
from adapter.flows.course import Receipt
from mappings.facts import FollowUp
from mappings.intake import schema
from mappings.r4.build import Ids

if TYPE_CHECKING:
    from adapter.store import Store, Tx
    from adapter.store.clients import Client
    from adapter.store.submissions import Submission

__all__ = ["history", "record", "retract", "state"]


@received.noted("follow-up", course.in_brief)
def record(
    document: Any,
    *,
    sender: Client | None,
    store: Store,
    settings: Settings,
    now: datetime,
    response: Mapping[str, Any] | None = None,
) -> Receipt:
    """A centre hands in a visit. Durable when this returns; delivery happens later.

    The same content again writes nothing; other content is a new version and the whole course is mapped anew.
    `response`: the QuestionnaireResponse that the document was read from, which is kept with it.
    Raises Invalid, NotAllowed (another centre's), NotFound (a patient whom this centre has not enrolled).
    """
    with course.refusing():
        visit = schema.follow_up(document, course.day_of(now))
        course.admit(visit.centre, sender, settings)
        with store.transaction() as tx:
            tx.hold(f"{visit.centre}/{visit.patient}")
            enrolled = _enrolled(tx, visit.centre, visit.patient)
            enrolment = schema.enrolment(enrolled.content, course.day_of(now))
            course.require_fit([visit], enrolment)
            submission, written = tx.follow_ups.put(
                id=_id_of(visit, Ids(enrolled.course, settings.canonicals)),
                centre=visit.centre,
                patient=visit.patient,
                course=enrolled.course,
                key=visit.key,
                content=document,
                at=now,
            )
            if written:
                _settle(tx, submission, enrolled, settings, now)
                course.note(tx, "record", submission, sender, now)
            if written or response:
                answers.keep(tx, submission, response, now)
            return _receipt(tx, submission, written)


@received.noted("retraction", course.in_brief)
def retract(
    id_: str, reason: str, *, sender: Client | None, store: Store, settings: Settings, now: datetime
) -> Receipt:
    """A centre takes a visit back: what only it said becomes entered-in-error, here and at the hospital.

    Repeating it writes nothing. Raises NotFound, also for another centre's; Invalid without a reason.
    """
    reason = sentence.required(reason, "reason", "say why the follow-up is retracted")
    with course.refusing(), store.transaction() as tx:
        known = _own(tx, id_, sender)
        tx.hold(f"{known.centre}/{known.patient}")
        submission, written = tx.follow_ups.retract(id_, reason, now)
        if written:
            _settle(tx, submission, _enrolled(tx, known.centre, known.patient), settings, now)
            course.note(tx, "retract", submission, sender, now, reason)
            answers.withdraw(tx, submission, now)
        return _receipt(tx, submission, written)


def state(id_: str, *, sender: Client | None, store: Store) -> dict[str, Any]:
    """What became of a visit: its resources with their status, its deliveries with their errors. Raises NotFound."""
    with store.reading() as tx:
        known = _own(tx, id_, sender)
        resources = tx.resources.from_source(known.course, known.key)
        told = course.told(known, resources, tx.outbox.for_source(known.course, known.key))
        response = answers.reference(tx, known)
    told |= {"response": response} if response else {}
    return told | {name: known.content.get(name) for name in ("centre", "patient", "visit", "date")}


def history(id_: str, *, sender: Client | None, store: Store) -> dict[str, Any]:
    """Every version of a visit as it was sent, newest first, and who did it. Raises NotFound."""
    with store.reading() as tx:
        known = _own(tx, id_, sender)
        who = {deed.at: deed.who for deed in tx.audit.of(id_)}
        versions = tx.follow_ups.history(id_)
    return {"id": id_, "key": known.key, "history": [_version(one, who.get(one.at)) for one in versions]}


def _version(one: Submission, who: str | None) -> dict[str, Any]:
    return {
        "version": one.version,
        "at": one.at.isoformat(),
        "who": who,
        "status": one.status,
        "reason": one.reason,
        "document": one.content,
    }


def _settle(tx: Tx, visit: Submission, enrolled: Submission, settings: Settings, now: datetime) -> None:
    today = course.day_of(now)
    enrolment = schema.enrolment(enrolled.content, today)
    follow_ups = course.follow_ups_of(tx, enrolled.course, today)
    course.settle(tx, enrolment, follow_ups, documents=[visit], settings=settings, now=now)
    renewal.renew(tx, enrolment, follow_ups, settings, now)


def _enrolled(tx: Tx, centre: str, patient: str) -> Submission:
    found = tx.enrolments.of(centre, patient)
    if found is None:
        raise NotFound("this centre has enrolled no such patient", "patient")
    return found


def _own(tx: Tx, id_: str, sender: Client | None) -> Submission:
    found = tx.follow_ups.get(id_)
    if found is None or (sender is not None and sender.centre != found.centre):
        raise NotFound("no such follow-up")
    return found


def _id_of(visit: FollowUp, ids: Ids) -> str:
    occurrence = (visit.visit, visit.date) if visit.visit == "unscheduled" else (visit.visit,)
    return ids("follow-up", *occurrence)


def _receipt(tx: Tx, submission: Submission, written: bool) -> Receipt:
    resources = tx.resources.from_source(submission.course, submission.key)
    return Receipt(
        id=submission.id,
        version=submission.version,
        created=written and submission.version == 1,
        course=submission.course,
        resources=tuple(one.reference for one in resources),
        changed=written,
    )
