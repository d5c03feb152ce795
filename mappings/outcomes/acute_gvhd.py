"""Acute GVHD: one Condition per episode across all visits, its worst grade, and each grade with the day it was reached.

The MAGIC grade is not the highest organ stage, so both are kept: the grade as value, the stages as components, upper
and lower gut apart. A grade of the course is dated by its day; the worst of an episode by the span of the episode,
because the day on which it was reached is told by the course alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import AcuteGvhd, AcuteStep, FollowUp, Gvhd, Missing
from mappings.outcomes import gvhd_assessment
from mappings.outcomes.chart import Chart, dated
from mappings.outcomes.gvhd_episode import Episode
from mappings.outcomes.retold import known_as, step_known_as, steps_of
from mappings.r4.build import Element, Resource

ORGANS = {organ: f"agvhd-{organ.replace('_', '-')}" for organ in ("skin", "liver", "upper_gi", "lower_gi")}
"""Each organ and what is observed of it."""


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """Whether GVHD was looked for, and the episodes that the visit names, as `retold` put them together."""
    yield from gvhd_assessment.to_fhir(visit, chart)
    if isinstance(visit.gvhd, Gvhd) and isinstance(visit.gvhd.acute, tuple):
        for said in visit.gvhd.acute:
            key = known_as(said, visit)
            yield from _episode(said, Episode(said, "acute-gvhd", "agvhd-grade", key, said.grade, chart))


def _episode(said: AcuteGvhd, episode: Episode) -> Iterator[Resource]:
    chart, stages = episode.chart, list(_stages(said, episode.chart))
    grades = []
    if said.grade is not None or stages:
        grades.append(episode.finding(said.grade, ("worst",), stages, episode.span()))
    for step in (step for step in steps_of(said) if isinstance(step, AcuteStep)):
        when = dated("effectiveDateTime", step.date)
        grades.append(episode.finding(step.grade, step_known_as(step), _stages(step, chart), when))
    yield episode.condition(grades, chart.graft)
    yield from grades
    refractory = said.steroid_refractory
    needs = [] if refractory is None else [chart.flag("observables", "agvhd-steroid-refractory", refractory)]
    yield from episode.treatment(*needs)


def _stages(said: AcuteStep | AcuteGvhd, chart: Chart) -> Iterator[Element]:
    """The organs that were told of, with their stages."""
    for organ, observable in ORGANS.items():
        stage: int | Missing | None = getattr(said, organ)
        if stage is not None:
            yield chart.part(observable, "agvhd-stage", stage)
