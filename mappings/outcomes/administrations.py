"""Doses as they were given, each with the name of its order in the regimen."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import Administration, FollowUp, Measured, Missing, PartialDate, Said
from mappings.facts.values import NOT_PERFORMED
from mappings.outcomes.chart import Chart, missing, notes_of, remark, together, unknown
from mappings.outcomes.order_names import line_of, of_dose
from mappings.outcomes.retold import Key, known_as
from mappings.protocol.model import Line
from mappings.r4.build import Element, Resource, absent, concept, quantity
from mappings.terminology import codes


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """A MedicationAdministration for each dose; a section said to be missing is an Observation without a value."""
    section = visit.administrations
    if isinstance(section, Missing):
        profile, value, where = "engraft-administration-report", missing(section), ("not-told", visit.occasion)
        yield chart.observation(profile, "doses-given", visit.date, value, where, category="therapy")
    for said in section if isinstance(section, tuple) else ():
        yield _dose(said, known_as(said, visit), chart)


def _dose(said: Administration, known: Key, chart: Chart) -> Resource:
    """A dose of which the centre says that it was not performed is not done, whatever list it stands in."""
    line = None if isinstance(said.action, Missing) else line_of(said.action, chart)
    return together(
        chart.head("MedicationAdministration", "engraft-administration", "administration", *known),
        _followed(line, chart),
        {"status": "completed" if said.performed else "not-done"},
        {} if said.performed else {"statusReason": [absent(NOT_PERFORMED)]},
        {"medicationCodeableConcept": _drug(said.action, line, chart), "subject": chart.subject},
        _when(said.date),
        _order(said, line, chart),
        _amount(said.given),
        notes_of(said.action, said.date, said.given),
        remark("Day of the protocol", said.day),
    )


def _followed(line: Line | None, chart: Chart) -> Element:
    """Told also where no day says which order it was: the same drug may stand in two lines of a protocol."""
    if line is None:
        return {}
    return {"instantiates": [chart.canonicals.pinned("ActivityDefinition", f"{chart.protocol}-{line.key}")]}


def _drug(action: str | Missing, line: Line | None, chart: Chart) -> Element:
    if line:
        return codes.concept("drugs", line.drug, chart.canonicals)
    return absent(action.reason) if isinstance(action, Missing) else concept(text=action)


def _when(said: PartialDate | Missing) -> Element:
    """R4 needs it told, and its strict models take the reason in the place of a Period, not in that of a primitive."""
    if isinstance(said, Missing):
        return {"effectivePeriod": unknown(said)}
    return {"effectiveDateTime": said.text}


def _order(said: Administration, line: Line | None, chart: Chart) -> Element:
    order = of_dose(line, said.day if isinstance(said.day, str) else None, chart) if line else None
    return {"request": order} if order else {}


def _amount(given: Said[Measured]) -> Element:
    """R4's dose has no comparator (sqty-1): an amount that is not exact is told in words."""
    if isinstance(given, Missing):
        return {} if given.reason == NOT_PERFORMED else {"dosage": {"dose": unknown(given)}}
    if given is None:
        return {}
    if given.comparator:
        return {"note": [{"text": f"Given: {given.comparator} {given.value} {given.unit}"}]}
    return {"dosage": {"dose": quantity(given.value, given.unit)}}
