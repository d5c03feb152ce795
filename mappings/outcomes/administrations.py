"""Doses as they were given, each with the name of its order in the regimen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from mappings.facts import Administration, FollowUp, Measured, Missing, PartialDate, Said
from mappings.outcomes.chart import UNTOLD, Chart, dated, missing, remarks, together, unknown, unsaid
from mappings.outcomes.order_names import line_of, of_dose
from mappings.outcomes.retold import known_as, name_of
from mappings.protocol.model import Line
from mappings.r4.build import Element, Resource, absent, concept, quantity
from mappings.terminology import codes

NOT_PERFORMED = "not-performed"


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """A MedicationAdministration for each dose; a section said to be missing is an Observation without a value."""
    section = visit.administrations
    if isinstance(section, Missing):
        profile, value, where = "engraft-administration-report", missing(section), (name_of(visit),)
        yield chart.observation(profile, "doses-given", visit.date, value, where, category="therapy")
    for said in section if isinstance(section, tuple) else ():
        yield _dose(said, known_as(said, visit), chart)


def _dose(said: Administration, known: str, chart: Chart) -> Resource:
    """A dose of which the centre says that it was not performed is not done, whatever list it stands in."""
    not_given = isinstance(said.given, Missing) and said.given.reason == NOT_PERFORMED
    line = line_of(said.action, chart) if isinstance(said.action, str) else None
    order = of_dose(line, said.day if isinstance(said.day, str) else None, chart) if line else None
    return together(
        chart.head("MedicationAdministration", "engraft-administration", "administration", known),
        {"status": "not-done" if not_given else "completed"},
        {"statusReason": [absent(NOT_PERFORMED)]} if not_given else {},
        {"medicationCodeableConcept": _drug(said.action, line, chart), "subject": chart.subject},
        dated("effectiveDateTime", _day(said.date)),
        _definition(line, chart),
        {"request": order} if order else {},
        _amount(said.given),
        remarks(said.action, said.given),
        unsaid("Day of the protocol", said.day),
    )


def _definition(line: Line | None, chart: Chart) -> Element:
    """What was followed, also where no day says which order: the same drug may stand in two lines of a protocol."""
    if line is None:
        return {}
    return {"instantiates": [chart.canonicals.pinned("ActivityDefinition", f"{chart.protocol}-{line.key}")]}


def _drug(action: Said[str], line: Line | None, chart: Chart) -> Element:
    if line:
        return codes.concept("drugs", line.drug, chart.canonicals)
    return concept(text=action) if isinstance(action, str) else absent((action or UNTOLD).reason)


def _day(said: Said[date]) -> PartialDate | Missing:
    """R4 needs it said, or said to be missing."""
    return PartialDate(said.isoformat()) if isinstance(said, date) else said or UNTOLD


def _amount(given: Said[Measured]) -> Element:
    """R4's dose has no comparator (sqty-1): an amount that is not exact is told in words."""
    if isinstance(given, Missing):
        return {} if given.reason == NOT_PERFORMED else {"dosage": {"dose": unknown(given)}}
    if given is None:
        return {}
    if given.comparator:
        return {"note": [{"text": f"Given: {given.comparator} {given.value} {given.unit}"}]}
    return {"dosage": {"dose": quantity(given.value, given.unit)}}
