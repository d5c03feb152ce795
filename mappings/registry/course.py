"""FHIR resources to the dated facts of each patient: the reading side of what `outcomes` writes.

It reads our own profiles and plain FHIR from elsewhere by the same codes. Every fact keeps the reference of the
resource that it came from. What was entered in error, refuted, cancelled, planned or not done is no fact, and a
resource that comes again replaces what it said before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TypeAlias

from mappings.canonicals import DEFAULT, Canonicals
from mappings.r4.build import Element, Resource
from mappings.registry import course_facts
from mappings.registry.course_facts import NOTHING, CourseFacts
from mappings.registry.elements import observed_in, reference
from mappings.registry.pieces import Piece, holds
from mappings.terminology.codes import key_of

READ_TYPES = (
    *("Patient", "Procedure", "Observation", "Condition", "Encounter"),
    *("MedicationAdministration", "MedicationStatement"),
)
"""Resource types that say something about a course; others are passed over."""

MID_MONTH = 15
"""Where only the month is known, the day that stands for it (endpoint definitions, rule D)."""

_NAMES = ("subject", "patient", "individual")
"""Where the types that we know name their patient."""

_PATIENT = re.compile(r"(?:.*/)?Patient/([A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MONTH = re.compile(r"\d{4}-\d{2}")
_TRANSPLANT_PROFILE = "/StructureDefinition/engraft-transplant"
_TRANSPLANTS = {"hsct", "allogeneic-transplant", "allogeneic-marrow-transplant", "pbsc-graft", "haplo-hsct"}
_SEEN_ALIVE = {"vital-status/alive", "vital-status/lost"}


@dataclass(frozen=True, slots=True)
class Dated:
    """One day of a course. `written` is the date as it stands in the resource `source` (`Type/id`)."""

    day: date
    written: str
    source: str

    @property
    def imputed(self) -> bool:
        """Was only the month known?"""
        return len(self.written) < len("2026-03-02")


@dataclass(frozen=True, slots=True)
class Course:
    """What is known of one patient. Dates are those written, never shifted to another time zone.

    `day_zero`: the first transplant; `later_grafts` are no new origin. `death` is None where the patient is not known
    to have died, or died on a day that is not known; then `death_undated` is the reference of the resource that says
    so. `contacts` are days on which the patient was alive, in order. `facts`: everything else that is read, by domain.
    """

    patient: str
    day_zero: Dated | None = None
    death: Dated | None = None
    death_undated: str | None = None
    contacts: tuple[Dated, ...] = ()
    later_grafts: tuple[Dated, ...] = ()
    facts: CourseFacts = NOTHING

    @property
    def latest(self) -> date | None:
        """Last date of this course, death included."""
        days = [fact.day for fact in (*self.contacts, self.day_zero, self.death) if fact]
        return max(days, default=None)


@dataclass(frozen=True, slots=True)
class _Fact:
    kind: str
    source: str
    when: Dated | None = None


_Read: TypeAlias = tuple[tuple[_Fact, ...], tuple[Piece, ...]]


def read(resources: Iterable[Resource], canonicals: Canonicals = DEFAULT) -> list[Course]:
    """One course for each patient, in the order of their ids. Reads one resource at a time."""
    charts: dict[str, dict[str, _Read]] = {}
    for resource in resources:
        patient = patient_of(resource)
        if patient and resource["resourceType"] in READ_TYPES:
            charts.setdefault(patient, {})[reference(resource)] = _read(resource, canonicals)
    return [_course(patient, chart.values()) for patient, chart in sorted(charts.items())]


def patient_of(resource: Resource) -> str | None:
    """Id of the patient that a resource is about; None where it names none."""
    if resource.get("resourceType") == "Patient":
        return resource.get("id")
    named: Element = next((resource[name] for name in _NAMES if resource.get(name)), {})
    return patient_named(named.get("reference", ""))


@lru_cache(maxsize=1024)
def patient_named(reference: str) -> str | None:
    """Id in a literal reference to a patient, whatever server and version it names; None where it is none."""
    match = _PATIENT.fullmatch(reference)
    return match.group(1) if match else None


def _read(resource: Resource, canonicals: Canonicals) -> _Read:
    kind = resource["resourceType"]
    observed = observed_in(resource, canonicals) or "" if kind == "Observation" and holds(resource) else None
    if observed is None:
        reader = _READERS.get(kind)
        dated = tuple(reader(resource, canonicals)) if reader else ()
    else:
        dated = tuple(_observation(resource, observed, canonicals))
    return dated, tuple(course_facts.pieces(resource, canonicals, observed))


def _course(patient: str, said: Iterable[_Read]) -> Course:
    facts: dict[str, list[_Fact]] = {}
    pieces: list[Piece] = []
    for dated, told in said:
        pieces.extend(told)
        for fact in dated:
            facts.setdefault(fact.kind, []).append(fact)
    undated = facts.get("death-undated")
    deaths = _dated(facts.get("death", [])) or ([] if undated else _dated(facts.get("death-observed", [])))
    grafts = _dated(facts.get("graft-of-ours", [])) or _dated(facts.get("graft", []))
    undated = undated or facts.get("death-observed")
    return Course(
        patient,
        day_zero=grafts[0] if grafts else None,
        death=deaths[0] if deaths else None,
        death_undated=undated[0].source if undated and not deaths else None,
        contacts=tuple(_dated(facts.get("alive", []))),
        later_grafts=_later(grafts, _dated([*facts.get("graft-of-ours", []), *facts.get("graft", [])])),
        facts=course_facts.put_together(pieces),
    )


def _later(first: list[Dated], grafts: list[Dated]) -> tuple[Dated, ...]:
    """Transplants after the first, whoever tells of them."""
    return tuple(graft for graft in grafts if first and graft.day > first[0].day)


def _dated(facts: Iterable[_Fact]) -> list[Dated]:
    return sorted((fact.when for fact in facts if fact.when), key=lambda when: (when.day, when.source))


def _patient(resource: Resource, _: Canonicals) -> Iterator[_Fact]:
    source = reference(resource)
    if "deceasedDateTime" in resource:
        when = _day(resource["deceasedDateTime"], source)
        yield _Fact("death", source, when) if when else _Fact("death-undated", source)
    elif resource.get("deceasedBoolean") is True:
        yield _Fact("death-undated", source)


def _procedure(resource: Resource, canonicals: Canonicals) -> Iterator[_Fact]:
    if not holds(resource):
        return
    source = reference(resource)
    first, last = _span(resource, "performed")
    yield _Fact("alive", source, _day(last, source))
    profiles = (profile.split("|")[0] for profile in resource.get("meta", {}).get("profile", []))
    if any(profile.endswith(_TRANSPLANT_PROFILE) for profile in profiles):
        yield _Fact("graft-of-ours", source, _day(first, source))
    elif key_of("procedures", resource.get("code", {}), canonicals) in _TRANSPLANTS:
        yield _Fact("graft", source, _day(first, source))


def _observation(resource: Resource, observed: str, canonicals: Canonicals) -> Iterator[_Fact]:
    if _said_to_be_missing(resource):
        return
    source = reference(resource)
    when = _day(_span(resource, "effective")[1], source)
    answer = key_of("answers", resource.get("valueCodeableConcept", {}), canonicals, among="vital-status/")
    if answer == "vital-status/dead":
        # elsewhere such a finding is dated by whoever noted it: only ours carries the day of death
        yield _Fact("death-observed", source, when if observed == "vital-status" else None)
    elif observed == "vital-status" and answer not in _SEEN_ALIVE:
        return
    elif observed != "cause-of-death":
        yield _Fact("alive", source, when)


def _said_to_be_missing(observation: Resource) -> bool:
    """As a whole, or in each of the parts that it consists of."""
    parts = observation.get("component", [])
    of_parts = bool(parts) and not any(name.startswith("value") for name in observation)
    return "dataAbsentReason" in observation or (of_parts and all("dataAbsentReason" in part for part in parts))


def _condition(resource: Resource, _: Canonicals) -> Iterator[_Fact]:
    if not holds(resource):
        return
    source = reference(resource)
    for element in ("onset", "abatement"):
        yield _Fact("alive", source, _day(_span(resource, element)[1], source))


def _encounter(resource: Resource, _: Canonicals) -> Iterator[_Fact]:
    if holds(resource):
        period = resource.get("period", {})
        source = reference(resource)
        yield _Fact("alive", source, _day(period.get("end") or period.get("start"), source))


def _administration(resource: Resource, _: Canonicals) -> Iterator[_Fact]:
    if holds(resource):
        source = reference(resource)
        yield _Fact("alive", source, _day(_span(resource, "effective")[1], source))


def _statement(resource: Resource, _: Canonicals) -> Iterator[_Fact]:
    """Who begins or ends a drug is alive on that day. The end of one that is taken still lies ahead."""
    if holds(resource):
        source = reference(resource)
        first, last = _span(resource, "effective")
        yield _Fact("alive", source, _day(first if resource["status"] == "active" else last, source))


_READERS: dict[str, Callable[[Resource, Canonicals], Iterator[_Fact]]] = {
    "Patient": _patient,
    "Procedure": _procedure,
    "Condition": _condition,
    "Encounter": _encounter,
    "MedicationAdministration": _administration,
    "MedicationStatement": _statement,
}


def _span(resource: Element, element: str) -> tuple[str | None, str | None]:
    """First and last moment of `element[x]`, as written."""
    moment = resource.get(f"{element}DateTime") or resource.get(f"{element}Instant")
    period = resource.get(f"{element}Period", {})
    return moment or period.get("start") or period.get("end"), moment or period.get("end") or period.get("start")


def _day(written: str | None, source: str) -> Dated | None:
    """The calendar day as written; the middle of a month of which the day is not known; None for less than that."""
    text = (written or "")[: len("2026-03-02")]
    try:
        if _DAY.fullmatch(text):
            return Dated(date.fromisoformat(text), text, source)
        if _MONTH.fullmatch(text):
            return Dated(date.fromisoformat(f"{text}-{MID_MONTH}"), text, source)
    except ValueError:
        return None
    return None
