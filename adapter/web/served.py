"""What the FHIR side serves: types, search parameters and includes. Routes and metadata come from here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from adapter.web import definitions

COMMON = ("_id", "identifier")
OF_PATIENT = (*COMMON, "patient", "subject")

STORED: Mapping[str, tuple[str, ...]] = {
    "CarePlan": (*OF_PATIENT, "status"),
    "Condition": (*OF_PATIENT, "code"),
    "Consent": (*COMMON, "patient", "status"),
    "Goal": OF_PATIENT,
    "MedicationRequest": (*OF_PATIENT, "status", "code"),
    "Observation": (*OF_PATIENT, "status", "code"),
    "Patient": COMMON,
    "Procedure": (*OF_PATIENT, "status", "code"),
    "Provenance": ("_id", "target"),
    "RequestGroup": (*OF_PATIENT, "status", "code"),
    "ServiceRequest": (*OF_PATIENT, "status", "code"),
    "Task": (*OF_PATIENT, "status", "code"),
}
"""Types of patient data with the search parameters that are served, a part of R4's own set."""

DEFINED: Mapping[str, tuple[str, ...]] = dict.fromkeys(definitions.KINDS, definitions.PARAMETERS)
"""Types that describe the protocol and no patient."""

INCLUDES: Mapping[str, str] = {"CarePlan": "activity-reference"}
"""`_include` values served, `<Type>:<parameter>`."""

CONTROLS = ("_count", "_offset", "_format", "_pretty", "_include")
"""Parameters that shape the answer and find nothing themselves."""

KINDS = {"_id": "token", "identifier": "token", "status": "token", "code": "token", "patient": "reference"} | {
    "subject": "reference",
    "target": "reference",
    "url": "uri",
    "version": "token",
    "name": "string",
}
"""R4 type of each search parameter."""


class Operation(NamedTuple):
    """An operation on a type: its name without `$`, and the id of our OperationDefinition in `profiles/`."""

    name: str
    kind: str
    definition: str


OPERATIONS = (
    Operation("apply", "PlanDefinition", "plandefinition-apply"),
    Operation("r5.apply", "PlanDefinition", "plandefinition-r5-apply"),
)


def parameters(kind: str) -> tuple[str, ...] | None:
    """Search parameters of a served type; None where the type is not served."""
    return STORED.get(kind) or DEFINED.get(kind)
