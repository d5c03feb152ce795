"""One FHIR resource that a centre's own system pushes, understood as what a form of that centre would tell.

It is read by the same reading side as our own resources, so it says the same facts; what that side cannot understand is
refused by `pushed_checks` with its place. Only what was understood is kept of a resource: no narrative, no notes, no
names of people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import date
from typing import Any

from mappings.canonicals import Canonicals
from mappings.facts import (
    BloodCount,
    BodyMeasure,
    Engraftment,
    FollowUp,
    Gvhd,
    ImmuneReconstitution,
    Immunosuppression,
    Measurements,
    Missing,
    PartialDate,
    Recovery,
    VitalStatus,
    Word,
)
from mappings.r4.build import Resource
from mappings.r4.faults import Fault, FaultyInput
from mappings.registry import course_facts, pushed_checks
from mappings.registry.elements import answer, moment, observed_in
from mappings.registry.pieces import Told
from mappings.registry.pushed_checks import tells_of

KEPT: Mapping[str, tuple[str, ...]] = {
    "Observation": (
        *("status", "code", "focus", "effectiveDateTime", "effectivePeriod", "effectiveInstant", "method"),
        *("valueQuantity", "valueCodeableConcept", "valueBoolean", "valueInteger", "dataAbsentReason"),
        *("component", "partOf", "_effectiveDateTime"),
    ),
    "Condition": (
        *("clinicalStatus", "verificationStatus", "severity", "code", "bodySite", "stage"),
        *("onsetDateTime", "onsetPeriod", "abatementDateTime", "abatementPeriod", "_onsetDateTime"),
    ),
    "Procedure": ("status", "statusReason", "code", "performedDateTime", "performedPeriod", "extension"),
    "MedicationAdministration": (
        *("status", "statusReason", "medicationCodeableConcept", "effectiveDateTime", "effectivePeriod"),
        *("request", "dosage", "instantiates"),
    ),
    "MedicationStatement": ("status", "medicationCodeableConcept", "effectivePeriod", "effectiveDateTime"),
    "Patient": ("deceasedDateTime", "deceasedBoolean"),
}
"""What is read of each type, and all that is kept."""

KINDS = tuple(kind for kind in KEPT if kind != "Patient")
"""Types that a centre may push; of a Patient only the death."""

TOLD = ("issued", "recordedDate", "dateAsserted")
"""Where a resource says on which day it was told."""

_UNKNOWN = Missing("unknown")


def kept(resource: Resource) -> Resource:
    """What is kept of a resource; its references and identifiers are the shell's to resolve.

    Raises FaultyInput for what changes the meaning of all the rest.
    """
    kind = resource["resourceType"]
    changed = [name for name in ("implicitRules", "modifierExtension") if name in resource]
    if changed:
        told = "changes the meaning of the rest, and is not understood here"
        raise FaultyInput([Fault(f"{kind}.{name}", told, "not-supported") for name in changed])
    out = {name: resource[name] for name in KEPT[kind] if name in resource}
    if "stage" in out:
        out["stage"] = [{"summary": stage["summary"]} for stage in out["stage"] if "summary" in stage]
    if "dosage" in out:
        out["dosage"] = {name: said for name, said in out["dosage"].items() if name == "dose"}
    return {"resourceType": kind, **{name: said for name, said in out.items() if said not in ({}, [])}}


def context(resource: Resource) -> Resource:
    """As much of a resource as tells which episode or infusion it is."""
    names = ("code", "onsetDateTime", "onsetPeriod", "_onsetDateTime", "status", "performedDateTime", "extension")
    told = {name: resource[name] for name in names if name in resource}
    return {"resourceType": resource["resourceType"], "id": resource["id"], **told}


def told_on(resource: Resource, received: date) -> date:
    """The day on which the sender's system says that it was told; else that on which it came."""
    for name in TOLD:
        try:
            return date.fromisoformat(str(resource.get(name, ""))[:10])
        except ValueError:
            continue
    return received


def visit_of(
    resource: Resource,
    about: Sequence[Resource],
    *,
    key: tuple[str, str, str],
    on: date,
    canonicals: Canonicals,
    own: str | None = None,
) -> FollowUp:
    """The facts of one resource as of a visit of their own. `key`: centre, patient, and what the resource is known by.

    `about`: the resources that it names in `focus` or `partOf`, as `context` of them. `own`: what tells the item from
    others of its kind and day, where the centre has more than one. The visit is on the day `on`, or on a later one that
    the resource itself tells. Raises FaultyInput with the place of everything that is not understood.
    """
    about = [one for one in about if tells_of(resource, one, canonicals)]
    faults = list(pushed_checks.faults(resource, about, canonicals))
    if faults:
        raise FaultyInput(faults)
    sections = (
        _of_patient(resource) if resource["resourceType"] == "Patient" else _sections(resource, about, canonicals)
    )
    if own:
        sections = {section: _named(said, own) for section, said in sections.items()}
    centre, patient, name = key
    latest = max((day for section in sections.values() for day in _days(section)), default=on)
    return FollowUp(centre, patient, name, _day(resource, canonicals, max(on, latest)), **sections)


