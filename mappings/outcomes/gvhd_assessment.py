"""Was GVHD looked for, and was any found? What was not reported is never told as 'none'."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mappings.facts import AcuteGvhd, ChronicGvhd, FollowUp, Gvhd, Missing, PartialDate
from mappings.outcomes.chart import Chart, components, missing
from mappings.outcomes.gvhd_episode import is_disease
from mappings.r4.build import Element, Resource

KINDS = {"acute": "acute-gvhd", "chronic": "chronic-gvhd"}

_UNTOLD = Missing("unknown")


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """One Observation on the day of the assessment, one component per kind of GVHD that was reported.

    A list said to be missing is told even without such a day, on the visit's; the other one says nothing then.
    """
    section = visit.gvhd
    if isinstance(section, Missing):
        yield _observation(visit.date, missing(section), visit, chart)
    if not isinstance(section, Gvhd):
        return
    lists = {kind: said for kind in KINDS if (said := getattr(section, kind)) is not None}
    if section.assessed is None:
        lists = {kind: said for kind, said in lists.items() if isinstance(said, Missing)}
        if not lists:
            return
    if not lists:
        reason = section.assessed if isinstance(section.assessed, Missing) else _UNTOLD
        when = section.assessed if isinstance(section.assessed, PartialDate) else visit.date
        yield _observation(when, missing(reason), visit, chart)
        return
    found = {kind: _found(said) for kind, said in lists.items()}
    kinds = components(chart.flag("conditions", KINDS[kind], said) for kind, said in found.items())
    yield _observation(section.assessed or visit.date, _any(list(found.values())) | kinds, visit, chart)


def _observation(when: PartialDate | Missing, value: Element, visit: FollowUp, chart: Chart) -> Resource:
    occurrence = (when if isinstance(when, PartialDate) else visit.date,)
    return chart.observation("engraft-gvhd-assessment", "gvhd-assessment", when, value, occurrence, category="exam")


def _any(found: Sequence[bool | Missing]) -> Element:
    """Any GVHD at all; 'none' needs both kinds looked for."""
    if True in found:
        return {"valueBoolean": True}
    return {"valueBoolean": False} if found.count(False) == len(KINDS) else {}


def _found(said: object) -> bool | Missing:
    """An episode that was none by its worst grade was not found."""
    if isinstance(said, Missing):
        return said
    return isinstance(said, tuple) and any(is_disease(_worst(episode)) for episode in said)


def _worst(episode: AcuteGvhd | ChronicGvhd) -> object:
    return episode.grade if isinstance(episode, AcuteGvhd) else episode.severity
