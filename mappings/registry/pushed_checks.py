"""What of a pushed resource is not understood, each with its place: refused, for a part of a fact is another fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mappings.canonicals import UCUM, Canonicals
from mappings.facts import Missing, PartialDate
from mappings.r4.build import Element, Resource
from mappings.r4.faults import Fault
from mappings.registry import treatment_facts
from mappings.registry.elements import answer, day, measured, moment, number, observed_in, parts, plain, word
from mappings.terminology.codes import key_of
from mappings.terminology.tables import units

STATUSES: Mapping[str, tuple[str, ...]] = {
    "Observation": ("final", "amended", "corrected"),
    "Procedure": ("completed", "not-done"),
    "MedicationAdministration": ("completed", "not-done"),
    "MedicationStatement": ("active", "completed", "stopped", "on-hold", "unknown"),
}
"""What is a fact already, and still."""

_GVHD = ("acute-gvhd", "chronic-gvhd")
_NAMES = {
    **dict.fromkeys(("agvhd-grade", "cgvhd-severity", "gvhd-treatment", "infection-agent"), "focus"),
    "dli-cd3": "partOf",
}
"""Where an Observation names what it is part of."""
_EPISODES = {"agvhd-grade": _GVHD[:1], "cgvhd-severity": _GVHD[1:], "gvhd-treatment": _GVHD}
_IN_COMPONENTS = ("gvhd-treatment", "quality-of-life")
_WITH_COMPONENTS = ("agvhd-grade", "cgvhd-severity", "chimerism", *_IN_COMPONENTS)
_HERE = "is not understood here"

Read = Callable[[Resource, Canonicals], object]


def _coded(group: str) -> Read:
    return lambda resource, canonicals: answer(resource, group, canonicals)


def _plainly(name: str) -> Read:
    return lambda resource, _: plain(resource, name)


_VALUES: Mapping[str, Read] = {
    **dict.fromkeys(
        ("weight", "height", "neutrophils", "platelets", "cd4", "cd8", "treg", "nk", "b", "dli-cd3"),
        lambda resource, _: measured(resource),
    ),
    **dict.fromkeys(("marrow-blasts", "chimerism"), lambda resource, _: number(resource)),
    **{name: _coded("engraftment") for name in ("engraftment-neutrophils", "engraftment-platelets")},
    **{name: _coded(name) for name in ("response", "mrd", "vital-status", "infection-agent", "agvhd-grade")},
    "relapse-kind": _coded("relapse"),
    "cause-of-death": _coded("cause"),
    "cgvhd-severity": _coded("cgvhd-severity"),
    **{name: _plainly("valueBoolean") for name in ("gvhd-assessment", "immunosuppression")},
    "karnofsky": lambda resource, _: (
        number(resource) if "valueQuantity" in resource else plain(resource, "valueInteger")
    ),
    "gvhd-treatment": lambda resource, _: bool(resource.get("component")) or None,
    "quality-of-life": lambda resource, _: bool(resource.get("component")) or None,
}
"""How the value of each kind of Observation is read; None where it is not understood."""


def faults(resource: Resource, about: Sequence[Resource], canonicals: Canonicals) -> Iterator[Fault]:
    """Everything that is not understood, by its FHIRPath in the resource."""
    kind = resource["resourceType"]
    allowed = STATUSES.get(kind)
    if allowed and resource.get("status") not in allowed:
        words = ", ".join(allowed)
        yield Fault(f"{kind}.status", f"only what stands is taken: {words}", "business-rule")
        return
    yield from _CHECKS[kind](resource, about, canonicals)


def tells_of(resource: Resource, one: Resource, canonicals: Canonicals) -> bool:
    """Is `one` what such an Observation is part of: the episode of a grade, the infection of an agent, the infusion?"""
    observed = observed_in(resource, canonicals) if resource["resourceType"] == "Observation" else None
    code = one.get("code", {})
    if observed == "dli-cd3":
        return one["resourceType"] == "Procedure" and treatment_facts.is_infusion(code, canonicals)
    if one["resourceType"] != "Condition":
        return False
    if observed == "infection-agent":
        return _is_infection(one, canonicals)
    return key_of("conditions", code, canonicals) in _EPISODES.get(observed or "", ())


def may_be_of_another(resource: Resource, canonicals: Canonicals) -> bool:
    """Would an Observation stand as the patient's although its focus is somebody or something else?"""
    return _NAMES.get(observed_in(resource, canonicals) or "") != "focus"


