"""Engraftment as the centre reports it, and the counts and transfusions that it is judged by."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import BloodCount, Engraftment, FollowUp, Measured, Missing, PartialDate, Recovery, Said
from mappings.outcomes.chart import Chart, answered, measured, missing
from mappings.r4.build import Resource
from mappings.terminology import codes


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """Status per cell line (one Observation a course), each count, each platelet transfusion."""
    section = visit.engraftment
    if not isinstance(section, Engraftment):
        return
    yield from _recovery("neutrophils", section.neutrophils, chart)
    yield from _recovery("platelets", section.platelets, chart)
    for count in section.counts:
        yield from _count("neutrophils", count.neutrophils, count, chart)
        yield from _count("platelets", count.platelets, count, chart)
    for day in section.platelet_transfusions:
        yield _transfusion(day, chart)


def _recovery(line: str, said: Said[Recovery], chart: Chart) -> Iterator[Resource]:
    if said is None:
        return
    when = said.date if isinstance(said, Recovery) and isinstance(said.date, PartialDate) else None
    value = missing(said) if isinstance(said, Missing) else answered(chart, "engraftment", said.status)
    yield chart.observation("engraft-engraftment", f"engraftment-{line}", when, value, (), category="exam")


def _count(line: str, said: Measured | Missing | None, count: BloodCount, chart: Chart) -> Iterator[Resource]:
    if said is not None:
        occurrence = (count.id or count.date,)
        yield chart.observation("engraft-blood-count", line, count.date, measured(said), occurrence)


def _transfusion(day: PartialDate, chart: Chart) -> Resource:
    return chart.head("Procedure", "engraft-transfusion", "platelet-transfusion", day) | {
        "status": "completed",
        "code": codes.concept("procedures", "platelet-transfusion", chart.canonicals),
        "subject": chart.subject,
        "performedDateTime": str(day),
    }
