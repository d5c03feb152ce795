"""Whom a pushed resource is about: an enrolled patient of the centre that sent it, however it is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapter.config import Settings
from adapter.store import criteria
from adapter.store.paging import Window
from mappings.r4.build import Element, Resource
from mappings.r4.faults import Fault, FaultyInput

if TYPE_CHECKING:
    from adapter.store import Tx

Places = dict[str, tuple[str, str]]
"""By full URL: type and id of what another entry of the same Bundle became."""

UNKNOWN = "is no patient whom this centre has enrolled"


def course_of(tx: Tx, resource: Resource, centre: str, places: Places, settings: Settings) -> str:
    """Course of the patient. Raises FaultyInput with the place of the subject."""
    kind = resource["resourceType"]
    if kind == "Patient":
        found = _by_id(tx, str(resource.get("id")), centre)
    else:
        found = _named(tx, resource.get("subject", {}), centre, places, settings)
    if found is None:
        raise FaultyInput([Fault(f"{kind}.id" if kind == "Patient" else f"{kind}.subject", UNKNOWN, "not-found")])
    return found


def local(reference: str, places: Places, settings: Settings) -> tuple[str, str] | None:
    """(type, id) of what a literal reference names here: in the same Bundle, or under our base; None elsewhere."""
    if reference in places:
        return places[reference]
    said = reference.removeprefix(f"{settings.public_url}/fhir/").partition("/_history/")[0]
    kind, _, id_ = said.partition("/")
    return (kind, id_) if id_ and "/" not in id_ and ":" not in kind else None


def require_same_person(said: Resource, known: Resource) -> None:
    """Raises FaultyInput where what is sent of a Patient contradicts the enrolment."""
    faults = [
        Fault(f"Patient.{name}", "is told by the enrolment, and differs", "business-rule")
        for name in ("birthDate", "gender")
        if name in said and said[name] != known.get(name)
    ]
    if faults:
        raise FaultyInput(faults)


def _named(tx: Tx, subject: Element, centre: str, places: Places, settings: Settings) -> str | None:
    reference = str(subject.get("reference", ""))
    if reference.startswith("Patient?identifier="):
        return _by_identifier(tx, reference.removeprefix("Patient?identifier="), centre)
    place = local(reference, places, settings)
    if place and place[0] == "Patient":
        return _by_id(tx, place[1], centre) or _at_the_hospital(tx, f"Patient/{place[1]}", centre, settings)
    hospital = _hospital(centre, settings)
    if hospital and reference.startswith(f"{hospital.base_url}/Patient/"):
        return _at_the_hospital(tx, reference.removeprefix(f"{hospital.base_url}/"), centre, settings)
    if "identifier" in subject:
        said = subject["identifier"]
        return _by_identifier(tx, f"{said.get('system', '')}|{said.get('value', '')}", centre)
    return None


def _by_id(tx: Tx, id_: str, centre: str) -> str | None:
    found = tx.resources.get("Patient", id_)
    return found.course if found and found.centre == centre and not found.deleted else None


def _by_identifier(tx: Tx, token: str, centre: str) -> str | None:
    """By any identifier of the Patient, or by the centre's own number where no system is said."""
    system, _, value = token.rpartition("|")
    enrolled = None if system else tx.enrolments.of(centre, value)
    if enrolled:
        return enrolled.course
    criterion = criteria.read("Patient", "identifier", token)
    page = tx.resources.search("Patient", [criterion], Window(2), centres=[centre])
    return page.matches[0].course if len(page.matches) == 1 else None


def _at_the_hospital(tx: Tx, reference: str, centre: str, settings: Settings) -> str | None:
    """The patient whom the centre's hospital knows by this reference."""
    hospital = _hospital(centre, settings)
    linked = tx.links.courses_of(hospital.name, reference) if hospital else []
    enrolled = tx.enrolments.of_centre(centre)
    told = [one.course for one in enrolled if one.content.get("hospital_patient") == reference]
    found = {course for course in (*linked, *told) if any(one.course == course for one in enrolled)}
    return found.pop() if len(found) == 1 else None


def _hospital(centre: str, settings: Settings) -> Any:
    name = settings.centres[centre].hospital if centre in settings.centres else None
    return settings.hospitals.get(name) if name else None
