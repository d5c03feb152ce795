"""What a registry has and may no longer have: the same resources, emptied, so that each says of itself that it is void.

An emptied resource keeps its pseudonymous id, the type, the patient that it was about and its labels; what it told is
gone. A server that forbids DELETE takes it, and whoever copied the resource learns of it like of any new version.
"""

from __future__ import annotations

from typing import Any

from mappings.canonicals import CONDITION_VER_STATUS, EXT_DATA_ABSENT_REASON
from mappings.r4.build import Element, Resource, coding, concept

VOID = "entered-in-error"
"""What R4 has for a resource that shall no longer be counted."""

TITLE = "Outcomes withdrawn from this registry"

_MASKED: Element = {"extension": [{"url": EXT_DATA_ABSENT_REASON, "valueCode": "masked"}]}
_STATUS: Resource = {"status": VOID}
_EMPTY: dict[str, dict[str, Any]] = {
    "Patient": {"active": False},
    "Condition": {"verificationStatus": concept(coding(CONDITION_VER_STATUS, VOID))},
    "Observation": _STATUS | {"code": _MASKED, "_effectiveDateTime": _MASKED},
    "Procedure": _STATUS,
    "MedicationStatement": _STATUS | {"medicationCodeableConcept": _MASKED},
    "MedicationAdministration": _STATUS | {"medicationCodeableConcept": _MASKED, "_effectiveDateTime": _MASKED},
    "Composition": _STATUS
    | {"type": {"text": TITLE}, "_date": _MASKED, "author": [{"type": "Device", "display": "Engraft"}], "title": TITLE},
}
"""What R4 asks of each type even then."""

_KEPT = ("resourceType", "id", "identifier", "subject")


def emptied(resource: Resource) -> Resource:
    """The de-identified resource without what it told. Raises KeyError for a type that no registry gets."""
    head = {name: resource[name] for name in _KEPT if name in resource}
    labels = resource.get("meta", {}).get("security")
    return head | ({"meta": {"security": labels}} if labels else {}) | _EMPTY[resource["resourceType"]]


def is_emptied(resource: Resource) -> bool:
    """Is it what `emptied` makes? Never of a type that no registry gets."""
    return resource["resourceType"] in _EMPTY and resource == emptied(resource)
