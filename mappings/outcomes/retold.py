"""What several visits tell of one and the same thing, put together before it becomes FHIR.

The later word counts, field by field. What a later visit leaves out, or says to be missing, does not undo what an
earlier one knew: to take something back, the centre corrects or retracts the form that said it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import TypeVar

from mappings.facts import AcuteGvhd, AcuteStep, Engraftment, FollowUp, Gvhd, Missing, Recovery

LINES = ("neutrophils", "platelets")

_T = TypeVar("_T", AcuteGvhd, AcuteStep, Recovery)
_Recoveries = dict[tuple[str, bool], Recovery]


def put_together(visits: Sequence[FollowUp]) -> list[FollowUp]:
    """The same visits, oldest first, each telling all that is known of the episodes and recoveries that it names."""
    episodes: dict[str, AcuteGvhd] = {}
    recoveries: _Recoveries = {}
    for visit in visits:
        for episode in _episodes(visit):
            before = episodes.get(known_as(episode))
            episodes[known_as(episode)] = _retold(before, episode) if before else episode
        for line, said in _recoveries(visit):
            recovered = recoveries.get((line, is_loss(said)))
            recoveries[line, is_loss(said)] = _recovered(recovered, said) if recovered else said
    return [_with(visit, episodes, recoveries) for visit in visits]


def known_as(episode: AcuteGvhd) -> str:
    """What makes two reports the same episode: the centre's id, or else the onset."""
    return episode.id or str(episode.onset)


def is_loss(said: Recovery) -> bool:
    """A graft lost after it had taken: a second event, that does not undo the first."""
    return said.status.key == "secondary-graft-failure"


def _episodes(visit: FollowUp) -> tuple[AcuteGvhd, ...]:
    section = visit.gvhd
    return section.acute if isinstance(section, Gvhd) and isinstance(section.acute, tuple) else ()


def _recoveries(visit: FollowUp) -> Iterable[tuple[str, Recovery]]:
    said = [(line, getattr(visit.engraftment, line, None)) for line in LINES]
    return [(line, recovery) for line, recovery in said if isinstance(recovery, Recovery)]


def _with(visit: FollowUp, episodes: dict[str, AcuteGvhd], recoveries: _Recoveries) -> FollowUp:
    if _episodes(visit) and isinstance(visit.gvhd, Gvhd):
        known = tuple(episodes[known_as(episode)] for episode in _episodes(visit))
        visit = replace(visit, gvhd=replace(visit.gvhd, acute=known))
    if isinstance(visit.engraftment, Engraftment):
        told = {line: recoveries[line, is_loss(said)] for line, said in _recoveries(visit)}
        neutrophils, platelets = (told.get(line, getattr(visit.engraftment, line)) for line in LINES)
        visit = replace(visit, engraftment=replace(visit.engraftment, neutrophils=neutrophils, platelets=platelets))
    return visit


def _retold(before: AcuteGvhd, after: AcuteGvhd) -> AcuteGvhd:
    """Steps are known by their day, so that a visit may tell only those that are new."""
    steps = {step.date: step for step in before.course}
    for step in after.course:
        steps[step.date] = _over(steps[step.date], step) if step.date in steps else step
    course = sorted(steps.values(), key=lambda step: (step.date.earliest, str(step.date)))
    return replace(_over(before, after), course=tuple(course))


def _recovered(before: Recovery, after: Recovery) -> Recovery:
    """A date belongs to its status: where that changed, the old one is not carried over."""
    return _over(before, after) if before.status == after.status else after


def _over(before: _T, after: _T) -> _T:
    kept = {}
    for field in fields(after):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if new is None or (isinstance(new, Missing) and old is not None):
            kept[field.name] = old
    return replace(after, **kept)