def _of_observation(resource: Resource, about: Sequence[Resource], canonicals: Canonicals) -> Iterator[Fault]:
    observed = observed_in(resource, canonicals) or ""
    if observed not in _VALUES:
        told = "the enrolment or a form tells this" if observed else "no code of this is understood here"
        yield Fault("Observation.code", told, "not-supported" if observed else "code-invalid")
        return
    meant = {observed_in({"code": {"coding": [one]}}, canonicals) for one in resource["code"]["coding"]} - {None}
    if len(meant) > 1:
        told = f"its codes mean different things: {', '.join(sorted(map(str, meant)))}"
        yield Fault("Observation.code", told, "code-invalid")
    yield from _unit(resource.get("valueQuantity", {}), "Observation.value")
    yield from _dated(resource, "effective", exact=observed in ("weight", "height", "karnofsky"))
    value = _VALUES[observed](resource, canonicals)
    if value is None:
        yield Fault("Observation.value", f"the value, its code or its unit {_HERE}", "code-invalid")
    if observed in ("gvhd-assessment", "immunosuppression") and value is not False and value is not None:
        told = "only that none was found is taken so: send each episode, or each drug, by itself"
        yield Fault("Observation.value", told, "not-supported")
    element = _NAMES.get(observed)
    if element and not about:
        yield Fault(f"Observation.{element}", "names nothing that is known here", "required")
    if "method" in resource and observed == "mrd" and word(resource["method"], "mrd-method", canonicals) is None:
        yield Fault("Observation.method", f"the method {_HERE}", "code-invalid")
    if observed == "quality-of-life" and word(resource.get("method"), "instrument", canonicals) is None:
        yield Fault("Observation.method", "names the instrument", "required")
    yield from _components(resource, observed, canonicals)


def _unit(quantity: Element, place: str) -> Iterator[Fault]:
    """Its code is UCUM's, and what a person reads beside it is no other unit: whichever is wrong, by powers of ten."""
    code, shown, known = quantity.get("code"), quantity.get("unit"), units()
    if quantity.get("system", UCUM) != UCUM:
        yield Fault(f"{place}.system", f"is not UCUM, {UCUM}", "code-invalid")
    if (
        code in known
        and shown in known
        and (known[code].unit, known[code].power) != (known[shown].unit, known[shown].power)
    ):
        yield Fault(f"{place}.unit", f"{shown} is another unit than the code {code}", "invariant")


def _components(resource: Resource, observed: str, canonicals: Canonicals) -> Iterator[Fault]:
    """Each part by its code, but for the scores of an instrument, which are named in words."""
    known = [part for several in parts(resource, canonicals).values() for part in several]
    for index, part in enumerate(resource.get("component", [])):
        place = f"Observation.component[{index}]"
        named = observed == "quality-of-life" and "text" in part.get("code", {})
        assessed = observed == "gvhd-assessment" and key_of("conditions", part.get("code", {}), canonicals) in _GVHD
        if assessed and part.get("valueBoolean") is not False:
            yield Fault(f"{place}.value", "only that none was found is taken so", "not-supported")
        elif not assessed and (observed not in _WITH_COMPONENTS or not (part in known or named)):
            yield Fault(f"{place}.code", f"this part {_HERE}", "code-invalid")
        elif not assessed and _part(part, canonicals) is None:
            yield Fault(f"{place}.value", f"this value {_HERE}", "code-invalid")


def _part(part: Element, canonicals: Canonicals) -> object:
    """The value of a part, whichever of its kinds it is."""
    if "valueCodeableConcept" in part:
        return key_of("answers", part["valueCodeableConcept"], canonicals)
    found = (part.get(name) for name in ("valueBoolean", "valueInteger", "valueString"))
    said = next((one for one in found if one is not None), None)
    return measured(part) if said is None else said


def _of_condition(resource: Resource, _: Sequence[Resource], canonicals: Canonicals) -> Iterator[Fault]:
    key = key_of("conditions", resource.get("code", {}), canonicals) or ""
    infection = _is_infection(resource, canonicals)
    if key not in (*_GVHD, "relapse", "relapse-marrow") and not infection:
        yield Fault("Condition.code", "no code of this is understood here", "code-invalid")
        return
    if not {_code(resource.get("verificationStatus"))} <= {None, "confirmed"}:
        yield Fault("Condition.verificationStatus", "only what is confirmed is taken", "business-rule")
    yield from _dated(resource, "onset")
    yield from _ended(resource, ends=key in _GVHD or infection)
    if key in _GVHD:
        scale = "agvhd-grade" if key == "acute-gvhd" else "cgvhd-severity"
        for index, stage in enumerate(resource.get("stage", [])):
            if "summary" in stage and word(stage["summary"], scale, canonicals) is None:
                yield Fault(f"Condition.stage[{index}].summary", f"this grade {_HERE}", "code-invalid")
    if "severity" in resource and (
        not infection or word(resource["severity"], "infection-severity", canonicals) is None
    ):
        yield Fault("Condition.severity", f"this severity {_HERE}", "code-invalid")
    for index, site in enumerate(resource.get("bodySite", []) if infection else []):
        if index or word(site, "infection-site", canonicals) is None:
            yield Fault(f"Condition.bodySite[{index}]", f"this site {_HERE}", "code-invalid")


