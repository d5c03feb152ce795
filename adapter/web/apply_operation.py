"""What `$apply` was asked for, read out of its Parameters: pure, and every fault names the parameter.

Facts come from `parameters` (CPG style) or, for weight and height, from the Observations in `data` as well. What is
named in neither stays unknown; the caller may fill it from the enrolment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from mappings.canonicals import LOINC, UCUM
from mappings.facts.values import PartialDate
from mappings.plan.inputs import Measurement, Patient
from mappings.r4.build import Resource
from mappings.r4.faults import Fault, FaultyInput

WEIGHT, HEIGHT = "29463-7", "8302-2"
"""LOINC: body weight, body height."""

FACTS = ("day-zero", "weight", "height", "weight-date", "height-date", "bsa-formula", "draft", "centre")
NAMED_PLAN = ("planDefinition", "url", "canonical", "version")
_INSTANCE = ("subject", "parameters", "data", "useServerData")
_UNIT = {"weight": "kg", "height": "cm"}
_SOUND = ("final", "amended", "corrected")
_UNSOUND = ("registered", "preliminary", "cancelled", "entered-in-error", "unknown")
"""Status of an Observation by which a dose is reckoned, and by which none is: R4's words, all of them."""
_SUBJECT = re.compile(r"(?P<kind>[A-Z][A-Za-z]{1,63})/(?P<id>[A-Za-z0-9.-]{1,64})")


Measured = dict[str, list[Measurement]]
"""Measurements by `weight` and `height`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call. `subjects`: ids of Patients in the order given; `plan`: id or canonical URL at type level.

    `patients`: what `data` says of birth and death, by id; `measured`: its measurements, likewise; `inline`: the
    PlanDefinition, where a whole one was sent.
    """

    subjects: tuple[str, ...]
    plan: str | None = None
    version: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    patients: dict[str, Patient] = field(default_factory=dict)
    measured: dict[str, Measured] = field(default_factory=dict)
    server_data: bool = True
    inline: Resource | None = None


def read(parameters: Any, *, type_level: bool, lenient: bool = False, base: str = "") -> Asked:
    """Reads a Parameters resource. `base`: what a whole URL of this server has before `Patient/<id>`.

    Raises FaultyInput naming every parameter that is wrong.
    """
    if not isinstance(parameters, dict) or parameters.get("resourceType") != "Parameters":
        raise FaultyInput([Fault("Parameters", "the body is a Parameters resource", "structure")])
    reading = _Reading(lenient=lenient, base=base)
    return reading.asked(parameters, type_level=type_level)


