"""Which enrolled patient does an EHR mean? By an id that we know, else by the identifiers of the Patient that it sends.

A wrong answer puts one patient's plan beside another's order, so every doubt is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.config import Settings
from adapter.errors import Conflict
from adapter.store import criteria
from adapter.store.paging import Window
from mappings.plan.elements import elements, text
from mappings.plan.hook_call import HookCall
from mappings.r4.build import Element, escaped

if TYPE_CHECKING:
    from adapter.store import Tx
    from adapter.store.submissions import Submission


def enrolled(tx: Tx, call: HookCall, centre: str, settings: Settings) -> Submission | None:
    """The enrolment of the patient in question; None where the patient is not enrolled at this centre.

    Raises Conflict (412) where the call does not carry what would decide it, or where what it carries contradicts.
    """
    found = _by_id(tx, call.patient, centre, settings)
    patient = call.prefetch.get("patient")
    if not found and ("patient" not in call.prefetch or (patient and call.fetched("patient") is None)):
        raise Conflict("prefetch.patient: is needed, for nobody is known here by this id of the patient", 412)
    sent: Element = call.fetched("patient") or {}
    found = found or _by_identifier(tx, sent, centre)
    if len(found) > 1:
        raise Conflict("context.patientId: several patients of this centre are known by it", 412)
    for one in found:
        _same_birth(one, sent)
    return found[0] if found else None


def _by_id(tx: Tx, patient: str, centre: str, settings: Settings) -> list[Submission]:
    """By our own id, the one under which the hospital was delivered to, or the one told at enrolment."""
    own = tx.resources.get("Patient", patient)
    hospital = settings.centres[centre].hospital if centre in settings.centres else None
    courses = [own.course] if own and own.course else []
    theirs = f"Patient/{patient}"
    courses = courses or (tx.links.courses_of(hospital, theirs) if hospital else [])
    found = [one for known in courses for one in tx.enrolments.of_course(known) if one.centre == centre]
    return found or [one for one in tx.enrolments.of_centre(centre) if one.content.get("hospital_patient") == theirs]


def _by_identifier(tx: Tx, patient: Element, centre: str) -> list[Submission]:
    pairs = [(text(one.get("system")), text(one.get("value"))) for one in elements(patient.get("identifier"))]
    courses: dict[str, None] = {}
    for system, value in pairs:
        if system and value:
            wanted = f"{escaped(system)}|{escaped(value)}"
            criterion = criteria.read("Patient", "identifier", wanted)
            page = tx.resources.search("Patient", [criterion], Window(count=2, total=False), centres=[centre])
            courses |= {one.course: None for one in page.matches if one.course}
    return [one for known in courses for one in tx.enrolments.of_course(known)]


def _same_birth(enrolled: Submission, patient: Element) -> None:
    """Raises Conflict where the EHR's patient was born on another day: advice for a stranger is worse than none."""
    ours, theirs = text(enrolled.content.get("birth_date")), text(patient.get("birthDate"))
    known = min(len(ours), len(theirs))
    if ours[:known] != theirs[:known]:
        raise Conflict("prefetch.patient: was born on another day than the patient who is enrolled", 412)
