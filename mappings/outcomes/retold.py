"""What several visits tell of one and the same thing.

The later word counts. What a later visit leaves out, or says to be missing, does not undo what an earlier one knew; nor
does a month the day in it, or a lower grade what an episode was at its worst. To take something back, the centre
corrects or retracts the form that said it.

A thing is known by the centre's own id, else by its kind and first date. Without either nobody can tell that two
visits mean the same one, so each visit's stays its own: told twice it harms less than two that become one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date
from operator import is_
from typing import Any, TypeAlias, TypeVar

from mappings.canonicals import DATA_ABSENT_REASON
from mappings.facts import (
    AcuteGvhd,
    AcuteStep,
    Administration,
    Chimerism,
    ChronicGvhd,
    ChronicStep,
    Dli,
    DliWithheld,
    FollowUp,
    Immunosuppressant,
    Infection,
    Missing,
    PartialDate,
    QualityOfLife,
    Relapse,
    Word,
)
from mappings.r4.build import Element, Resource

Key: TypeAlias = tuple[object, ...]
"""What tells one thing, or one step of a course, from others of its kind."""

Step: TypeAlias = AcuteStep | ChronicStep
Item: TypeAlias = (
    AcuteGvhd
    | ChronicGvhd
    | Infection
    | Immunosuppressant
    | Chimerism
    | Administration
    | Dli
    | DliWithheld
    | Relapse
    | QualityOfLife
)

_T = TypeVar("_T", bound="Item | Step")
_PLACES = (
    *(("gvhd", "acute"), ("gvhd", "chronic"), ("immunosuppression", "drugs")),
    *(("chimerism",), ("infections",), ("administrations",), ("dli",), ("dli_withheld",)),
    *(("relapse",), ("quality_of_life",)),
)
"""Where a form tells of things that another form may tell of again."""

_ALONE = (Relapse, QualityOfLife)
"""Things of which a form tells one, in no list."""

_KNOWN_BY: dict[type, tuple[tuple[str, ...], tuple[str, ...]]] = {
    AcuteGvhd: ((), ("onset",)),
    ChronicGvhd: ((), ("onset",)),
    Infection: (("kind",), ("onset",)),
    Immunosuppressant: (("drug",), ("started",)),
    Chimerism: (("sample", "lineage"), ("date",)),
    Administration: (("action",), ("known_day",)),
    Dli: ((), ("number", "date")),
    DliWithheld: (("number",), ("date",)),
    Relapse: ((), ("date",)),
    QualityOfLife: (("instrument",), ("date",)),
}
"""What tells the kind of a thing, and what stands for its first date: the first of these that is told."""

_NAMED = ("organs", "scores")
"""Values by name, each of which may be told at another visit."""

_WORST = {
    AcuteGvhd: ("grade", "skin", "liver", "upper_gi", "lower_gi"),
    ChronicGvhd: ("severity", "organs"),
}
"""What an episode is told by at its worst: a grade and the stages that make it."""

GRADES = {"I": 1, "II": 2, "III": 3, "IV": 4, "mild": 1, "moderate": 2, "severe": 3}

_WHEN = "effectiveDateTime"

_SILENT = (*_NAMED, "course")
"""Lists that say nothing when they are empty."""


def later(before: Resource, after: Resource) -> Resource:
    """One item told twice: the later resource, with what it leaves out where it says the same value again.

    A later word without a value (not done, not known) does not undo one.
    """
    return _later(before, after) | _derived(before, after) | _otherwise(before, after)


def _later(before: Resource, after: Resource) -> Resource:
    if _value(before) != _value(after):
        return after if _value(after) else before
    out = before | {name: said for name, said in after.items() if not _is_gap(said) or _is_gap(before.get(name, said))}
    if _tells_more(before, after):
        out[_WHEN] = before[_WHEN]
    if "component" in out:
        out["component"] = _parts(before.get("component", []), after.get("component", []))
    return {name: said for name, said in out.items() if name not in _undone(before, after)}


def _derived(before: Resource, after: Resource) -> Element:
    """What both rest on."""
    rests_on = [*before.get("derivedFrom", []), *after.get("derivedFrom", [])]
    return {"derivedFrom": [one for n, one in enumerate(rests_on) if one not in rests_on[:n]]} if rests_on else {}


def _otherwise(before: Resource, after: Resource) -> Element:
    """Two visits date one thing differently: the later word counts, and what the earlier said is told beside it."""
    dates = [said.get(_WHEN) for said in (before, after)]
    if None in dates or dates[0] == dates[1] or not _value(after):
        return {}
    if _value(before) == _value(after) and _tells_more(before, after):
        return {}
    notes = [*before.get("note", []), *after.get("note", []), {"text": f"An earlier visit dated it {dates[0]}."}]
    return {"note": [one for n, one in enumerate(notes) if one not in notes[:n]]}


def _tells_more(before: Resource, after: Resource) -> bool:
    """Does the earlier word tell the day of which the later one tells the month?"""
    return _WHEN in after and str(before.get(_WHEN, "")).startswith(f"{after[_WHEN]}-")


def put_together(visits: Sequence[FollowUp]) -> list[FollowUp]:
    """The same visits, oldest first, each telling all that is known of the things that it names."""
    out = list(visits)
    for place in _PLACES:
        if sum(len(_items(visit, place)) for visit in out) < 2:
            continue  # nothing is told twice
        known: dict[Key, Any] = {}
        for visit in out:
            for item in _items(visit, place):
                key = known_as(item, visit)
                known[key] = _retold(known[key], item) if key in known else item
        out = [_with(visit, place, known) for visit in out]
    return out


def known_as(item: Item, visit: FollowUp) -> Key:
    """What makes two reports the same thing."""
    if own := getattr(item, "id", None):
        return (own,)
    kinds, dates = _KNOWN_BY[type(item)]
    parts = [_named(getattr(item, name)) for name in kinds]
    for name in dates:
        first = getattr(item, name)
        if first is not None and not isinstance(first, Missing):
            return ("/".join([*parts, str(first)]),)
    return ("undated", *parts, visit.occasion)


def steps_of(episode: AcuteGvhd | ChronicGvhd) -> Sequence[Step]:
    """The steps of its course that were told."""
    return () if isinstance(episode.course, Missing) else episode.course


def step_known_as(step: Step) -> Key:
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
    """The later parts, but for gaps that the earlier ones fill, and what only the earlier ones tell, in their order."""
    known = [part["code"] for part in before if "dataAbsentReason" not in part]
    later = [part for part in after if "dataAbsentReason" not in part or part["code"] not in known]
    told, order = [part["code"] for part in later], [part["code"] for part in (*before, *later)]
    kept = [part for part in before if part["code"] not in told]
    return sorted([*later, *kept], key=lambda part: order.index(part["code"]))


def _named(said: object) -> str:
    """A word with what `other` means; whatever is not told is alike, whyever it is not."""
    if isinstance(said, Word):
        return f"{said.key}:{said.text}" if isinstance(said.text, str) else said.key
    return "" if said is None or isinstance(said, Missing) else str(said)


def _items(visit: FollowUp, place: Sequence[str]) -> tuple[Item, ...]:
    found: Any = visit
    for name in place:
        found = getattr(found, name, None)
    if isinstance(found, tuple):
        return found
    return (found,) if isinstance(found, _ALONE) else ()


def _with(visit: FollowUp, place: Sequence[str], known: dict[Key, Any]) -> FollowUp:
    told_here = _items(visit, place)
    items = tuple([known[known_as(item, visit)] for item in told_here])
    if all(map(is_, items, told_here)):
        return visit
    section, *inner = place
    before = getattr(visit, section)
    told: Any = items if isinstance(before, tuple) else items[0]
    if inner:
        told = replace(before, **{inner[0]: items})
    return replace(visit, **{section: told})


def _retold(before: Item, after: Item) -> Item:
    """Steps are known by their day, so that a visit may tell only those that are new."""
    out = _over(before, after)
    if not isinstance(out, AcuteGvhd | ChronicGvhd):
        return out
    if _worse(before, after):
        out = replace(out, **{name: getattr(before, name) for name in _WORST[type(out)]})
    steps: list[Any] = []
    for step in (step for said in (before, after) if isinstance(said, type(out)) for step in steps_of(said)):
        known = _place(step, steps)
        if known is None:
            steps.append(step)
        else:
            steps[known] = _over(steps[known], step)
    course: Any = tuple(sorted(steps, key=_in_time))
    return replace(out, course=course) if steps else out


def _worse(before: Item, after: Item) -> bool:
    """Was an episode told with a higher worst grade before? That it was none is a word of its own, and holds."""
    return _rank(before) > _rank(after) > 0


def _rank(episode: Item) -> int:
    said = getattr(episode, "grade", None) or getattr(episode, "severity", None)
    return GRADES.get(said.key, 0) if isinstance(said, Word) else 0


def _place(step: Step, steps: Sequence[Step]) -> int | None:
    """Where a step was told before: under its day; or, where one of the two has no day, under its grade."""
    names = [step_known_as(each) for each in steps]
    if step_known_as(step) in names:
        return names.index(step_known_as(step))
    alike = (number for number, each in enumerate(steps) if _grade(each) == _grade(step))
    return next((n for n in alike if isinstance(step.date, Missing) or isinstance(steps[n].date, Missing)), None)


def _grade(step: Step) -> str:
    grade = step.grade if isinstance(step, AcuteStep) else step.severity
    return grade.key if isinstance(grade, Word) else "unknown"


def _in_time(step: Step) -> tuple[date, str]:
    """Steps without a date come last."""
    return (step.date.earliest, str(step.date)) if isinstance(step.date, PartialDate) else (date.max, "")


def _over(before: _T, after: _T) -> _T:
    """Field by field."""
    kept: dict[str, Any] = {}
    for field in fields(after):
        old, new = (getattr(said, field.name) for said in (before, after))
        if field.name in _NAMED and isinstance(old, tuple) and isinstance(new, tuple):
            kept[field.name] = _by_name(old, new)
        elif _says_nothing(field.name, new) or (_says_less(old, new) and not _says_nothing(field.name, old)):
            kept[field.name] = old
    return replace(after, **kept)


def _says_nothing(name: str, said: object) -> bool:
    return said is None or (said == () and name in _SILENT)


def _by_name(before: tuple[Any, ...], after: tuple[Any, ...]) -> tuple[Any, ...]:
    said = dict(before)
    said |= {name: value for name, value in after if name not in said or not isinstance(value, Missing)}
    return tuple(said.items())


def _says_less(old: object, new: object) -> bool:
    """Is it not known, or known to the month, of which the day was told?"""
    vaguer = isinstance(old, PartialDate) and isinstance(new, PartialDate) and old.refines(new)
    return vaguer or _is_unknown(new)


def _is_unknown(said: object) -> bool:
    """Said to be missing or not known, as a whole or in each of its parts."""
    if isinstance(said, Word):
        return said.key == "unknown"
    return isinstance(said, Missing) or (isinstance(said, tuple) and said != () and all(map(_is_unknown, said)))
