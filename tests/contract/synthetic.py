"""Synthetic resources, small and valid R4."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

SYSTEM = "https://engraft.example/fhir/sid/contract"
LABELLED = {"tag": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}]}


def patient(id_: str, **more: Any) -> dict[str, Any]:
    identifier = [{"system": SYSTEM, "value": id_}]
    return {"resourceType": "Patient", "id": id_, "meta": LABELLED, "identifier": identifier} | more


def observation(id_: str, patient_id: str, value: str = "0.50", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": id_,
        "meta": LABELLED,
        "identifier": [{"system": SYSTEM, "value": id_}],
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "26499-4"}]},
        "subject": {"reference": f"Patient/{patient_id}"},
        "effectiveDateTime": "2026-03-17",
        "valueQuantity": {
            "value": Decimal(value),
            "unit": "10*9/L",
            "system": "http://unitsofmeasure.org",
            "code": "10*9/L",
        },
    } | more
