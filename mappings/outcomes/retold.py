"""What several visits tell of one and the same thing.

The later word counts. What a later visit leaves out, or says to be missing, does not undo what an earlier one knew: to
take something back, the centre corrects or retracts the form that said it.

A thing is known by the centre's own id, else by its kind and first date. One that has neither is told by its visit
alone: two unknown dates are not the same date, and an episode that is told twice harms less than two that become one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import date
from typing import Any, TypeAlias, TypeVar

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

_T = TypeVar("_T", bound="Item | AcuteStep | ChronicStep")
_PLACES = (
    *(("gvhd", "acute"), ("gvhd", "chronic"), ("immunosuppression", "drugs")),
    *(("chimerism",), ("infections",), ("administrations",), ("dli",), ("dli_withheld",)),
    *(("relapse",), ("quality_of_life",)),
)
"""Where a form tells of things that another form may tell of again."""

_KINDS: dict[type, tuple[str, ...]] = {
    Infection: ("kind",),
    Immunosuppressant: ("drug",),
    Chimerism: ("sample", "lineage"),
    Administration: ("action",),
    DliWithheld: ("number",),
    QualityOfLife: ("instrument",),
}
_FIRST: dict[type, str] = {AcuteGvhd: "onset", ChronicGvhd: "onset", Infection: "onset", Immunosuppressant: "started"}
_NAMED = ("organs", "scores")
"""Values by name, each of which may be told at another visit."""


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
    """The same visits, oldest first, each telling all that is known of the things that it names."""
    out = list(visits)
    for place in _PLACES:
        known: dict[str, Any] = {}
        for visit in out:
            for item in _items(visit, place):
                key = known_as(item, visit)
                known[key] = _retold(known[key], item) if key in known else item
        out = [_with(visit, place, known) for visit in out]
    return out


def known_as(item: Item, visit: FollowUp) -> str:
    """What makes two reports the same thing."""
    if own := getattr(item, "id", None):
        return str(own)
    if isinstance(item, Dli) and isinstance(item.number, int):
        return str(item.number)
    kind = [_named(getattr(item, name)) for name in _KINDS.get(type(item), ())]
    first = getattr(item, _FIRST.get(type(item), "date"))
    if not isinstance(first, PartialDate | date):
        kind.append(name_of(visit))
    return "/".join([*kind, _named(first)])


def name_of(visit: FollowUp) -> str:
    """What tells a visit from the others of a patient."""
    return visit.visit if visit.visit != "unscheduled" else f"{visit.visit}/{visit.date}"


def steps_of(episode: AcuteGvhd | ChronicGvhd) -> Iterator[tuple[object, Any]]:
    """The steps of a course, each with what it is known by: its day, or its place among those that have none."""
    undated = 0
    course: Any = episode.course
    for step in course if isinstance(course, tuple) else ():
        if isinstance(step.date, PartialDate):
            yield step.date, step
        else:
            undated += 1
            yield f"undated-{undated}", step


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


def _named(said: object) -> str:
    if isinstance(said, Word):
        return f"{said.key}:{said.text}" if said.text else said.key
    if isinstance(said, Missing):
        return f"{said.reason}:{said.note or ''}"
    return "" if said is None else str(said)


def _items(visit: FollowUp, place: Sequence[str]) -> tuple[Item, ...]:
    found: Any = visit
    for name in place:
        found = getattr(found, name, None)
    if isinstance(found, Relapse | QualityOfLife):
        return (found,)
    return found if isinstance(found, tuple) else ()


def _with(visit: FollowUp, place: Sequence[str], known: dict[str, Any]) -> FollowUp:
    items = tuple(known[known_as(item, visit)] for item in _items(visit, place))
    if not items:
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
    steps: dict[object, Any] = {}
    for episode in (before, after):
        for which, step in steps_of(episode) if isinstance(episode, AcuteGvhd | ChronicGvhd) else ():
            steps[which] = _over(steps[which], step) if which in steps else step
    course: Any = tuple(sorted(steps.values(), key=_day_of_step))
    return replace(out, course=course) if steps else out


def _day_of_step(step: AcuteStep | ChronicStep) -> tuple[date, str]:
    """Those without a day come last."""
    return (step.date.earliest, str(step.date)) if isinstance(step.date, PartialDate) else (date.max, "")


def _over(before: _T, after: _T) -> _T:
    """Field by field."""
    kept: dict[str, Any] = {}
    for field in fields(after):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if field.name in _NAMED and isinstance(old, tuple) and isinstance(new, tuple):
            kept[field.name] = _by_name(old, new)
        elif new is None or (isinstance(new, Missing) and old not in (None, ())):
            kept[field.name] = old
    return replace(after, **kept)


def _by_name(before: tuple[Any, ...], after: tuple[Any, ...]) -> tuple[Any, ...]:
    said = dict(before)
    said |= {name: value for name, value in after if name not in said or not isinstance(value, Missing)}
    return tuple(said.items())