def _ended(resource: Resource, *, ends: bool) -> Iterator[Fault]:
    """An end without its day would leave an episode open."""
    over = _code(resource.get("clinicalStatus")) in ("resolved", "inactive", "remission")
    written = any(name.startswith("abatement") for name in resource)
    if ends and (over or written) and not isinstance(moment(resource, "abatement"), PartialDate):
        yield Fault("Condition.abatement", "it is over: say on which day", "required")


def _of_procedure(resource: Resource, _: Sequence[Resource], canonicals: Canonicals) -> Iterator[Fault]:
    key = key_of("procedures", resource.get("code", {}), canonicals)
    if key not in ("dli", "prophylactic-dli", "platelet-transfusion"):
        told = "the enrolment tells this" if key else "no code of this is understood here"
        yield Fault("Procedure.code", told, "not-supported" if key else "code-invalid")
        return
    yield from _dated(resource, "performed")
    if resource["status"] == "not-done":
        if key == "platelet-transfusion":
            yield Fault("Procedure.status", "a transfusion that was not given is none", "business-rule")
        elif word(resource.get("statusReason"), "dli-withheld", canonicals) is None:
            yield Fault("Procedure.statusReason", "says why it was withheld", "code-invalid")


def _of_administration(resource: Resource, _: Sequence[Resource], canonicals: Canonicals) -> Iterator[Fault]:
    if not list(treatment_facts.of_administration(resource, canonicals)):
        yield Fault(
            "MedicationAdministration.medication", "no drug and no order of this is understood here", "code-invalid"
        )
    yield from _unit(resource.get("dosage", {}).get("dose", {}), "MedicationAdministration.dosage.dose")
    request = resource.get("request", {})
    ours = request.get("identifier", {}).get("system") == canonicals.sid("request")
    if ours and treatment_facts.order_of(request, canonicals) == (None, None):
        told = "names no order: those of a plan are <course>/<action>/<day>"
        yield Fault("MedicationAdministration.request.identifier.value", told)
    yield from _dated(resource, "effective")


def _of_statement(resource: Resource, _: Sequence[Resource], canonicals: Canonicals) -> Iterator[Fault]:
    if word(resource.get("medicationCodeableConcept"), "immunosuppressant", canonicals) is None:
        told = "only systemic immunosuppressants are taken, by the codes known here"
        yield Fault("MedicationStatement.medication", told, "code-invalid")
    period: Element = resource.get("effectivePeriod", {})
    start, end = (day(period.get(name), period.get(f"_{name}")) for name in ("start", "end"))
    for name, said in (("start", start), ("end", end)):
        if name in period and said is None:
            yield Fault(f"MedicationStatement.effective.{name}", "is no date", "value")
    if "effectiveDateTime" in resource:
        yield Fault("MedicationStatement.effective", "say the period: when it was started and stopped", "not-supported")


def _of_patient(resource: Resource, _: Sequence[Resource], __: Canonicals) -> Iterator[Fault]:
    if "deceasedDateTime" in resource and day(resource["deceasedDateTime"]) is None:
        yield Fault("Patient.deceased", "is no date", "value")


def _dated(resource: Resource, element: str, *, exact: bool = False) -> Iterator[Fault]:
    when = moment(resource, element)
    if when is None or (exact and not (isinstance(when, PartialDate) and when.exact)):
        told = "the exact day is missing" if exact else "the day is missing, or is told in a way that is not understood"
        yield Fault(f"{resource['resourceType']}.{element}", told, "required")


def _is_infection(resource: Resource, canonicals: Canonicals) -> bool:
    code = resource.get("code", {})
    found = [key_of("conditions", {"coding": [coding]}, canonicals) or "" for coding in code.get("coding", [])]
    return any(key.partition("/")[0] == "infection" for key in found) or _word(code, canonicals)


def _word(code: Element, canonicals: Canonicals) -> bool:
    said = word(code, "infection-kind", canonicals)
    return said is not None and not isinstance(said, Missing)


def _code(concept: Any) -> str | None:
    codings = (concept or {}).get("coding", [{}])
    said: str | None = codings[0].get("code") if codings else None
    return said


_CHECKS: Mapping[str, Callable[[Resource, Sequence[Resource], Canonicals], Iterator[Fault]]] = {
    "Observation": _of_observation,
    "Condition": _of_condition,
    "Procedure": _of_procedure,
    "MedicationAdministration": _of_administration,
    "MedicationStatement": _of_statement,
    "Patient": _of_patient,
}
