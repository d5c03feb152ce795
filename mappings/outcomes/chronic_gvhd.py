"""Chronic GVHD: one Condition per episode across all visits, its worst severity, and each with the day it was reached.

The NIH 2014 severity is no sum of organ scores, so both are kept. An episode after an infusion of donor lymphocytes
that some visit told of is due to that infusion, any other to the graft.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import ChronicGvhd, ChronicStep, FollowUp, Gvhd, Missing
from mappings.outcomes.chart import Chart, counted, dated, remark
from mappings.outcomes.gvhd_episode import Episode
from mappings.outcomes.retold import Key, known_as, step_known_as, steps_of
from mappings.r4.build import Element, Resource


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """The episodes that the visit names, as `retold` put them together; `gvhd_assessment` tells of an empty list."""
    if isinstance(visit.gvhd, Gvhd) and isinstance(visit.gvhd.chronic, tuple):
        for said in visit.gvhd.chronic:
            key = known_as(said, visit)
            yield from _episode(said, Episode(said, "chronic-gvhd", "cgvhd-severity", key, said.severity, chart))


def _episode(said: ChronicGvhd, episode: Episode) -> Iterator[Resource]:
    grades = []
    if said.severity is not None or said.organs:
        grades.append(_finding(said, ("worst",), episode, episode.span()))
    steps = (step for step in steps_of(said) if isinstance(step, ChronicStep))
    grades += [_finding(one, step_known_as(one), episode, dated("effectiveDateTime", one.date)) for one in steps]
    yield episode.condition(grades, _cause(said, episode.chart))
    yield from grades
    yield from episode.treatment(*_needs(said, episode.chart))


def _finding(said: ChronicGvhd | ChronicStep, which: Key, episode: Episode, when: Element) -> Resource:
    why = remark("Scores of the organs", said.organs)
    return episode.finding(said.severity, which, _scores(said, episode.chart), why, when)


def _scores(said: ChronicGvhd | ChronicStep, chart: Chart) -> Iterator[Element]:
    for organ, score in () if isinstance(said.organs, Missing) else said.organs:
        yield chart.part(f"cgvhd-{organ}", "cgvhd-score", score)


def _cause(said: ChronicGvhd, chart: Chart) -> Element | None:
    infusion = chart.infusions.get(said.after_dli) if isinstance(said.after_dli, int) else None
    return infusion or chart.graft


def _needs(said: ChronicGvhd, chart: Chart) -> Iterator[Element]:
    """Whether it needed systemic treatment (an endpoint counts that), and after which infusion it came."""
    if said.systemic_treatment is not None:
        yield chart.flag("observables", "cgvhd-systemic-treatment", said.systemic_treatment)
    if said.after_dli is not None:
        yield {"code": chart.code("cgvhd-after-dli")} | counted(said.after_dli)
