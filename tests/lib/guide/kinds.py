"""What kind of question each field of intake's forms is: the one reading of them, so that no limit is told twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import fields as parts
from decimal import Decimal
from typing import Any

from marshmallow import Schema, fields

from mappings.intake import fields as ours
from mappings.intake.form import Items, Said, Section
from mappings.intake.scores import Organs, Scores
from mappings.intake.words import WordList

_BODY = {"value", "unit", "date"}


@dataclass(frozen=True)
class Question:
    """One field. `kind` is group, list, choice, date, boolean, integer, decimal, quantity, string, text or scores.

    `said`: it can be said to be missing. `needed`: intake refuses the object without it. `none`: an empty list says
    something else than no list. `inside`: the questions of a group, or of each item of a list.
    """

    name: str
    kind: str
    said: bool = False
    needed: bool = False
    none: bool = False
    words: WordList | tuple[str, ...] = ()
    low: int | Decimal | None = None
    high: int | Decimal | None = None
    units: tuple[str, ...] = ()
    form: str = ""
    told: str = ""
    inside: tuple[Question, ...] = ()


def questions(form: Schema) -> tuple[Question, ...]:
    """Every field of a form, in its order."""
    empty = _empty_lists(form)
    return tuple(_question(name, field, name in empty) for name, field in form.fields.items())


def _empty_lists(form: Schema) -> set[str]:
    """Fields for which no list and an empty list are two things: facts hold None for the first."""
    into = getattr(form, "into", None)
    named = getattr(into, "__dataclass_fields__", {})
    return {part.name for part in parts(into) if part.default is None} if named else set()


def _question(name: str, field: fields.Field[Any], none: bool) -> Question:
    said = isinstance(field, Said)
    inner = field.inner if isinstance(field, Said) else field
    return _of(name, inner, said=said, needed=field.required, none=none and isinstance(inner, Items))


def _of(name: str, field: fields.Field[Any], **more: Any) -> Question:
    if isinstance(field, Section):
        return _section(name, field.schema, **more)
    if isinstance(field, Items):
        item = _question(name, field.inner, none=False)
        return Question(name, "list", inside=(item,), **more)
    return Question(name, **_scalar(field), **more)


def _section(name: str, form: Schema, **more: Any) -> Question:
    """An object; one with a value and a unit is an amount, whose date stands beside it."""
    found = form.fields
    if not {"value", "unit"} <= set(found):
        return Question(name, "group", inside=questions(form), **more)
    if more.pop("none", False):
        raise ValueError(f"{name}: an amount is no list")
    low = getattr(_inner(found["value"]), "low", None)
    plausible = getattr(form, "plausible", None)
    limits = {"low": plausible.low, "high": plausible.high} if plausible else {"low": low}
    beside = tuple(
        _question(key, field, none=False) for key, field in found.items() if key in _BODY - {"value", "unit"}
    )
    return Question(name, "quantity", units=tuple(found["unit"].words), inside=beside, **limits, **more)


def _inner(field: fields.Field[Any]) -> fields.Field[Any]:
    return field.inner if isinstance(field, Said) else field


def _scalar(field: fields.Field[Any]) -> dict[str, Any]:
    match field:
        case ours.Chosen() | ours.OneOf():
            return {"kind": "choice", "words": field.words}
        case ours.When() | ours.DayZero():
            return {"kind": "date"}
        case ours.Flag():
            return {"kind": "boolean"}
        case ours.Whole():
            return {"kind": "integer", "low": field.low, "high": field.high}
        case ours.Number():
            return {"kind": "decimal", "low": field.low, "high": field.high}
        case ours.Name():
            return {"kind": "string", "form": field.form.pattern, "told": field.told}
        case ours.Text():
            return {"kind": "text"}
        case Organs():
            return {"kind": "group", "inside": tuple(_question(one, field.score, none=False) for one in field.organs)}
        case Scores():
            return {"kind": "scores"}
    raise TypeError(f"a form has a field of an unknown kind: {type(field).__name__}")


def leaves(asked: tuple[Question, ...], above: str = "") -> Iterator[tuple[str, Question]]:
    """Every question with its path; a list by its first item."""
    for question in asked:
        path = f"{above}.{question.name}".lstrip(".")
        yield path, question
        if question.kind == "list":
            (item,) = question.inside
            yield f"{path}.1", item
            yield from leaves(item.inside, f"{path}.1")
        else:
            yield from leaves(question.inside, path)
