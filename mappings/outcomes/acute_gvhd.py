"""Acute GVHD: one Condition per episode across all visits, one graded Observation per day on which a grade was reached.

The MAGIC grade is not the highest organ stage, so both are kept: the grade as value, the stages as components, upper
and lower gut apart. A resolved episode is not active (R4 con-4).
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.canonicals import CONDITION_CLINICAL, CONDITION_VER_STATUS, EXT_CONDITION_DUE_TO
from mappings.facts import AcuteGvhd, AcuteStep, FollowUp, Gvhd, Missing, PartialDate, Said, Word
from mappings.outcomes.chart import Chart, answered, missing
from mappings.r4.build import Element, Resource, coding, concept
from mappings.terminology import codes

ORGANS = ("skin", "liver", "upper_gi", "lower_gi")


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """Episodes of a visit; `assessed` with none says so; a section said to be missing is an assessment not done."""
    section = visit.gvhd
    if isinstance(section, Missing):
        yield _assessment(visit.date, missing(section), chart)
    if not isinstance(section, Gvhd):
        return
    if isinstance(section.assessed, PartialDate):
        found = {"valueBoolean": bool(section.acute or section.chronic)}
        yield _assessment(section.assessed, found, chart)
    if isinstance(section.acute, tuple):
        for episode in section.acute:
            yield from _episode(episode, chart)


def _assessment(when: PartialDate, value: Element, chart: Chart) -> Resource:
    """Was any GVHD found when the patient was looked at?"""
    return chart.observation("engraft-gvhd-assessment", "gvhd-assessment", when, value, (when,), category="exam")


def _episode(episode: AcuteGvhd, chart: Chart) -> Iterator[Resource]:
    key = episode.id or str(episode.onset)
    grades = [_step(step, key, chart) for step in episode.course]
    if not grades and episode.grade is not None:
        grades = [_worst(episode, episode.grade, key, chart)]
    yield _condition(episode, key, grades, chart)
    yield from grades
    yield from _treatment(episode, key, chart)


def _condition(episode: AcuteGvhd, key: str, grades: list[Resource], chart: Chart) -> Resource:
    resolved = episode.resolved if isinstance(episode.resolved, PartialDate) else None
    due_to = {"url": EXT_CONDITION_DUE_TO, "valueReference": chart.ids.ref("Procedure", "transplant")}
    out = chart.head("Condition", "engraft-acute-gvhd", "acute-gvhd", key) | {
        "extension": [due_to],
        "clinicalStatus": concept(coding(CONDITION_CLINICAL, "resolved" if resolved else "active")),
        "verificationStatus": concept(coding(CONDITION_VER_STATUS, "confirmed")),
        "code": codes.concept("conditions", "acute-gvhd", chart.canonicals),
        "subject": chart.subject,
        "onsetDateTime": str(episode.onset),
    }
    if resolved:
        out["abatementDateTime"] = str(resolved)
    stage: Element = {"summary": chart.answer("agvhd-grade", episode.grade)} if isinstance(episode.grade, Word) else {}
    if grades:
        stage["assessment"] = [{"reference": f"Observation/{grade['id']}"} for grade in grades]
    return out | ({"stage": [stage]} if stage else {})


def _step(step: AcuteStep, key: str, chart: Chart) -> Resource:
    return _grade(step, answered(chart, "agvhd-grade", step.grade), step.date, key, chart)


def _worst(episode: AcuteGvhd, grade: Word | Missing, key: str, chart: Chart) -> Resource:
    """Without a course the day of the worst grade is not known: the onset stands for it."""
    return _grade(episode, answered(chart, "agvhd-grade", grade), episode.onset, key, chart)


def _grade(said: AcuteStep | AcuteGvhd, value: Element, when: PartialDate, key: str, chart: Chart) -> Resource:
    out = chart.observation("engraft-acute-gvhd-grade", "agvhd-grade", when, value, (key, when), category="exam")
    out["focus"] = [chart.ids.ref("Condition", "acute-gvhd", key)]
    stages = [
        chart.component(f"agvhd-{organ.replace('_', '-')}", _stage(getattr(said, organ), chart))
        for organ in ORGANS
        if getattr(said, organ) is not None
    ]
    return out | ({"component": stages} if stages else {})


def _stage(said: Said[int], chart: Chart) -> Element:
    return answered(chart, "agvhd-stage", said if isinstance(said, Missing) else Word(str(said)))


def _treatment(episode: AcuteGvhd, key: str, chart: Chart) -> Iterator[Resource]:
    """Treatment words and resistance to steroids, as components of one Observation dated by the onset."""
    said = episode.treatment
    if isinstance(said, Missing):
        parts = [chart.component("gvhd-treatment", missing(said))]
    else:
        parts = [chart.component("gvhd-treatment", answered(chart, "gvhd-treatment", word)) for word in said or ()]
    refractory = episode.steroid_refractory
    if refractory is not None:
        value = missing(refractory) if isinstance(refractory, Missing) else {"valueBoolean": refractory}
        parts.append(chart.component("agvhd-steroid-refractory", value))
    if parts:
        out = chart.observation(
            "engraft-gvhd-treatment", "gvhd-treatment", episode.onset, {}, (key,), category="therapy"
        )
        yield out | {"focus": [chart.ids.ref("Condition", "acute-gvhd", key)], "component": parts}
