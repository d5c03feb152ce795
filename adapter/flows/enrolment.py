"""A centre enrols a patient, or corrects what it said then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from adapter.config import Settings
from adapter.errors import Conflict, Invalid, NotFound
from adapter.flows import answers, course, received, regimen, renewal
from adapter.flows.course import Receipt
from mappings.facts import Enrolment, FollowUp, Transplant
from mappings.intake import lifetime, schema
from mappings.r4.build import Ids
from mappings.r4.faults import Fault, FaultyInput

if TYPE_CHECKING:
    from adapter.store import Store, Tx
    from adapter.store.clients import Client
    from adapter.store.stored import Stored
    from adapter.store.submissions import Submission

__all__ = ["enrol", "state"]

CONFIRMED_BY = "confirmed_by"
"""Key of the document that names who confirmed that day zero moves although doses were given.

It says something of this one change and nothing of the patient, so it is kept in the audit and not with the facts.
"""


@received.noted("enrolment", course.in_brief)
def enrol(
    document: Any,
    *,
    sender: Client | None,
    store: Store,
    settings: Settings,
    now: datetime,
    expected_id: str | None = None,
    expected_version: int | None = None,
    response: Mapping[str, Any] | None = None,
) -> Receipt:
    """A centre enrols a patient. Durable when this returns; delivery happens later.

    The same content again writes nothing; other content is a new version, the course is mapped anew, and so is its
    dated regimen once the graft date and the measures are known. `expected_id` and `expected_version` are those that
    the caller means to replace. `response`: the QuestionnaireResponse that the document was read from.
    Raises Invalid, NotAllowed (another centre's), Conflict (412 another version; 409 nobody confirmed what is done to a
    course of which doses were given; another protocol), NotFound (`expected_id` is no enrolment of the sender's).
    """
    with course.refusing():
        document, confirmed_by = _without_confirmation(document)
        enrolment = schema.enrolment(document, course.day_of(now))
        course.admit(enrolment.centre, sender, settings)
        _require_a_life(enrolment, now, settings)
        ids = course.ids_of(enrolment, settings)
        with store.transaction() as tx:
            tx.hold(enrolment.key)
            known = tx.enrolments.of(enrolment.centre, enrolment.patient)
            _require_same(tx, known, expected_id, sender)
            _require_known(known, ids, expected_version)
            submission, written = tx.enrolments.put(
                id=ids("enrolment"),
                centre=enrolment.centre,
                patient=enrolment.patient,
                course=ids.course,
                key=enrolment.key,
                content=document,
                at=now,
            )
            visits = course.follow_ups_of(tx, ids.course, course.day_of(now))
            if written:
                course.require_fit(visits, enrolment, within="follow-up ")
                rest = _require_confirmed(tx, known, enrolment, visits, confirmed_by, course.day_of(now))
                course.settle(tx, enrolment, visits, documents=[submission], settings=settings, now=now)
                planned = renewal.renew(tx, enrolment, visits, settings, now)
                _require_rest(planned, rest)
                course.note(tx, "enrol", submission, sender, now, confirmed_by)
            else:
                planned = regimen.plan(renewal.known_of(tx, enrolment, visits, settings, now))
            if written or response:
                answers.keep(tx, submission, response, now)
            return Receipt(
                id=submission.id,
                version=submission.version,
                created=written and submission.version == 1,
                course=ids.course,
                resources=tuple(one.reference for one in _because_of(tx, submission)),
                changed=written,
                regimen_issues=planned.issues,
            )


def _require_a_life(enrolment: Enrolment, now: datetime, settings: Settings) -> None:
    if faults := lifetime.faults(enrolment, course.day_of(now), settings.limits):
        raise Invalid(faults)


def state(id_: str, *, sender: Client | None, store: Store) -> dict[str, Any]:
    """An enrolment as it was sent, and what became of it. Raises NotFound, also for another centre's."""
    with store.reading() as tx:
        known = _own(tx, id_, sender)
        deliveries = tx.outbox.for_source(known.course, known.key)
        return course.told(known, _because_of(tx, known), deliveries) | {"document": known.content}


def _own(tx: Tx, id_: str, sender: Client | None) -> Submission:
    known = tx.enrolments.get(id_)
    if known is None or (sender is not None and sender.centre != known.centre):
        raise NotFound("no such enrolment")
    return known


def _without_confirmation(document: Any) -> tuple[Any, str | None]:
    """The facts, and the name of who confirmed. Raises FaultyInput where that is no name."""
    if not isinstance(document, dict) or CONFIRMED_BY not in document:
        return document, None
    name = document[CONFIRMED_BY]
    if not isinstance(name, str) or not name.strip():
        raise FaultyInput([Fault(CONFIRMED_BY, "is the name of the person who confirmed the change")])
    return {key: said for key, said in document.items() if key != CONFIRMED_BY}, name.strip()


def _require_same(tx: Tx, known: Submission | None, expected_id: str | None, sender: Client | None) -> None:
    """The caller means to replace `expected_id`, so the document is about its patient."""
    if expected_id is None:
        return
    meant = _own(tx, expected_id, sender)
    if known is None or known.id != meant.id:
        raise FaultyInput([Fault("patient", "this enrolment is of another patient", "business-rule")])


def _require_known(known: Submission | None, ids: Ids, expected_version: int | None) -> None:
    if expected_version is not None and (known is None or known.version != expected_version):
        there = f"at version {known.version}" if known else "not there"
        raise Conflict(f"the enrolment is {there}, not at version {expected_version}", 412)
    if known is not None and known.course != ids.course:
        raise Conflict("this patient is enrolled in another protocol")


def _require_confirmed(
    tx: Tx,
    known: Submission | None,
    enrolment: Enrolment,
    visits: Sequence[FollowUp],
    confirmed_by: str | None,
    today: date,
) -> bool:
    """Is there a dose still to be given that nobody but a named person withdraws?

    Raises Conflict where a dose was given, the graft date was known and is another one now.
    """
    if confirmed_by or known is None or not (regimen.given(visits) or tx.hospital_doses.of(known.course)):
        return False
    before = _graft_date(schema.enrolment(known.content, today))
    if before and before != _graft_date(enrolment):
        raise Conflict(
            f"the graft date was {before} and doses have been given: name in {CONFIRMED_BY} who confirmed the change"
        )
    stored = tx.resources.from_source(known.course, regimen.SOURCE)
    return any(one.kind == "MedicationRequest" and one.content["status"] in ("draft", "active") for one in stored)


def _require_rest(planned: regimen.Planned, rest: bool) -> None:
    """Raises Conflict where the plan can no longer be made: what a form left out withdraws no dose unseen."""
    if rest and planned.issues:
        why = "; ".join(f"{fault.path}: {fault.message}" for fault in planned.issues)
        told = f"doses have been given, and what is still to be given would be withdrawn ({why})"
        raise Conflict(f"{told}: name in {CONFIRMED_BY} who confirmed it")


def _graft_date(enrolment: Enrolment) -> date | None:
    return enrolment.transplant.day_zero if isinstance(enrolment.transplant, Transplant) else None


def _because_of(tx: Tx, submission: Submission) -> list[Stored]:
    """What is stored because of an enrolment: what it says, and its regimen."""
    sources = (submission.key, regimen.SOURCE)
    return [one for source in sources for one in tx.resources.from_source(submission.course, source)]