def _named(said: Any, own: str) -> Any:
    """The same section with the centre's own id on each of its items."""
    if isinstance(said, tuple):
        return tuple(_named(one, own) for one in said)
    if not is_dataclass(said):
        return said
    if hasattr(said, "id"):
        return replace(said, id=own)  # type: ignore[type-var]  # an instance: no class stands in a section
    inner = {part.name: _named(getattr(said, part.name), own) for part in fields(said)}
    return replace(said, **inner)  # type: ignore[type-var]  # an instance: no class stands in a section


def _day(resource: Resource, canonicals: Canonicals, on: date) -> PartialDate:
    """A performance status is of the day of its visit, so its visit is on its day."""
    when = moment(resource, "effective")
    if observed_in(resource, canonicals) == "karnofsky" and isinstance(when, PartialDate):
        return when
    return PartialDate(on.isoformat())


def _of_patient(resource: Resource) -> dict[str, Any]:
    when = moment({"deceasedDateTime": resource.get("deceasedDateTime")}, "deceased")
    return {"vital_status": VitalStatus(Word("dead"), when or _UNKNOWN)}


def _sections(resource: Resource, about: Sequence[Resource], canonicals: Canonicals) -> dict[str, Any]:
    """The sections of a form that say the same."""
    pieces = [piece for one in (*about, resource) for piece in course_facts.pieces(one, canonicals)]
    facts = course_facts.put_together(pieces)
    if observed_in(resource, canonicals) == "cause-of-death":
        cause, when = answer(resource, "cause", canonicals), moment(resource, "effective")
        return {"vital_status": VitalStatus(Word("dead"), when or _UNKNOWN, cause)}
    return next((_SECTIONS[name](said[0]) for name in _SECTIONS if (said := getattr(facts, name))), {})


def _one(name: str) -> Callable[[Told[Any]], dict[str, Any]]:
    return lambda told: {name: _complete(told.fact)}


def _several(name: str) -> Callable[[Told[Any]], dict[str, Any]]:
    return lambda told: {name: (_complete(told.fact),)}


def _measure(told: Told[Any]) -> dict[str, Any]:
    said: Any = told.fact
    measure: dict[str, Any] = {said.of: BodyMeasure(said.value, said.date)}
    return {"measurements": Measurements(**measure)}


def _counted(told: Told[Any]) -> dict[str, Any]:
    said = told.fact
    return {"engraftment": Engraftment(counts=(BloodCount(said.date, **{said.of: said.value}),))}


def _recovery(told: Told[Any]) -> dict[str, Any]:
    said: Any = told.fact
    line: dict[str, Any] = {said.line: Recovery(said.status, said.date)}
    return {"engraftment": Engraftment(**line)}


def _acute(told: Told[Any]) -> dict[str, Any]:
    return {"gvhd": Gvhd(acute=(_complete(told.fact),))}


def _chronic(told: Told[Any]) -> dict[str, Any]:
    return {"gvhd": Gvhd(chronic=(_complete(told.fact),))}


def _assessment(told: Told[Any]) -> dict[str, Any]:
    """Only that none was found can be told so: an episode is told by itself."""
    kinds = [kind for kind in ("acute", "chronic") if getattr(told.fact, kind) is False]
    lists: dict[str, Any] = dict.fromkeys(kinds or ("acute", "chronic"), ())
    return {"gvhd": Gvhd(assessed=told.fact.date, **lists)}


_SECTIONS: Mapping[str, Callable[[Told[Any]], dict[str, Any]]] = {
    "measures": _measure,
    "performance": lambda told: {"measurements": Measurements(karnofsky=told.fact.karnofsky)},
    "counts": _counted,
    "recoveries": _recovery,
    "transfusions": lambda told: {"engraftment": Engraftment(platelet_transfusions=(told.fact.date,))},
    "responses": _one("response"),
    "relapses": _one("relapse"),
    "subsets": lambda told: {
        "immune_reconstitution": ImmuneReconstitution(told.fact.date, **{told.fact.of: told.fact.value})
    },
    "chimerism": _several("chimerism"),
    "acute_gvhd": _acute,
    "chronic_gvhd": _chronic,
    "gvhd_assessments": _assessment,
    "infections": _several("infections"),
    "quality_of_life": _one("quality_of_life"),
    "immunosuppressants": lambda told: {"immunosuppression": Immunosuppression(drugs=(_complete(told.fact),))},
    "immunosuppression": lambda told: {"immunosuppression": Immunosuppression(assessed=told.fact.date, drugs=())},
    "doses": _several("administrations"),
    "infusions": _several("dli"),
    "withheld": _several("dli_withheld"),
    "vital_status": _one("vital_status"),
}
"""By the domain of the facts: the sections of a form that would tell one."""


def _complete(fact: Any) -> Any:
    """What a form always tells and this resource does not is unknown."""
    gaps = {
        part.name: _UNKNOWN
        for part in fields(fact)
        if getattr(fact, part.name) is None and str(part.type).endswith("| Missing")
    }
    return replace(fact, **gaps)


def _days(said: Any) -> list[date]:
    """Every day that is told for certain."""
    if isinstance(said, PartialDate):
        return [said.exact] if said.exact else []
    if isinstance(said, tuple):
        return [day for one in said for day in _days(one)]
    return [day for part in fields(said) for day in _days(getattr(said, part.name))] if is_dataclass(said) else []
