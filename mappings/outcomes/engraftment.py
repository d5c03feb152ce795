"""Engraftment as the centre reports it, and the counts and transfusions that it is judged by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from mappings.facts import BloodCount, Engraftment, FollowUp, Measured, Missing, PartialDate, Recovery, Said, Word
from mappings.facts.values import NOT_PERFORMED
from mappings.outcomes.chart import Chart, answered, dated, measured, missing, not_given, occurrence
from mappings.r4.build import Element, Resource
from mappings.terminology import codes

LINES = ("neutrophils", "platelets")

_GIVEN = {"status": "completed"}


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """Status per cell line (one Observation a course, another for a later loss), each count, each transfusion.

    Counts said to be missing are missing for each line, on the visit's date.
    """
    section = visit.engraftment
    if section is None:
        return
    if isinstance(section, Missing):
        section = Engraftment(section, section)
    for line in LINES:
        yield from _recovery(line, getattr(section, line), chart)
    counts = section.counts
    for count in (BloodCount(visit.date, counts, counts),) if isinstance(counts, Missing) else counts:
        known = (count.id,) if count.id else occurrence(count.date, visit)
        for line in LINES:
            yield from _count(line, getattr(count, line), count.date, known, chart)
    yield from _transfusions(section.platelet_transfusions, visit, chart)


def _recovery(line: str, said: Recovery | Missing | None, chart: Chart) -> Iterator[Resource]:
    if said is None:
        return
    item, profile = f"engraftment-{line}", "engraft-engraftment"
    if isinstance(said, Missing):
        yield chart.observation(profile, item, None, missing(said), (), category="exam")
        return
    # a graft lost after it had taken is a second event, that does not undo the first
    lost = isinstance(said.status, Word) and said.status.key == "secondary-graft-failure"
    value = answered(chart, "engraftment", said.status)
    yield chart.observation(profile, item, said.date, value, ("loss",) if lost else (), category="exam")


def _count(
    line: str, said: Said[Measured], when: PartialDate | Missing, known: Sequence[object], chart: Chart
) -> Iterator[Resource]:
    if said is not None:
        yield chart.observation("engraft-blood-count", line, when, measured(said), known)


def _transfusions(
    days: tuple[PartialDate | Missing, ...] | Missing, visit: FollowUp, chart: Chart
) -> Iterator[Resource]:
    """A day that is said to be missing was still that of a transfusion; a list that is may have had none.

    A day counts once; a month that a list names twice had two days of transfusion.
    """
    if isinstance(days, Missing):
        yield _transfusion(not_given(days), days, ("not-told", visit.occasion), chart)
        return
    times: Counter[PartialDate] = Counter()
    for day in (day for day in days if isinstance(day, PartialDate)):
        times[day] += 0 if day.exact and times[day] else 1
        yield _transfusion(_GIVEN, day, (day, times[day]) if times[day] > 1 else (day,), chart)
    for number, gap in enumerate((day for day in days if isinstance(day, Missing)), 1):
        status = not_given(gap) if gap.reason == NOT_PERFORMED else _GIVEN
        yield _transfusion(status, gap, (*occurrence(gap, visit), number), chart)


def _transfusion(status: Element, day: PartialDate | Missing, known: Sequence[object], chart: Chart) -> Resource:
    code = codes.concept("procedures", "platelet-transfusion", chart.canonicals)
    head = chart.head("Procedure", "engraft-transfusion", "platelet-transfusion", *known)
    return head | status | {"code": code, "subject": chart.subject} | dated("performedDateTime", day)
