"""FHIR as a hospital's own system writes it, about the synthetic patient of `tests.lib.forms`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

LOCAL = "https://engraft.example/fhir/CodeSystem/engraft"
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
LAB = "urn:oid:1.2.250.1.213.9.1"
VER_STATUS = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def code(value: str, system: str = LOCAL) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": value}]}


def amount(value: str, unit: str, **more: Any) -> dict[str, Any]:
    return {"value": Decimal(value), "unit": unit, "system": UCUM, "code": unit, **more}


def named(value: str) -> dict[str, Any]:
    return {"identifier": [{"system": LAB, "value": value}]}


def observation(subject: str, said: dict[str, Any], on: str | None = "2026-03-17", **more: Any) -> dict[str, Any]:
    out = {"resourceType": "Observation", "status": "final", "code": said, "subject": {"reference": subject}}
    return out | ({"effectiveDateTime": on} if on else {}) | more


def anc(subject: str, value: str = "0.6", on: str = "2026-03-17", **more: Any) -> dict[str, Any]:
    """A neutrophil count as an analyser's interface sends it."""
    return observation(subject, code("751-8", LOINC), on, **{"valueQuantity": amount(value, "10*9/L"), **more})


def gvhd(subject: str, grade: str | None = None, **more: Any) -> dict[str, Any]:
    out = {
        "resourceType": "Condition",
        "clinicalStatus": code("active", CLINICAL),
        "verificationStatus": code("confirmed", VER_STATUS),
        "code": code("402355000", SNOMED),
        "subject": {"reference": subject},
        "onsetDateTime": "2026-04-20",
    }
    return out | ({"stage": [{"summary": code(grade)}]} if grade else {}) | more


def entry(method: str, url: str, resource: dict[str, Any] | None = None, full_url: str = "", **asked: Any) -> Any:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **asked}}
    return made | ({"resource": resource} if resource else {}) | ({"fullUrl": full_url} if full_url else {})


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


ATC = "http://www.whocc.no/atc"


def condition(value: str, system: str = SNOMED, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "code": code(value, system), "onsetDateTime": "2026-03-17", **more}


def procedure(value: str, status: str = "completed", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Procedure",
        "status": status,
        "code": code(value),
        "performedDateTime": "2026-03-17",
        **more,
    }


def statement(status: str = "active", drug: str = "ciclosporin", **period: Any) -> dict[str, Any]:
    drugs = {"ciclosporin": code("387467008", SNOMED), "tacrolimus": code("tacrolimus")}
    taken = {"resourceType": "MedicationStatement", "status": status, "medicationCodeableConcept": drugs[drug]}
    return taken | ({"effectivePeriod": period} if period else {})


def dose(status: str = "completed", **more: Any) -> dict[str, Any]:
    drug = code("L01AC01", ATC)
    given = {"resourceType": "MedicationAdministration", "status": status, "medicationCodeableConcept": drug}
    return given | {"effectiveDateTime": "2026-02-17T08:00:00+01:00"} | more
