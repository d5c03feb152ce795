"""Patients for the registry tests, in FHIR as Engraft itself writes it, and plain FHIR as others do."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from mappings.canonicals import DEFAULT
from mappings.intake import schema
from mappings.outcomes import map_course
from mappings.r4.build import Ids, Resource, course_id

TODAY = date(2030, 1, 1)
KEY = bytes(range(32))


def enrolled(patient: str = "P-0001", **changes: Any) -> dict[str, Any]:
    """An enrolment; the graft was on 2026-03-02. A change to None leaves the key out."""
    said = {
        "centre": "FR-037",
        "patient": patient,
        "protocol": "set-haplo-pdli",
        "birth_date": "1971-05-02",
        "sex": "female",
        "identifiers": [{"system": "urn:oid:1.2.250.1.213.1.4.8", "value": "271057512345678"}],
        "consent": {"status": "active", "date": "2026-01-10", "registry": True},
        "disease": {"diagnosis": "aml", "status": "refractory", "diagnosed": "2025-03", "blasts_percent": 34},
        "measurements": {"weight": {"value": 70, "unit": "kg", "date": "2026-02-10"}},
        "transplant": {"date": "2026-03-02", "planned": False, "donor": "haploidentical", "graft": "pbsc"},
    } | changes
    return {key: value for key, value in said.items() if value is not None}


def seen(visit: str, on: str, patient: str = "P-0001", **sections: Any) -> dict[str, Any]:
    """A visit on which the patient was alive, unless told otherwise."""
    alive = {"vital_status": {"status": "alive", "date": on}}
    return {"centre": "FR-037", "patient": patient, "visit": visit, "date": on} | alive | sections


M3 = seen(
    "m3",
    "2026-06-01",
    response={
        "date": "2026-06-01",
        "category": "CR",
        "mrd": {"result": "negative", "method": "flow"},
        "marrow_blasts_percent": Decimal("1.5"),
    },
    engraftment={
        "neutrophils": {"status": "engrafted", "date": "2026-03-17"},
        "counts": [{"date": "2026-03-17", "neutrophils": {"value": Decimal("0.52"), "unit": "10*9/L"}}],
        "platelet_transfusions": ["2026-03-16"],
    },
    immune_reconstitution={"date": "2026-06-01", "cd4": {"value": 120, "unit": "/uL", "comparator": "<"}},
    gvhd={
        "assessed": "2026-06-01",
        "acute": [{"onset": "2026-04", "grade": "II", "skin": 3, "liver": 0, "upper_gi": 0, "lower_gi": 0}],
    },
)


def course_of(enrolment: dict[str, Any], *visits: dict[str, Any]) -> list[Resource]:
    """Everything that Engraft makes of these documents."""
    facts = schema.enrolment(enrolment, TODAY)
    follow_ups = [schema.follow_up(visit, TODAY) for visit in visits]
    ids = Ids(course_id(DEFAULT, facts.centre, facts.patient, facts.protocol))
    return [mapped.resource for mapped in map_course(facts, follow_ups, ids)]


def died(on: str | None = None, visit: str = "m6", day: str = "2026-09-01", patient: str = "P-0001") -> dict[str, Any]:
    """A visit that tells of a death, on a day that is known or not."""
    return seen(visit, day, patient, vital_status={"status": "dead", "date": on or {"not_done": "unknown"}})


def plain_transplant(patient: str, on: str | None, **changes: Any) -> Resource:
    """A transplant as another system writes it: SNOMED CT alone, no profile of ours."""
    return {
        "resourceType": "Procedure",
        "id": f"{patient}-graft",
        "status": "completed",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "50223000"}]},
        "subject": {"reference": f"Patient/{patient}"},
        **({"performedDateTime": on} if on else {}),
    } | changes


def plain_contact(patient: str, on: str, **changes: Any) -> Resource:
    """A laboratory result."""
    return {
        "resourceType": "Observation",
        "id": f"{patient}-{on}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "26515-7"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": on,
    } | changes


def plain_patient(patient: str, **changes: Any) -> Resource:
    return {"resourceType": "Patient", "id": patient} | changes
