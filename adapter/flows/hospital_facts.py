"""What a hospital measured of our patients: read as a pushed resource would be, offered to people, never a fact itself.

Its weights only say that somebody should look at the doses; the rest begins a form that the centre confirms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from adapter.flows import course, pushed_item
from adapter.flows.pushed_item import Known
from adapter.store.copies import Copy
from mappings.facts import BloodCount, Enrolment, FollowUp, ImmuneReconstitution, Measured, Measurements, PartialDate
from mappings.plan.inputs import Measurement
from mappings.r4.build import Ids, Resource
from mappings.r4.faults import FaultyInput
from mappings.registry import pushed
from mappings.registry.blood_facts import COUNTS, SUBSETS
from mappings.registry.elements import observed_in
from mappings.terminology.units import to_unit

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.store import Tx

BODY = ("weight", "height")
OFFERED = frozenset({*BODY, *COUNTS, *SUBSETS})


@dataclass(frozen=True, slots=True)
class Offer:
    """One value of one day, as the hospital has it. `of`: what was measured; `source`: address of its Observation."""

    of: str
    day: date
    value: Measured
    source: str
    version: str | None
    changed: datetime | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An Observation of such a thing that says nothing which a form could say, and why."""

    source: str
    why: str


def patients_of(tx: Tx, hospital: str, ids: Ids) -> tuple[str, ...]:
    """By which references the hospital knows the patient of a course: its own Patient, or ours."""
    linked = tx.links.get(hospital, ids.course)
    return tuple(dict.fromkeys(filter(None, (linked, f"Patient/{ids('patient')}"))))


def courses_of(tx: Tx, hospital: str, patient: str) -> list[str]:
    """The courses whose patient a hospital knows by this reference."""
    ours = tx.resources.get("Patient", patient.removeprefix("Patient/"))
    own = [ours.course] if ours is not None and ours.course and not ours.deleted else []
    return list(dict.fromkeys((*tx.links.courses_of(hospital, patient), *own)))


def told(
    tx: Tx, enrolment: Enrolment, settings: Settings, now: datetime
) -> tuple[tuple[Offer, ...], tuple[LeftOut, ...]]:
    """Everything that the centre's hospital measured of the patient, by day; and what of it is not understood."""
    ids = course.ids_of(enrolment, settings)
    found = [_read(copy, source, Known(enrolment, ids), now) for copy, source in _copies(tx, enrolment, ids, settings)]
    offers = (one for one in found if isinstance(one, Offer))
    left = tuple(one for one in found if isinstance(one, LeftOut))
    return tuple(sorted(offers, key=lambda one: (one.day, one.of, one.source))), left


def weights(tx: Tx, enrolment: Enrolment, settings: Settings, now: datetime) -> tuple[Measurement, ...]:
    """Weights in kg."""
    offers, _ = told(tx, enrolment, settings, now)
    exact = (one for one in offers if one.of == "weight" and not one.value.comparator)
    return tuple(Measurement(to_unit(one.value, "kg").value, one.day, one.source) for one in exact)


def observations(tx: Tx, enrolment: Enrolment, settings: Settings) -> list[Resource]:
    """Everything that the centre's hospital observed of the patient, as it was last read there."""
    ids = course.ids_of(enrolment, settings)
    return [copy.content for copy, _ in _copies(tx, enrolment, ids, settings) if copy.content is not None]


def is_ours(tx: Tx, resource: Resource, ids: Ids) -> bool:
    """Came it from us? A hospital notifies of what we wrote too."""
    systems = (str(one.get("system", "")) for one in resource.get("identifier", []))
    if any(system.startswith(ids.canonicals.sid("")) for system in systems):
        return True
    return tx.resources.get(resource["resourceType"], resource["id"]) is not None


def _copies(tx: Tx, enrolment: Enrolment, ids: Ids, settings: Settings) -> Iterator[tuple[Copy, str]]:
    centre = settings.centres.get(enrolment.centre)
    hospital = settings.hospitals.get(centre.hospital) if centre and centre.hospital else None
    if hospital is None:
        return
    for patient in patients_of(tx, hospital.name, ids):
        for id_, copy in tx.copies.of_patient(hospital.name, patient, "Observation").items():
            if copy.content is not None and not is_ours(tx, copy.content, ids):
                yield copy, f"{hospital.base_url.rstrip('/')}/Observation/{id_}"


def _read(copy: Copy, source: str, known: Known, now: datetime) -> Offer | LeftOut | None:
    """None: of something else, or without a value."""
    resource: Resource = copy.content or {}
    canonicals = known.ids.canonicals
    of = observed_in(resource, canonicals)
    if of not in OFFERED or resource.get("status") == "entered-in-error":
        return None
    key = (known.enrolment.centre, known.enrolment.patient, f"hospital/{resource['id']}")
    try:
        visit = pushed.visit_of(pushed.kept(resource), (), key=key, on=course.day_of(now), canonicals=canonicals)
        pushed_item.require_sound(visit, "Observation", known, now)
    except FaultyInput as error:
        return LeftOut(source, "; ".join(f"{fault.path}: {fault.message}" for fault in error.faults))
    value, when = _said(visit, of)
    if not isinstance(value, Measured):
        return None
    if not isinstance(when, PartialDate) or when.exact is None:
        return LeftOut(source, "Observation.effective: names no day")
    return Offer(of, when.exact, value, source, copy.version, copy.changed)


def _said(visit: FollowUp, of: str) -> tuple[object, object]:
    """The value and its day."""
    if of in BODY:
        assert isinstance(visit.measurements, Measurements)
        measure = getattr(visit.measurements, of)
        return measure.value, measure.date
    if of in COUNTS:
        counts = getattr(visit.engraftment, "counts", ())
        (count,) = (one for one in counts if isinstance(one, BloodCount))
        return getattr(count, of), count.date
    assert isinstance(visit.immune_reconstitution, ImmuneReconstitution)
    return getattr(visit.immune_reconstitution, of), visit.immune_reconstitution.date
