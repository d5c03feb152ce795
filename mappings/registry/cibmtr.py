"""What CIBMTR takes over FHIR of one de-identified course, and a list of what it does not.

Its guide (nmdp.fhir.cibmtr-reporting) takes five types, marks every resource with the centre that sends it, and wants
of an Observation a day and one value, a Quantity or a code. What has no place there is counted and never squeezed in:
graft-versus-host disease, relapse and death do not travel this way yet. The patient goes under the CRID that CIBMTR
gave to the centre; without one nothing goes, and none is ever made up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from mappings.canonicals import ACT_REASON, CIBMTR_CENTRE, CIBMTR_CRID, DEFAULT, LOINC, RXNORM, SNOMED, Canonicals
from mappings.r4.build import Element, Resource, coding
from mappings.registry.course import patient_of
from mappings.registry.deidentify import release

MOST_ENTRIES = 50
"""Entries of one bundle, by the connection guide."""

CCN = re.compile(r"[0-9]{5}")

_ORDER = ("Patient", "Observation", "Medication", "MedicationRequest", "MedicationAdministration")
_KEPT = {
    "Patient": ("active", "gender", "birthDate"),
    "Observation": (
        *("status", "category", "code", "subject", "effectiveDateTime", "effectivePeriod"),
        *("valueQuantity", "valueCodeableConcept", "interpretation", "bodySite", "method"),
    ),
    "MedicationAdministration": (
        *("status", "medicationCodeableConcept", "subject", "effectiveDateTime", "effectivePeriod", "dosage"),
    ),
}
_PUBLIC = {LOINC, SNOMED}


@dataclass(frozen=True, slots=True)
class Sender:
    """The centre as CIBMTR knows it: its number of five digits, and how its codes are written."""

    ccn: str
    centre_system: str = CIBMTR_CENTRE
    crid_system: str = CIBMTR_CRID

    @property
    def label(self) -> Element:
        """The one label of every resource."""
        return coding(self.centre_system, f"rc_{self.ccn}")


@dataclass(frozen=True, slots=True)
class Transmittable:
    """`bundles`: change sets of at most 50 resources, in the order in which they can be sent.

    `left` counts what is not sent, as `<type>[.element]: <why>`.
    """

    bundles: tuple[tuple[Resource, ...], ...]
    left: Counter[str]


def transmittable(
    resources: Iterable[Resource], sender: Sender, key: bytes, on: date, canonicals: Canonicals = DEFAULT
) -> Transmittable:
    """Of one patient's resources (Consent among them) what may and can be sent on that day.

    Raises ValueError for a number of the centre that is none.
    """
    if not CCN.fullmatch(sender.ccn):
        raise ValueError("a centre's number at CIBMTR has five digits")
    everything = list(resources)
    released = release(everything, key, on, canonicals)
    left: Counter[str] = Counter(released.kept_home)
    crids = _crids(everything, sender.crid_system)
    if len(crids) != 1:
        why = "has no CRID" if not crids else "has several CRIDs"
        return Transmittable((), left + Counter(f"{one['resourceType']}: patient {why}" for one in released.resources))
    crid = {"system": sender.crid_system, "value": crids[0]}
    sent = [made for one in released.resources if (made := _made(one, sender, crid, left))]
    sent.sort(key=lambda one: (_ORDER.index(one["resourceType"]), one["id"]))
    if not sent or sent[0]["resourceType"] != "Patient":
        return Transmittable((), left + Counter(f"{one['resourceType']}: patient cannot be sent" for one in sent))
    parts = [tuple(sent[begin : begin + MOST_ENTRIES]) for begin in range(0, len(sent), MOST_ENTRIES)]
    return Transmittable(tuple(parts), left)


def _crids(resources: Sequence[Resource], system: str) -> list[str]:
    patients = [one for one in resources if one["resourceType"] == "Patient" and patient_of(one)]
    said = (each for one in patients for each in one.get("identifier", []) if each.get("system") == system)
    return sorted({each["value"] for each in said if each.get("value")})


def _made(resource: Resource, sender: Sender, crid: Element, left: Counter[str]) -> Resource | None:
    """The resource as CIBMTR takes it; None where it does not, and `left` says why."""
    kind = resource["resourceType"]
    why = _refused(resource)
    if why:
        left[f"{kind}: {why}"] += 1
        return None
    kept = {name: resource[name] for name in _KEPT[kind] if name in resource}
    for name in resource.keys() - kept.keys() - {"resourceType", "id", "meta", "identifier"}:
        left[f"{kind}.{name.removeprefix('_')}: has no place"] += 1
    identifiers = [crid, *resource["identifier"]] if kind == "Patient" else resource["identifier"]
    head = {"resourceType": kind, "id": resource["id"], "meta": {"security": [sender.label]}}
    return _without_extensions(head | {"identifier": identifiers} | kept | _coded(resource))


def _refused(resource: Resource) -> str:
    """Why it cannot be sent, in words; empty where it can."""
    kind = resource["resourceType"]
    if kind not in _KEPT:
        return "CIBMTR takes no such type"
    if any(one.get("system") == ACT_REASON and one.get("code") == "HTEST" for one in resource["meta"]["security"]):
        return "is marked as test data, and has one label only, for the centre"
    if kind == "MedicationAdministration":
        return "" if _of(resource["medicationCodeableConcept"], {RXNORM}) else "has no RxNorm code"
    return _observation_refused(resource) if kind == "Observation" else ""


def _observation_refused(resource: Resource) -> str:
    if not _of(resource["code"], _PUBLIC):
        return "has a code of our own only"
    if "effectiveDateTime" not in resource and "effectivePeriod" not in resource:
        return "has no date"
    if "valueQuantity" in resource:  # what is left of it after de-identification has a unit of UCUM
        return ""
    if "valueCodeableConcept" in resource:
        return "" if _of(resource["valueCodeableConcept"], {SNOMED}) else "has an answer without a SNOMED CT code"
    return "has no value that is a quantity or a code"


def _coded(resource: Resource) -> Element:
    """Codes of ours say nothing there; they stay."""
    out: Element = {}
    for name, systems in (
        ("code", _PUBLIC),
        ("valueCodeableConcept", {SNOMED}),
        ("medicationCodeableConcept", {RXNORM}),
    ):
        if name in resource:
            out[name] = {"coding": _of(resource[name], systems)}
    return out


def _of(concept: Element, systems: set[str]) -> list[Element]:
    return [one for one in concept.get("coding", []) if one.get("system") in systems]


def _without_extensions(value: Resource) -> Resource:
    """CIBMTR's profiles know none of ours."""
    out: Resource = {}
    for name, part in value.items():
        if isinstance(part, dict):
            part = _without_extensions(part)
        if name != "extension" and not name.startswith("_") and part != {}:
            out[name] = part
    return out
