"""A hospital's own record says that a dose was given: the order is done, and day zero no longer moves it.

The MedicationAdministration names our order by its identifier, or by our MedicationRequest's id. What it does not name
is not guessed from drug and date: it may be another treatment's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from adapter.config import Settings
from adapter.flows import renewal, whose
from adapter.hospital.subscriptions import Place
from adapter.store import Tx
from adapter.store.hospital_doses import HospitalDose
from mappings.facts import PartialDate
from mappings.r4.build import Resource

KIND = "MedicationAdministration"
_GIVEN = {"completed", "in-progress", "stopped"}
"""R4's words for a dose of which something reached the patient."""


def hear(tx: Tx, hospital: str, place: Place, resource: Resource | None, *, settings: Settings, now: datetime) -> None:
    """Takes in what a hospital has at a place now, None: nothing any more. Only doses of our orders count."""
    kind, id_ = place
    if kind != KIND:
        return
    dose = _dose(tx, hospital, resource, settings, now) if resource else None
    before = tx.hospital_doses.remove(hospital, id_)
    if dose:
        tx.hospital_doses.put(dose)
    for course_ in {before, dose.course if dose else None} - {None}:
        renewal.anew(tx, str(course_), settings, now)


def _dose(tx: Tx, hospital: str, resource: Resource, settings: Settings, now: datetime) -> HospitalDose | None:
    named = _order(tx, resource.get("request", {}), settings)
    day = _day(resource)
    if named is None or day is None or resource.get("status") not in _GIVEN:
        return None
    course_, action, *rest = named.split("/")
    ours = tx.links.get(hospital, course_)
    about = {*_our_patient(tx, course_), *([ours] if ours else [])}
    if whose.subject(resource, _base(hospital, settings)) not in about:
        return None
    given = resource.get("dosage", {}).get("dose")
    return HospitalDose(hospital, resource["id"], course_, action, rest[0] if rest else None, day, given, now)


def _order(tx: Tx, request: dict[str, Any], settings: Settings) -> str | None:
    """`<course>/<action>/<day>` of the order that an administration follows."""
    identifier = request.get("identifier", {})
    if identifier.get("system") == settings.canonicals.sid("request"):
        value = str(identifier.get("value", ""))
        return value if value.count("/") in (1, 2) else None
    unversioned = str(request.get("reference", "")).partition("/_history/")[0]
    kind, _, id_ = unversioned.rpartition("/")
    found = tx.resources.get("MedicationRequest", id_) if kind.endswith("MedicationRequest") else None
    said: str | None = found.content["identifier"][0]["value"] if found else None
    return said


def _base(hospital: str, settings: Settings) -> str:
    known = settings.hospitals.get(hospital)
    return known.base_url.rstrip("/") if known else ""


def _our_patient(tx: Tx, course_: str) -> list[str]:
    return [f"Patient/{one.id}" for one in tx.resources.of_course(course_) if one.kind == "Patient"]


def _day(resource: Resource) -> str | None:
    said = resource.get("effectiveDateTime") or resource.get("effectivePeriod", {}).get("start")
    try:
        return said[:10] if PartialDate(str(said)[:10]).exact else None
    except ValueError:
        return None
