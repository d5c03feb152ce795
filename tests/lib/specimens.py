"""Small valid R4 resources, one a type, for tests to break in one place."""

from __future__ import annotations

import copy
from typing import Any

UCUM = "http://unitsofmeasure.org"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CODE = {"coding": [{"system": "http://loinc.org", "code": "26499-4"}]}
TWO_YEARS = {"value": 2, "unit": "a", "system": UCUM, "code": "a"}
PATIENT = {"reference": "Patient/1"}

SPECIMENS: dict[str, dict[str, Any]] = {
    "Observation": {
        "status": "final",
        "code": CODE,
        "subject": PATIENT,
        "effectiveDateTime": "2026-03-02",
        "valueQuantity": {"value": 2.5, "unit": "10*9/L", "system": UCUM, "code": "10*9/L"},
        "component": [{"code": {"text": "part"}, "valueInteger": 3}],
        "referenceRange": [{"text": "as of the laboratory"}],
    },
    "Condition": {
        "clinicalStatus": {"coding": [{"system": CLINICAL, "code": "resolved"}]},
        "code": {"text": "GVHD"},
        "subject": PATIENT,
        "onsetDateTime": "2026-04",
        "abatementDateTime": "2026-05-15",
        "stage": [{"summary": {"text": "II"}}],
        "evidence": [{"code": [{"text": "rash"}]}],
    },
    "Procedure": {"status": "completed", "subject": PATIENT, "performedDateTime": "2026-03-02"},
    "Patient": {"birthDate": "1971-05", "gender": "female", "deceasedBoolean": False},
    "Consent": {
        "status": "active",
        "scope": {"text": "research"},
        "category": [{"text": "research"}],
        "policyRule": {"text": "as recorded"},
    },
    "MedicationRequest": {
        "status": "draft",
        "intent": "plan",
        "medicationCodeableConcept": {"text": "busulfan"},
        "subject": PATIENT,
        "dosageInstruction": [
            {
                "timing": {"repeat": {"boundsPeriod": {"start": "2026-03-01", "end": "2026-03-02"}, "frequency": 1}},
                "doseAndRate": [{"doseRange": {"low": {"value": 1, "unit": "mg"}, "high": {"value": 2, "unit": "mg"}}}],
                "maxDosePerPeriod": {"numerator": {"value": 2}, "denominator": {"value": 1}},
            }
        ],
    },
    "MedicationAdministration": {
        "status": "completed",
        "medicationCodeableConcept": {"text": "busulfan"},
        "subject": PATIENT,
        "effectiveDateTime": "2026-02-25",
        "dosage": {"dose": {"value": 224, "unit": "mg"}},
    },
    "ServiceRequest": {
        "status": "draft",
        "intent": "plan",
        "subject": PATIENT,
        "code": {"text": "visit"},
        "orderDetail": [{"text": "in the morning"}],
    },
    "Task": {"status": "draft", "intent": "plan", "authoredOn": "2026-03-01", "lastModified": "2026-03-02"},
    "Goal": {
        "lifecycleStatus": "proposed",
        "description": {"text": "alive"},
        "subject": PATIENT,
        "target": [{"measure": {"text": "weight"}, "detailString": "x", "dueDuration": TWO_YEARS}],
    },
    "CarePlan": {
        "status": "draft",
        "intent": "plan",
        "subject": PATIENT,
        "contained": [{"resourceType": "Task", "id": "t", "status": "draft", "intent": "plan"}],
        "activity": [{"reference": {"reference": "#t"}}],
    },
    "RequestGroup": {
        "status": "draft",
        "intent": "plan",
        "action": [{"title": "all", "action": [{"resource": {"reference": "Task/1"}}]}],
    },
    "PlanDefinition": {
        "status": "draft",
        "action": [
            {
                "id": "a",
                "condition": [{"kind": "start", "expression": {"language": "text/fhirpath", "expression": "true"}}],
                "relatedAction": [{"actionId": "b", "relationship": "after-start", "offsetDuration": TWO_YEARS}],
            }
        ],
    },
    "Questionnaire": {
        "status": "draft",
        "item": [
            {"linkId": "1", "type": "group", "item": [{"linkId": "2", "type": "display", "text": "x"}]},
            {"linkId": "3", "type": "choice", "answerOption": [{"valueString": "yes"}]},
        ],
    },
    "Group": {"type": "person", "actual": True, "member": [{"entity": PATIENT}]},
    "MeasureReport": {
        "status": "complete",
        "type": "summary",
        "measure": "https://engraft.example/fhir/Measure/os",
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
        "group": [{"stratifier": [{"stratum": [{"value": {"text": "730 d"}}]}]}],
    },
    "Composition": {
        "status": "final",
        "type": {"text": "outcome"},
        "date": "2026-03-02",
        "author": [{"reference": "Device/1"}],
        "title": "outcome",
        "section": [{"title": "all", "section": [{"title": "one", "entry": [PATIENT]}]}],
    },
    "CapabilityStatement": {
        "status": "active",
        "date": "2026-03-02",
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "implementation": {"description": "here"},
        "rest": [{"mode": "server"}],
    },
    "Parameters": {
        "parameter": [{"name": "a", "valueString": "x"}, {"name": "b", "part": [{"name": "c", "valueCode": "d"}]}]
    },
    "Bundle": {
        "type": "transaction",
        "entry": [
            {
                "fullUrl": "urn:uuid:0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60",
                "resource": {"resourceType": "Patient", "id": "1"},
                "request": {"method": "PUT", "url": "Patient/1"},
            }
        ],
    },
}


def specimen(kind: str) -> dict[str, Any]:
    """A fresh valid resource of that type."""
    return {"resourceType": kind, "id": "1", **copy.deepcopy(SPECIMENS[kind])}
