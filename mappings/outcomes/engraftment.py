"""Engraftment as the centre reports it, and the counts and transfusions that it is judged by."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import BloodCount, Engraftment, FollowUp, Measured, Missing, PartialDate, Recovery
from mappings.outcomes.chart import Chart, answered, measured, missing
from mappings.r4.build import Resource
from mappings.terminology import codes

LINES = ("neutrophils", "platelets")


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """Status per cell line (one Observation a course, another for a later loss), each count, each transfusion."""
    section = visit.engraftment
    if section is None:
        return
    if isinstance(section, Missing):
        section = Engraftment(section, section)
    for line in LINES:
        yield from _recovery(line, getattr(section, line), chart)
    for count in section.counts:
        for line in LINES:
            yield from _count(line, getattr(count, line), count, chart)
    for day in section.platelet_transfusions:
        yield _transfusion(day, chart)


def _recovery(line: str, said: Recovery | Missing | None, chart: Chart) -> Iterator[Resource]:
    if said is None:
        return
    item, profile = f"engraftment-{line}", "engraft-engraftment"
    if isinstance(said, Missing):
        yield chart.observation(profile, item, None, missing(said), (), category="exam")
        return
    # a graft lost after it had taken is a second event, that does not undo the first
    occurrence = ("loss",) if said.status.key == "secondary-graft-failure" else ()
    value = answered(chart, "engraftment", said.status)
    yield chart.observation(profile, item, said.date, value, occurrence, category="exam")


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
