"""A hospital's own Patient died, was merged or is gone: a question to the centre, and nothing else.

A record may be closed by mistake or hidden from us, and a merge may join two people: what follows from it is said by
the centre, in a follow-up or in the enrolment.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapter.errors import Invalid, NotFound
from adapter.flows import course, hospital_facts, notification, sentence, whose
from adapter.hospital.answer import dicts
from adapter.store.questions import Question
from mappings.facts import VitalStatus, Word
from mappings.r4.build import Resource
from mappings.r4.faults import Fault

if TYPE_CHECKING:
    from adapter.store import Store, Tx

DECEASED, MERGED, GONE = "deceased", "merged", "gone"


def hear(tx: Tx, hospital: str, id_: str, resource: Resource | None, now: datetime) -> None:
    """Asks what is to be asked about a Patient of the hospital as it is now, None: there is none any more."""
    about = f"Patient/{id_}"
    for name in hospital_facts.courses_of(tx, hospital, about):
        tx.questions.settle(hospital, name, about, dict(_standing(tx, name, resource, now)), now)
    for merged in _linked(resource, "replaces"):
        for name in hospital_facts.courses_of(tx, hospital, merged):
            tx.questions.settle(hospital, name, about, {MERGED: {"from": merged, "into": about}}, now)


def words(one: Question) -> str:
    """The question as people read it."""
    if one.kind == DECEASED:
        on = f" on {one.content['date']}" if one.content.get("date") else ""
        return f"{one.about} of {one.hospital} is marked as deceased{on}. If that is so, tell it in a follow-up."
    if one.kind == MERGED:
        old, new = one.content.get("from", one.about), one.content["into"]
        return (
            f"{one.hospital} has merged {old} into {new}. If that is the same person, answer that it is: then {new} "
            "is their record there. Until then what is measured there does not come here."
        )
    return f"{one.hospital} has no {one.about} any more: deleted, or hidden from us. Nothing was changed here."


def answer(
    store: Store, id_: int, reason: str, *, who: str, centre: str | None, now: datetime, relink: bool = False
) -> None:
    """A person has seen to it; `relink`: a merged record is the same person's, and is theirs from now on.

    `centre` None: the operator. Raises NotFound, also for another centre's; Invalid without an answer, and where
    nothing was merged.
    """
    reason = sentence.required(reason, "reason", "say what came of it")
    with store.transaction() as tx:
        found = tx.questions.answer(id_, who=who, answer=reason, at=now)
        of = next((one.centre for one in tx.enrolments.of_course(found.course)), None)
        if centre not in (None, of):
            raise NotFound(f"there is no open question {id_}")
        if relink and found.kind != MERGED:
            raise Invalid([Fault("relink", "only of a merged record can it be said", "business-rule")])
        if relink:
            tx.links.put(found.hospital, found.course, found.content["into"])
            notification.meet(tx, found.hospital, found.content["into"], now)
        said = f"{reason} (from now on {found.content['into']})" if relink else reason
        target = f"question/{id_}"
        tx.audit.add(at=now, who=who, action="answer-question", target=target, centre=of, detail=said)


def of_centre(store: Store, centre: str) -> list[tuple[Question, str]]:
    """Open questions about a centre's own patients, each with the centre's number of the patient."""
    with store.reading() as tx:
        numbers = {one.course: one.patient for one in tx.enrolments.of_centre(centre)}
        return [(one, numbers[one.course]) for one in tx.questions.open_of(list(numbers))]


def _standing(tx: Tx, name: str, resource: Resource | None, now: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    if resource is None:
        yield GONE, {}
        return
    if (resource.get("deceasedBoolean") or "deceasedDateTime" in resource) and not _is_known_dead(tx, name, now):
        yield DECEASED, {"date": str(resource.get("deceasedDateTime", ""))[:10]}
    for into in _linked(resource, "replaced-by"):
        yield MERGED, {"into": into}


def _is_known_dead(tx: Tx, name: str, now: datetime) -> bool:
    """Then the hospital says what we know, or has it from us."""
    said = (visit.vital_status for visit in course.follow_ups_of(tx, name, course.day_of(now)))
    return any(isinstance(one, VitalStatus) and one.status == Word("dead") for one in said)


def _linked(resource: Resource | None, kind: str) -> Iterator[str]:
    for link in dicts((resource or {}).get("link")):
        other = link.get("other")
        reference = str(other.get("reference", "")) if isinstance(other, dict) else ""
        if link.get("type") == kind and reference:
            yield whose.named(reference)
