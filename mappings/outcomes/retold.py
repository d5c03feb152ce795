"""What several visits tell of one and the same thing.

The later word counts. What a later visit leaves out, or says to be missing, does not undo what an earlier one knew: to
take something back, the centre corrects or retracts the form that said it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date
from typing import TypeVar

from mappings.canonicals import DATA_ABSENT_REASON
from mappings.facts import AcuteGvhd, AcuteStep, FollowUp, Gvhd, Missing, PartialDate, Word
from mappings.outcomes.chart import occurrence
from mappings.r4.build import Element, Resource

_T = TypeVar("_T", AcuteGvhd, AcuteStep)


def later(before: Resource, after: Resource) -> Resource:
    """One item told twice: the later resource, with what it leaves out where it says the same value again.

    A later word without a value (not done, not known) does not undo one.
    """
    if _value(before) != _value(after):
        return after if _value(after) else before
    out = before | {name: said for name, said in after.items() if not _is_gap(said) or _is_gap(before.get(name, said))}
    if "component" in out:
        out["component"] = _parts(before.get("component", []), after.get("component", []))
    return {name: said for name, said in out.items() if name not in _undone(before, after)}


def put_together(visits: Sequence[FollowUp]) -> list[FollowUp]:
    """The same visits, oldest first, each telling all that is known of the episodes of acute GVHD that it names."""
    known: dict[tuple[object, ...], AcuteGvhd] = {}
    for visit in visits:
        for episode in _episodes(visit):
            key = known_as(episode, visit)
            known[key] = _retold(known[key], episode) if key in known else episode
    return [_with(visit, known) for visit in visits]


def known_as(episode: AcuteGvhd, visit: FollowUp) -> tuple[object, ...]:
    """What makes two reports the same episode: the centre's id, or else the onset.

    Without either nobody can tell that two visits mean the same one, so each visit's stays its own.
    """
    return (episode.id,) if episode.id else occurrence(episode.onset, visit)


def step_known_as(step: AcuteStep) -> tuple[object, ...]:
    """What tells a step from the others of its course: its day, or else the grade, since each is first reached once."""
    return (step.date,) if isinstance(step.date, PartialDate) else ("undated", _grade(step))


def _value(resource: Resource) -> Element:
    return {name: said for name, said in resource.items() if name.startswith("value")}


def _undone(before: Resource, after: Resource) -> set[str]:
    """Reasons for a gap that one of the two fills."""
    one, both = before.keys() ^ after.keys(), before.keys() | after.keys()
    undone = {"_effectiveDateTime"} if "effectiveDateTime" in both else set()
    return undone | ({"dataAbsentReason"} & one)


def _is_gap(said: object) -> bool:
    """A reason in the place of a code."""
    codings = said.get("coding", []) if isinstance(said, dict) else []
    return bool(codings) and codings[0].get("system") == DATA_ABSENT_REASON


def _parts(before: list[Element], after: list[Element]) -> list[Element]:
    """The later parts, but for gaps that the earlier ones fill; then what only the earlier ones tell."""
    known = [part["code"] for part in before if "dataAbsentReason" not in part]
    later = [part for part in after if "dataAbsentReason" not in part or part["code"] not in known]
    told = [part["code"] for part in later]
    return [*later, *(part for part in before if part["code"] not in told)]


def _episodes(visit: FollowUp) -> tuple[AcuteGvhd, ...]:
    section = visit.gvhd
    return section.acute if isinstance(section, Gvhd) and isinstance(section.acute, tuple) else ()


def _with(visit: FollowUp, known: dict[tuple[object, ...], AcuteGvhd]) -> FollowUp:
    if not isinstance(visit.gvhd, Gvhd) or not _episodes(visit):
        return visit
    episodes = tuple(known[known_as(each, visit)] for each in _episodes(visit))
    return replace(visit, gvhd=replace(visit.gvhd, acute=episodes))


def _retold(before: AcuteGvhd, after: AcuteGvhd) -> AcuteGvhd:
    """Steps are known by their day, so that a visit may tell only those that are new."""
    steps = list(steps_of(before))
    for step in steps_of(after):
        known = _place(step, steps)
        if known is None:
            steps.append(step)
        else:
            steps[known] = _over(steps[known], step)
    untold = next((said.course for said in (after, before) if isinstance(said.course, Missing)), None)
    course = untold if untold and not steps else tuple(sorted(steps, key=_in_time))
    return replace(_over(before, after), course=course)


def _place(step: AcuteStep, steps: Sequence[AcuteStep]) -> int | None:
    """Where a step was told before: under its day; or, where one of the two has no day, under its grade."""
    names = [step_known_as(each) for each in steps]
    if step_known_as(step) in names:
        return names.index(step_known_as(step))
    alike = (number for number, each in enumerate(steps) if _grade(each) == _grade(step))
    return next((n for n in alike if isinstance(step.date, Missing) or isinstance(steps[n].date, Missing)), None)


def _grade(step: AcuteStep) -> str:
    return step.grade.key if isinstance(step.grade, Word) else "unknown"


def steps_of(episode: AcuteGvhd) -> tuple[AcuteStep, ...]:
    """The steps of its course that were told."""
    return () if isinstance(episode.course, Missing) else episode.course


def _in_time(step: AcuteStep) -> tuple[date, str]:
    """Steps without a date come last."""
    return (step.date.earliest, str(step.date)) if isinstance(step.date, PartialDate) else (date.max, "")


def _over(before: _T, after: _T) -> _T:
    """Field by field."""
    kept = {}
    for field in fields(after):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if new is None or (_is_unknown(new) and old is not None):
            kept[field.name] = old
    return replace(after, **kept)


def _is_unknown(said: object) -> bool:
    """Said to be missing, as a whole or in each of its parts."""
    return isinstance(said, Missing) or (isinstance(said, tuple) and said != () and all(map(_is_unknown, said)))