class _Reading:
    """One reading of one Parameters: collects faults instead of stopping at the first."""

    def __init__(self, *, lenient: bool, base: str) -> None:
        self.faults: list[Fault] = []
        self.lenient, self.base = lenient, base

    def asked(self, parameters: Resource, *, type_level: bool) -> Asked:
        known = (*_INSTANCE, *NAMED_PLAN) if type_level else _INSTANCE
        found = self._by_name(parameters, "", known, many=("subject",))
        subjects = self._subjects(found.get("subject", []))
        facts = self._facts(found.get("parameters", []))
        bundle = self._resource(found.get("data", []), "data", "Bundle")
        patients, measured = self._data(bundle, subjects)
        inline = self._resource(found.get("planDefinition", []), "planDefinition", "PlanDefinition")
        plan, version = self._plan(found, inline) if type_level else (None, None)
        use = found.get("useServerData", [])
        server_data = self._value(use[0], "useServerData", "valueBoolean", bool) if use else True
        if len(subjects) > 1:
            self._only_shared(facts)
        if self.faults:
            raise FaultyInput(self.faults)
        return Asked(subjects, plan, version, facts, patients, measured, server_data is not False, inline)

    def _by_name(
        self, parameters: Resource, above: str, known: tuple[str, ...], many: tuple[str, ...] = ()
    ) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for item in _dicts(parameters.get("parameter")):
            name = item.get("name")
            if not isinstance(name, str):
                self._fault(f"{above}parameter.name", "every parameter has a name", "required")
            elif name in known:
                found.setdefault(name, []).append(item)
                if len(found[name]) == 2 and name not in many:
                    self._fault(name, "is given more than once", "structure")
            elif not self.lenient:
                words = ", ".join(known)
                self._fault(name[:80], f"would not change the plan: leave it out; known: {words}", "not-supported")
        return found

    def _subjects(self, items: list[dict[str, Any]]) -> tuple[str, ...]:
        if not items:
            self._fault("subject", "is needed: Patient/<id>", "required")
        ids = [self._subject(item) for item in items]
        if len(set(ids)) < len(ids):
            self._fault("subject", "the same subject is given twice", "duplicate")
        return tuple(ids)

    def _subject(self, item: dict[str, Any]) -> str:
        said = item.get("valueString") or _dict(item.get("valueReference")).get("reference")
        match = _SUBJECT.fullmatch(said.removeprefix(self.base)) if isinstance(said, str) else None
        if match is None:
            self._fault("subject", "write Patient/<id> as valueString", "value")
        elif match["kind"] != "Patient":
            self._fault("subject", f"is a {match['kind']}: only a Patient can be given this protocol", "value")
        return match["id"] if match else ""

    def _facts(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        nested = self._resource(items, "parameters", "Parameters")
        if nested is None:
            return {}
        found = self._by_name(nested, "parameters.", FACTS)
        facts = {name: self._fact(name, item[0]) for name, item in found.items()}
        for name in _UNIT:
            if f"{name}-date" in found and name not in found:
                self._fault(
                    f"{name}-date", f"says when {name} was taken, and there is no {name} beside it", "business-rule"
                )
        return {name: value for name, value in facts.items() if value is not None}

    def _fact(self, name: str, item: dict[str, Any]) -> Any:
        if name in ("day-zero", "weight-date", "height-date"):
            return self._date(item, name)
        if name in _UNIT:
            said = self._value(item, name, "valueQuantity", dict)
            return None if said is None else self._quantity(said, name)
        if name == "draft":
            return self._value(item, name, "valueBoolean", bool)
        return self._value(item, name, "valueCode" if name == "bsa-formula" else "valueString", str)

    def _date(self, item: dict[str, Any], name: str) -> date | None:
        said = self._value(item, name, "valueDate", str)
        if said is None:
            return None
        try:
            day = PartialDate(said).exact
        except ValueError:
            day = None
        if day is None:
            self._fault(name, f"{said[:40]} is not a day: write YYYY-MM-DD", "value")
        return day

    def _value(self, item: dict[str, Any], name: str, element: str, kind: type) -> Any:
        said = item.get(element)
        others = [key for key in item if key.startswith("value") and key != element]
        if isinstance(said, kind) and not others:
            return said
        self._fault(name, f"is given as {element}", "value")
        return None

    def _quantity(self, said: dict[str, Any], name: str) -> Decimal | None:
        unit, value = _UNIT[name], said.get("value")
        if said.get("comparator"):
            self._fault(name, "is a measured value, without a comparator", "value")
        elif isinstance(value, bool) or not isinstance(value, int | Decimal):
            self._fault(name, "has no number as value", "value")
        elif not _in_unit(said, unit):
            self._fault(name, f"is given in {unit}, with this UCUM unit", "value")
        else:
            return Decimal(value)
        return None

    def _data(
        self, bundle: Resource | None, subjects: tuple[str, ...]
    ) -> tuple[dict[str, Patient], dict[str, Measured]]:
        resources = [entry["resource"] for entry in _dicts((bundle or {}).get("entry")) if _is(entry.get("resource"))]
        found: dict[str, Resource] = {}
        measured: dict[str, Measured] = {}
        for one in resources:
            if one["resourceType"] == "Patient" and found.setdefault(str(one.get("id")), one) != one:
                self._fault("data", "holds two Patients of the same id that differ", "conflict")
            elif one["resourceType"] == "Observation":
                self._observe(one, measured)
        return {id_: self._patient(one, asked_for=id_ in subjects) for id_, one in found.items()}, measured

    def _patient(self, patient: Resource, *, asked_for: bool) -> Patient:
        """Birth and death, where they are told by a date; with `deceasedBoolean` nobody knows which days are before."""
        if asked_for and patient.get("deceasedBoolean") is True:
            self._fault(
                "subject", "has died, and deceasedDateTime does not tell when: nobody is dosed then", "business-rule"
            )
        return Patient(self._life(patient, "birthDate"), self._life(patient, "deceasedDateTime"))

    def _life(self, patient: Resource, element: str) -> PartialDate | None:
        said = patient.get(element)
        if said is None:
            return None
        try:
            return PartialDate(said[:10])
        except (TypeError, ValueError):
            self._fault("data", f"the {element} of a Patient is no date: write YYYY-MM-DD, YYYY-MM or YYYY", "value")
            return None

    def _observe(self, observation: Resource, measured: dict[str, Measured]) -> None:
        name = _measure_of(observation)
        if name is None or (status := observation.get("status")) in _UNSOUND:
            return
        if status not in _SOUND:
            self._fault(name, "its Observation has no status, or one that R4 does not know", "code-invalid")
            return
        subject = str(_dict(observation.get("subject")).get("reference", "")).rpartition("/")[2]
        quantity = observation.get("valueQuantity")
        value = self._quantity(quantity, name) if isinstance(quantity, dict) else None
        if value is None:
            return
        taken = _day(observation)
        if taken is None:
            self._fault(name, "its Observation has no effectiveDateTime with a day", "required")
            return
        id_ = observation.get("id")
        source = f"Observation/{id_}" if isinstance(id_, str) else None
        measured.setdefault(subject, {}).setdefault(name, []).append(Measurement(value, taken, source))

    def _plan(self, found: dict[str, list[dict[str, Any]]], inline: Resource | None) -> tuple[str | None, str | None]:
        version = next((item.get("valueString") for item in found.get("version", ())), None)
        if inline is not None:
            return str(inline.get("url") or inline.get("id")), inline.get("version") or version
        for name in ("url", "canonical"):
            for item in found.get(name, ()):
                said = item.get("valueUri") or item.get("valueCanonical") or item.get("valueString")
                url, _, pinned = str(said or "").partition("|")
                return url, pinned or version
        self._fault("planDefinition", "is needed here, or url: which protocol?", "required")
        return None, None

    def _resource(self, items: list[dict[str, Any]], name: str, kind: str) -> Resource | None:
        if not items:
            return None
        resource = _dict(items[0].get("resource"))
        if resource.get("resourceType") == kind:
            return resource
        self._fault(name, f"is given as resource, a {kind}", "structure")
        return None

    def _only_shared(self, facts: dict[str, Any]) -> None:
        for name in ("weight", "height", "weight-date", "height-date"):
            if name in facts:
                self._fault(name, "cannot be the same for several subjects: send it in data", "business-rule")

    def _fault(self, path: str, message: str, code: str) -> None:
        self.faults.append(Fault(path, message, code))


def _in_unit(quantity: dict[str, Any], unit: str) -> bool:
    if "code" in quantity:
        return bool(quantity["code"] == unit and quantity.get("system", UCUM) == UCUM)
    return bool(quantity.get("unit") == unit)


def _measure_of(observation: Resource) -> str | None:
    codings = _dicts(_dict(observation.get("code")).get("coding"))
    codes = [coding.get("code") for coding in codings if coding.get("system") == LOINC]
    return "weight" if WEIGHT in codes else "height" if HEIGHT in codes else None


def _day(observation: Resource) -> date | None:
    said = observation.get("effectiveDateTime")
    try:
        return date.fromisoformat(said[:10]) if isinstance(said, str) and len(said) >= 10 else None
    except ValueError:
        return None


def _is(resource: Any) -> bool:
    return isinstance(resource, dict) and isinstance(resource.get("resourceType"), str)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    items: Iterable[Any] = value if isinstance(value, list) else ()
    return (item for item in items if isinstance(item, dict))
