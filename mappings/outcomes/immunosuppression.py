"""Systemic immunosuppression: a MedicationStatement for each drug, and whether any was ongoing when it was looked at.

A drug whose stop is said to be missing may be ongoing or not: its status is unknown, so that nothing which waits for
the end of immunosuppression takes it for ended. Where a later assessment says that none is taken any more, it has ended
on a day that is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mappings.facts import FollowUp, Immunosuppressant, Immunosuppression, Missing, PartialDate, Said
from mappings.outcomes.chart import Chart, dated, flagged, in_order, missing, notes_of, together
from mappings.outcomes.retold import known_as
from mappings.r4.build import Element, Resource

_UNTOLD = Missing("unknown")


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """The assessment, where there was one, and the drugs that the visit names, as `retold` put them together."""
    section = visit.immunosuppression
    if isinstance(section, Missing):
        yield _assessment(visit.date, missing(section), visit, chart)
    if isinstance(section, Immunosuppression):
        yield from _assessed(section, visit, chart)
        for drug in section.drugs if isinstance(section.drugs, tuple) else ():
            yield _statement(drug, section, visit, chart)


def none_taken(visits: Sequence[FollowUp]) -> tuple[PartialDate, ...]:
    """Days of the assessments that found no drug at all: those with an empty list."""
    sections = (visit.immunosuppression for visit in visits)
    found = (section for section in sections if isinstance(section, Immunosuppression) and section.drugs == ())
    return tuple(section.assessed for section in found if isinstance(section.assessed, PartialDate))


def _assessed(section: Immunosuppression, visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """A list that is said to be missing is told even without a day of assessment, on the visit's."""
    drugs, day = section.drugs, section.assessed
    on = day if isinstance(day, PartialDate) else visit.date
    if isinstance(drugs, Missing):
        yield _assessment(day or visit.date, missing(drugs), visit, chart)
    elif drugs is None and day is not None:
        yield _assessment(on, missing(day if isinstance(day, Missing) else _UNTOLD), visit, chart)
    elif drugs is not None and day is not None:
        yield _assessment(day, flagged(_ongoing(drugs, on)), visit, chart)


def _assessment(when: PartialDate | Missing, value: Element, visit: FollowUp, chart: Chart) -> Resource:
    day = when if isinstance(when, PartialDate) else visit.date
    profile, item = "engraft-immunosuppression", "immunosuppression"
    return chart.observation(profile, item, when, value, (day,), category="therapy")


def _ongoing(drugs: Sequence[Immunosuppressant], on: PartialDate) -> bool | Missing:
    """Was any of them taken on that day? The list of an assessment is whole: an empty one says none."""
    taken = [_taken(drug.stopped, on) for drug in drugs]
    return True if True in taken else next((said for said in taken if isinstance(said, Missing)), False)


def _taken(stopped: Said[PartialDate], on: PartialDate) -> bool | Missing:
    if isinstance(stopped, Missing):
        return stopped
    if stopped is None or stopped.earliest > on.latest:
        return True
    return False if in_order(stopped, on) else _UNTOLD


def _statement(drug: Immunosuppressant, section: Immunosuppression, visit: FollowUp, chart: Chart) -> Resource:
    item, known = "immunosuppressant", known_as(drug, visit)
    asserted = section.assessed if isinstance(section.assessed, PartialDate) else visit.date
    ended = any(day.earliest > asserted.latest for day in chart.none_taken)
    stopped = drug.stopped or (_UNTOLD if ended else None)
    out = chart.head("MedicationStatement", "engraft-immunosuppressant", item, *known) | {
        "status": "completed" if ended else _status(drug.stopped),
        "medicationCodeableConcept": chart.concept(item, drug.drug),
        "subject": chart.subject,
        "dateAsserted": str(asserted),
    }
    return together(out, _period(drug.started, stopped), notes_of(drug.drug))


def _status(stopped: Said[PartialDate]) -> str:
    if isinstance(stopped, Missing):
        return "unknown"
    return "completed" if stopped else "active"


def _period(started: Said[PartialDate], stopped: Said[PartialDate]) -> Element:
    """Where a Period cannot hold both (a month and one of its days), the stop is what others wait for."""
    start = dated("start", started)
    if isinstance(started, PartialDate) and isinstance(stopped, PartialDate) and not in_order(started, stopped):
        start = {"note": [{"text": f"Started {started}"}]}
    told = together(start, dated("end", stopped))
    note = {"note": told.pop("note")} if "note" in told else {}
    return note | ({"effectivePeriod": told} if told else {})
