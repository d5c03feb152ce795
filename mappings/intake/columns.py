"""Every value of the two documents by its dotted path: the columns of a table and the linkIds of a Questionnaire.

A path is told by the forms themselves. List items count from one: `gvhd.acute.1.onset`, `gvhd.acute.1.treatment.2`.
`gvhd.acute.none` says what no item can: that the list is empty, looked and found nothing. Of a list of values
`….missing` is one more item that has no value: `gvhd.acute.1.treatment.missing.not_done` says why.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from marshmallow import Schema, fields

from mappings.intake import scores
from mappings.intake.enrolment_form import EnrolmentForm
from mappings.intake.fields import Chosen, DayZero, Flag, Number, OneOf, When, Whole
from mappings.intake.follow_up_form import FollowUpForm
from mappings.intake.form import Items, Said, Section
from mappings.intake.words import REASONS_MISSING

Kind: TypeAlias = Literal["enrolment", "follow-up"]
Holds: TypeAlias = Literal["text", "number", "whole", "flag", "date", "word", "quantity", "none", "list", "group"]
"""What stands at a path. `quantity` is value and unit in one; `list` and `group` hold nothing themselves."""

Steps: TypeAlias = tuple[str | int, ...]

FORMS: dict[Kind, Schema] = {"enrolment": EnrolmentForm(), "follow-up": FollowUpForm()}
NONE, GAP = "none", "missing"
FIRST_GAP = 501
"""Number of the first item that is said to be missing by GAP: after all others of its list, which closes up."""

NUMBER = re.compile(r"[1-9][0-9]{0,2}")
_NAMED: tuple[tuple[type[fields.Field[Any]], Holds], ...] = (
    *((Number, "number"), (Whole, "whole"), (Flag, "flag"), (When, "date"), (DayZero, "date")),
    *((OneOf, "word"), (Items, "list")),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A path, as steps (numbers of list items are ints), and what stands there.

    `words`: those admitted. `group`: the name of the closed list that they belong to, in the terminology's answers.
    """

    steps: Steps
    holds: Holds
    words: tuple[str, ...] = ()
    group: str = ""

    @property
    def path(self) -> str:
        return dotted(self.steps)


def kind_by(keys: Set[str]) -> Kind:
    """Which document has these keys: `visit` makes a follow-up, and so do sections of a visit alone."""
    first, second = (set(form.fields) for form in FORMS.values())
    visits = "visit" in keys or (keys & (second - first) and not keys & (first - second))
    return "follow-up" if visits else "enrolment"


def dotted(steps: Steps) -> str:
    return ".".join(map(str, steps))


@lru_cache(maxsize=8192)
def column(kind: Kind, path: str) -> Column | None:
    """What stands at a path of that document, whatever its case; None where the document has no such place."""
    return _in_schema(FORMS[kind], tuple(path.strip().split(".")), ())


def _in_schema(schema: Schema, rest: tuple[str, ...], steps: Steps) -> Column | None:
    part = schema.fields.get(rest[0].lower())
    return None if part is None else _in_field(part, rest[1:], (*steps, rest[0].lower()))


def _in_field(part: fields.Field[Any], rest: tuple[str, ...], steps: Steps) -> Column | None:
    if isinstance(part, Said):
        if len(rest) == 1 and rest[0].lower() in ("not_done", "note"):
            return _absence(rest[0].lower(), steps)
        part = part.inner
    if not rest:
        return _at(part, steps)
    if isinstance(part, Section):
        return _in_schema(part.schema, rest, steps)
    if isinstance(part, Items):
        if len(rest) == 1 and rest[0].lower() == NONE:
            return Column((*steps, NONE), "none")
        if isinstance(part.inner, Said) and rest[0].lower() == GAP:
            inside = (*steps, FIRST_GAP)
            return _in_field(part.inner, rest[1:], inside) if rest[1:] else Column(inside, "group")
        return _in_field(part.inner, rest[1:], (*steps, int(rest[0]))) if NUMBER.fullmatch(rest[0]) else None
    if isinstance(part, scores.Organs):
        organ = rest[0].lower()
        return _in_field(part.score, rest[1:], (*steps, organ)) if organ in part.organs else None
    if isinstance(part, scores.Scores):
        return _in_field(part.score, rest[1:], (*steps, rest[0])) if scores.SCALE.fullmatch(rest[0]) else None
    return None


def _absence(name: str, steps: Steps) -> Column:
    if name == "note":
        return Column((*steps, name), "text")
    return Column((*steps, name), "word", REASONS_MISSING, name)


def _at(part: fields.Field[Any], steps: Steps) -> Column:
    if isinstance(part, Section):
        return Column(steps, "quantity" if {"value", "unit"} <= part.schema.fields.keys() else "group")
    if isinstance(part, scores.Organs | scores.Scores):
        return Column(steps, "group")
    if isinstance(part, Chosen):
        return Column(steps, "word", part.admitted, part.words.name)
    holds: Holds = next((name for of, name in _NAMED if isinstance(part, of)), "text")
    return Column(steps, holds, tuple(part.words) if isinstance(part, OneOf) else (), str(steps[-1]))
