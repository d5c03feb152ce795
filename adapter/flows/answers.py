"""A QuestionnaireResponse as the source of what a centre said: kept beside the facts, and withdrawn with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapter.config import Settings
from adapter.errors import Invalid
from mappings.intake import questionnaire
from mappings.intake.columns import Kind
from mappings.intake.entries import Entry
from mappings.outcomes import retract
from mappings.r4.build import Ids
from mappings.r4.faults import Fault

if TYPE_CHECKING:
    from adapter.store import Store, Tx
    from adapter.store.clients import Client
    from adapter.store.stored import Stored
    from adapter.store.submissions import Submission

KIND = "QuestionnaireResponse"
SOURCE = "answers"
"""What a kept response names as its source; no document has this key."""


def entry(response: Any, kind: Kind, sender: Client | None, store: Store, settings: Settings) -> Entry:
    """The document that a response says. Raises Invalid with each fault by its linkId, also for the other `kind`."""
    if not isinstance(response, Mapping) or response.get("resourceType") != KIND:
        told = f"expected a {KIND}; other resources go to /fhir/<type>"
        raise Invalid([Fault("resourceType", told, "structure")])
    read = questionnaire.entry(response, settings.canonicals, knowing(sender, store))
    if read.document is None:
        raise Invalid(read.faults)
    if read.kind != kind:
        other = "/follow-ups" if read.kind == "follow-up" else "/enrolments"
        told = f"this form is no {kind}: send it to POST {other}"
        raise Invalid([Fault(f"{KIND}.questionnaire", told, "business-rule")])
    complete(read, sender, store)
    return read


def complete(read: Entry, sender: Client | None, store: Store) -> None:
    """The centre is the sender's where no answer tells it. Raises Invalid where subject and answers do not agree."""
    if read.response is None:
        return
    _require_one_patient(read.response, read.document, sender, store)
    if sender is not None and sender.centre:
        read.document.setdefault("centre", sender.centre)


def knowing(sender: Client | None, store: Store) -> questionnaire.Who:
    """Whom a `subject` means: our own Patient, or a patient's number at the sender's centre."""

    def who(subject: Mapping[str, Any]) -> tuple[str, str] | None:
        if known := _referred_to(subject, sender, store):
            return known
        number = subject.get("identifier", {}).get("value")
        return (sender.centre, number) if sender is not None and sender.centre and number else None

    return who


def _referred_to(subject: Mapping[str, Any], sender: Client | None, store: Store) -> tuple[str, str] | None:
    """Centre and number of the Patient of ours that a reference names, if the sender may see it."""
    id_ = str(subject.get("reference", "")).removeprefix("Patient/")
    with store.reading() as tx:
        found = tx.resources.get("Patient", id_) if id_ else None
        enrolled = tx.enrolments.of_course(found.course) if found and found.course else ()
    if enrolled and (sender is None or sender.centre == enrolled[-1].centre):
        return enrolled[-1].centre, enrolled[-1].patient
    return None


def _require_one_patient(
    response: Mapping[str, Any], document: Mapping[str, Any], sender: Client | None, store: Store
) -> None:
    """Raises Invalid where the subject is a Patient of ours and the answers tell of another, or nobody is named."""
    subject, number = response.get("subject", {}), document.get("patient")
    known = _referred_to(subject, sender, store)
    if known is None and number is None and "reference" in subject:
        told = Fault(f"{KIND}.subject", "is no patient whom this centre has enrolled", "not-found")
    elif known is not None and number not in (None, known[1]):
        told = Fault(f"{KIND}.subject", "is another patient than the answers tell of", "conflict")
    else:
        return
    raise Invalid([told])


def keep(tx: Tx, document: Submission, response: Mapping[str, Any] | None, now: datetime) -> None:
    """Keeps what the newest version of a document was read from. Without one, what was kept before no longer holds."""
    if response is None:
        withdraw(tx, document, now)
        return
    subject = Ids(document.course).ref("Patient", "patient")
    if "identifier" in response.get("subject", {}):
        subject |= {"identifier": response["subject"]["identifier"]}
    kept = retract.unversioned({**response, "id": id_of(document), "subject": subject})
    tx.resources.put(kept, centre=document.centre, course=document.course, sources=[SOURCE], at=now)


def withdraw(tx: Tx, document: Submission, now: datetime) -> None:
    """What the document was read from, if it was, holds no longer."""
    found = tx.resources.get(KIND, id_of(document))
    if found:
        gone = retract.entered_in_error(found.content)
        tx.resources.put(gone, centre=document.centre, course=document.course, sources=[SOURCE], at=now)


def reference(tx: Tx, document: Submission) -> str | None:
    """`QuestionnaireResponse/<id>` where the document was read from one."""
    found = tx.resources.get(KIND, id_of(document))
    return found.reference if found and not is_withdrawn(found) else None


def is_withdrawn(kept: Stored) -> bool:
    """Does what was kept hold no longer?"""
    return retract.standing(kept.content) == retract.ENTERED_IN_ERROR


def id_of(document: Submission) -> str:
    """Id of the response that a document is read from."""
    return Ids(document.course)("questionnaire-response", document.id)


def explained(read: Entry, record: Callable[[], Any]) -> Any:
    """What `record` gives; a refusal names the linkIds of the response."""
    try:
        return record()
    except Invalid as error:
        told = read.refusals(error.faults)
        raise Invalid([Fault(one.column or one.path, one.reason, one.code) for one in told]) from error
