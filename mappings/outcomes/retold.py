"""What several visits tell of one and the same thing.

The later word counts. What a later visit leaves out, or says to be missing, does not undo what an earlier one knew: to
take something back, the centre corrects or retracts the form that said it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TypeVar

from mappings.facts import AcuteGvhd, AcuteStep, FollowUp, Gvhd, Missing
from mappings.r4.build import Element, Resource

_T = TypeVar("_T", AcuteGvhd, AcuteStep)


def later(before: Resource, after: Resource) -> Resource:
    """One item told twice: the later resource, with what it leaves out where it says the same value again.

    A later word without a value (not done, not known) does not undo one.
    """
    if _value(before) != _value(after):
        return after if _value(after) else before
    out = before | after
    if "component" in out:
        out["component"] = _parts(before.get("component", []), after.get("component", []))
    return {name: said for name, said in out.items() if name not in _undone(before, after)}


def put_together(visits: Sequence[FollowUp]) -> list[FollowUp]:
    """The same visits, oldest first, each telling all that is known of the episodes of acute GVHD that it names."""
    known: dict[str, AcuteGvhd] = {}
    for visit in visits:
        for episode in _episodes(visit):
            key = known_as(episode)
            known[key] = _retold(known[key], episode) if key in known else episode
    return [_with(visit, known) for visit in visits]


def known_as(episode: AcuteGvhd) -> str:
    """What makes two reports the same episode: the centre's id, or else the onset."""
    return episode.id or str(episode.onset)


def _value(resource: Resource) -> Element:
    return {name: said for name, said in resource.items() if name.startswith("value")}


def _undone(before: Resource, after: Resource) -> set[str]:
    """Reasons for a gap that one of the two fills."""
    one, both = before.keys() ^ after.keys(), before.keys() | after.keys()
    undone = {"_effectiveDateTime"} if "effectiveDateTime" in both else set()
    return undone | ({"dataAbsentReason"} & one)


def _parts(before: list[Element], after: list[Element]) -> list[Element]:
    told = [part["code"] for part in after]
    return [*after, *(part for part in before if part["code"] not in told)]


def _episodes(visit: FollowUp) -> tuple[AcuteGvhd, ...]:
    section = visit.gvhd
    return section.acute if isinstance(section, Gvhd) and isinstance(section.acute, tuple) else ()


def _with(visit: FollowUp, known: dict[str, AcuteGvhd]) -> FollowUp:
    if not isinstance(visit.gvhd, Gvhd) or not _episodes(visit):
        return visit
    return replace(visit, gvhd=replace(visit.gvhd, acute=tuple(known[known_as(each)] for each in _episodes(visit))))


def _retold(before: AcuteGvhd, after: AcuteGvhd) -> AcuteGvhd:
    """Steps are known by their day, so that a visit may tell only those that are new."""
    steps = {step.date: step for step in before.course}
    for step in after.course:
        steps[step.date] = _over(steps[step.date], step) if step.date in steps else step
    course = sorted(steps.values(), key=lambda step: (step.date.earliest, str(step.date)))
    return replace(_over(before, after), course=tuple(course))


def _over(before: _T, after: _T) -> _T:
    """Field by field."""
    kept = {}
    for field in fields(after):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if new is None or (isinstance(new, Missing) and old is not None):
            kept[field.name] = old
    return replace(after, **kept)
