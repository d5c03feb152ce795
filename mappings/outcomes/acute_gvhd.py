"""Acute GVHD: one Condition per episode across all visits, its worst grade, and each grade with the day it was reached.

The MAGIC grade is not the highest organ stage, so both are kept: the grade as value, the stages as components, upper
and lower gut apart. A grade of the course is dated by its day; the worst of an episode by the span of the episode,
because the day on which it was reached is told by the course alone. A resolved episode is not active (R4 con-4).
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.canonicals import CONDITION_CLINICAL, CONDITION_VER_STATUS, EXT_CONDITION_DUE_TO
from mappings.facts import AcuteGvhd, AcuteStep, FollowUp, Gvhd, Missing, PartialDate, Said, Word
from mappings.outcomes import gvhd_assessment
from mappings.outcomes.chart import Chart, answered, components, dated, flagged, remark, together, unknown
from mappings.outcomes.retold import known_as, step_known_as, steps_of
from mappings.r4.build import Element, Resource, coding, concept
from mappings.terminology import codes

Key = tuple[object, ...]
"""What tells one episode, or one step of its course, from another."""

ORGANS = ("skin", "liver", "upper_gi", "lower_gi")


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """Whether GVHD was looked for, and the episodes that the visit names, as `retold` put them together."""
    yield from gvhd_assessment.to_fhir(visit, chart)
    if isinstance(visit.gvhd, Gvhd) and isinstance(visit.gvhd.acute, tuple):
        for episode in visit.gvhd.acute:
            yield from _episode(episode, known_as(episode, visit), chart)


def _episode(episode: AcuteGvhd, key: Key, chart: Chart) -> Iterator[Resource]:
    grades = [*_worst(episode, key, chart), *(_step(step, key, chart) for step in steps_of(episode))]
    yield _condition(episode, key, grades, chart)
    yield from grades
    yield from _treatment(episode, key, chart)


def _condition(episode: AcuteGvhd, key: Key, grades: list[Resource], chart: Chart) -> Resource:
    resolved = isinstance(episode.resolved, PartialDate)
    out = chart.head("Condition", "engraft-acute-gvhd", "acute-gvhd", *key)
    if chart.graft:
        out["extension"] = [{"url": EXT_CONDITION_DUE_TO, "valueReference": chart.graft}]
    out |= {
        "clinicalStatus": concept(coding(CONDITION_CLINICAL, "resolved" if resolved else "active")),
        "verificationStatus": concept(coding(CONDITION_VER_STATUS, "confirmed")),
        "code": codes.concept("conditions", "acute-gvhd", chart.canonicals),
        "subject": chart.subject,
    }
    course = remark("Course of the grades", episode.course) if isinstance(episode.course, Missing) else {}
    return together(
        out, dated("onsetDateTime", episode.onset), _end(episode.resolved), _stage(episode, grades, chart), course
    )


def _end(resolved: Said[PartialDate]) -> Element:
    """An abatement without a date would still make the episode abated (con-4): an unknown end is told by a note."""
    if isinstance(resolved, Missing):
        return remark("End of the episode", resolved)
    return dated("abatementDateTime", resolved)


def _stage(episode: AcuteGvhd, grades: list[Resource], chart: Chart) -> Element:
    stage: Element = {"summary": chart.answer("agvhd-grade", episode.grade)} if isinstance(episode.grade, Word) else {}
    if grades:
        stage["assessment"] = [{"reference": f"Observation/{grade['id']}"} for grade in grades]
    return {"stage": [stage | {"type": chart.code("agvhd-grade")}]} if stage else {}


def _worst(episode: AcuteGvhd, key: Key, chart: Chart) -> Iterator[Resource]:
    if episode.grade is None and not _told(episode):
        return
    value = answered(chart, "agvhd-grade", episode.grade) if episode.grade else {}
    yield together(_grade(episode, value, key, ("worst",), chart), _span(episode))


def _step(step: AcuteStep, key: Key, chart: Chart) -> Resource:
    out = _grade(step, answered(chart, "agvhd-grade", step.grade), key, step_known_as(step), chart)
    return together(out, dated("effectiveDateTime", step.date))


def _grade(said: AcuteStep | AcuteGvhd, value: Element, key: Key, which: Key, chart: Chart) -> Resource:
    head = chart.observation("engraft-acute-gvhd-grade", "agvhd-grade", None, value, (*key, *which), category="exam")
    head["focus"] = [chart.ids.ref("Condition", "acute-gvhd", *key)]
    stages = [(chart.code(f"agvhd-{organ.replace('_', '-')}"), _organ(stage, chart)) for organ, stage in _told(said)]
    return together(head, components(stages))


def _told(said: AcuteStep | AcuteGvhd) -> list[tuple[str, int | Missing]]:
    """The organs that were told of, with their stages."""
    return [(organ, stage) for organ in ORGANS if (stage := getattr(said, organ)) is not None]


def _organ(said: int | Missing, chart: Chart) -> Element:
    return answered(chart, "agvhd-stage", said if isinstance(said, Missing) else Word(str(said)))


def _treatment(episode: AcuteGvhd, key: Key, chart: Chart) -> Iterator[Resource]:
    """Treatment words and resistance to steroids, as components of one Observation over the episode."""
    said, code = episode.treatment, chart.code("gvhd-treatment")
    words = (said,) if isinstance(said, Missing) else said or ()
    parts = [(code, answered(chart, "gvhd-treatment", word)) for word in words]
    if episode.steroid_refractory is not None:
        parts.append((chart.code("agvhd-steroid-refractory"), flagged(episode.steroid_refractory)))
    if parts:
        out = chart.observation("engraft-gvhd-treatment", "gvhd-treatment", None, {}, key, category="therapy")
        yield together(
            out, {"focus": [chart.ids.ref("Condition", "acute-gvhd", *key)]}, _span(episode), components(parts)
        )


def _span(episode: AcuteGvhd) -> Element:
    """From the onset to the end, where that is sure to lie behind it (per-1 compares no month with one of its days)."""
    start, end = episode.onset, episode.resolved
    if isinstance(start, Missing):
        told = {"_start": unknown(start)} | ({"end": str(end)} if isinstance(end, PartialDate) else {})
        return {"effectivePeriod": told}
    period = {"start": str(start)}
    if isinstance(end, PartialDate) and (end == start or start.latest <= end.earliest):
        period["end"] = str(end)
    return {"effectivePeriod": period}
