"""How a resource says that it no longer holds: never deleted, so that whoever has a copy learns of it.

What was never true becomes entered-in-error. How an order is withdrawn stands in `plan.revision`.
"""

from __future__ import annotations

from mappings.canonicals import CONDITION_VER_STATUS
from mappings.r4.build import Resource, coding, concept

ENTERED_IN_ERROR = "entered-in-error"
WITH_STATUS = {
    *("Consent", "MedicationAdministration", "MedicationStatement", "Observation", "Procedure"),
    "QuestionnaireResponse",
}
"""Types whose `status` knows entered-in-error and that a centre's document can take back."""


def entered_in_error(resource: Resource) -> Resource:
    """The same resource, saying that it was never true. Raises ValueError for a type that cannot say so."""
    plain = unversioned(resource)
    kind = resource["resourceType"]
    if kind == "Condition":
        # con-5 forbids a clinicalStatus beside entered-in-error, and con-4 an abatement without one
        said = {k: v for k, v in plain.items() if k != "clinicalStatus" and not k.startswith("abatement")}
        return said | {"verificationStatus": concept(coding(CONDITION_VER_STATUS, ENTERED_IN_ERROR))}
    if kind not in WITH_STATUS:
        raise ValueError(f"a {kind} cannot be entered in error")
    return plain | {"status": ENTERED_IN_ERROR}


def standing(resource: Resource) -> str | None:
    """The word by which a resource says how it stands: its status, or what takes its place in that type."""
    if resource["resourceType"] == "Condition":
        codings = resource.get("verificationStatus", {}).get("coding", [{}])
        code: str | None = codings[0].get("code")
        return code
    return resource.get("status") or resource.get("lifecycleStatus")


def unversioned(resource: Resource) -> Resource:
    """Without what a server said of the version that this one follows."""
    if "meta" not in resource:
        return resource
    meta = {name: said for name, said in resource["meta"].items() if name not in ("versionId", "lastUpdated")}
    return {name: meta if name == "meta" else said for name, said in resource.items() if name != "meta" or meta}
