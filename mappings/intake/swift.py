"""The forms read without ceremony: the same fields and the same questions, and no words for what is wrong.

marshmallow keeps books for its messages, which costs several times what the reading does. Most documents are sound, so
each form is turned once into plain functions over its own fields; where one of them objects, the form itself reads the
document again and says why. Nothing is declared twice, so that the two cannot come apart.

Objects with the same keys come again and again. For each set of keys one expression is made that asks every value and
makes the fact. It knows the common answers only: a word of a list, a whole number, a date that nobody can object to.
Where an object says something else (why a value is missing, what `other` means), it is read field by field.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias, cast

from marshmallow import Schema, ValidationError, fields

from mappings.intake import limits
from mappings.intake.fields import LARGEST, Chosen, Number, OneOf, Scalar, When, Whole
from mappings.intake.form import Form, Items, Said, Section, explained, refuse_twins
from mappings.intake.words import OTHER

Reader: TypeAlias = Callable[[Any], Any]
"""From what was sent to a fact. Raises ValidationError, whose words are of no use to a sender."""

_MANY = 256
"""Sets of keys that are remembered of a form; those that come later are read field by field."""


def reader(schema: Schema, finish: Reader | None = None) -> Reader:
    """Reads a whole object as `schema.load` does; `finish` is what it means where it stands."""
    form = cast("Form", schema)
    contradictions = form.contradictions if type(form).contradictions is not Form.contradictions else None
    asked = {name: _field(name, part) for name, part in form.fields.items()}
    needed = frozenset(name for name, part in form.fields.items() if part.required)
    by_field = _by_field(form, asked, needed)
    plans: dict[tuple[str, ...], Reader] = {}

    def plan(value: dict[str, Any]) -> Reader:
        keys = tuple(value)
        found = _plan(form, asked, keys) if len(plans) < _MANY and needed <= set(keys) else None
        if found:
            plans[keys] = found
        return found or by_field

    def read(value: Any) -> Any:
        if value.__class__ is not dict:
            raise _REFUSED
        try:
            made = (plans.get(tuple(value)) or plan(value))(value)
        except (KeyError, TypeError, ValueError):  # no such word, no such day, or an object in its place
            made = by_field(value)
        if contradictions:
            for _ in contradictions(made):
                raise _REFUSED
        return finish(made) if finish else made

    return read


class _Field(NamedTuple):
    """`inner` reads what is said, `read` also why nothing is; they are the same where it has to be said."""

    attribute: str
    part: fields.Field[Any]
    read: Reader
    inner: Reader


def _field(name: str, said: fields.Field[Any]) -> _Field:
    part = said.inner if isinstance(said, Said) else said
    inner = _of(part)
    return _Field(said.attribute or name, part, _said(said, inner) if isinstance(said, Said) else inner, inner)


def _by_field(form: Form, asked: dict[str, _Field], needed: frozenset[str]) -> Reader:
    """Asks each field by itself, whatever the object says."""
    readers = {name: (one.attribute, one.read) for name, one in asked.items()}
    into, wordy = form.into, "text" in readers

    def read(value: Any) -> Any:
        if not value.keys() >= needed:
            raise _REFUSED
        said: dict[str, Any] = {}
        for name, inner in value.items():
            known = readers.get(name)
            if known is None or inner is None:
                raise _REFUSED
            said[known[0]] = known[1](inner)
        return into(**(explained(said) if wordy else said))

    return read


def _plan(form: Form, asked: dict[str, _Field], keys: tuple[str, ...]) -> Reader | None:
    """One expression for an object with such keys; None where some are not the form's, or explain a word."""
    if "text" in keys or not asked.keys() >= set(keys):
        return None
    names: dict[str, Any] = {"into": form.into, "bounds": limits.current, "Decimal": Decimal}
    said = [
        f"{asked[key].attribute}={_asked(asked[key], str(number), f'value[{key!r}]', names)}"
        for number, key in enumerate(keys)
    ]
    plan: Reader = eval(f"lambda value: into({', '.join(said)})", names)  # noqa: S307  the keys are the form's
    return plan


def _asked(field: _Field, number: str, value: str, names: dict[str, Any]) -> str:
    """What is asked of one value; what it needs is put among the names."""
    part = field.part
    names |= {f"read{number}": field.read, f"inner{number}": field.inner}
    if isinstance(part, Chosen | OneOf):
        names[f"words{number}"] = {word: made for word, made in part.known.items() if word != OTHER}
        return f"words{number}[{value}]"
    if isinstance(part, When):
        return f"bounds().days[{value}]"
    if isinstance(part, Whole | Number):
        return f"(said if {_is_number(part, value)} else read{number}(said))"
    missing = "'not_done' in (said := {})" if isinstance(part, Section) else "(said := {}).__class__ is dict"
    return f"(read{number}(said) if {missing.format(value)} else inner{number}(said))"


def _is_number(part: Whole | Number, value: str) -> str:
    """Is it one by its class, and as large as it may be?"""
    low = "" if part.low is None else f" and {part.low} <= said"
    most = LARGEST if part.high is None and isinstance(part, Whole) else part.high
    high = "" if most is None else f" and said <= {most}"
    if isinstance(part, Number):
        return f"(said := {value}).__class__ is Decimal and said.is_finite(){low}{high}"
    return f"(said := {value}).__class__ is int{low}{high} and not said % {part.step}"


def _of(part: fields.Field[Any]) -> Reader:
    if isinstance(part, Said):
        return _said(part, _of(part.inner))
    if isinstance(part, Section):
        return reader(part.schema, part.finish if type(part).finish is not Section.finish else None)
    if isinstance(part, Items):
        return _items(part)
    return cast("Scalar[Any]", part).read


def _said(part: Said, inner: Reader) -> Reader:
    absence = part.read
    words = part.inner.known if isinstance(part.inner, Chosen | OneOf) else {}

    def read(value: Any) -> Any:
        if value.__class__ is str and value in words:
            return words[value]
        return absence(value) if value.__class__ is dict and "not_done" in value else inner(value)

    return read


def _items(part: Items) -> Reader:
    inner, known_by = _of(part.inner), part.known_by

    def read(value: Any) -> Any:
        if value.__class__ is not list or None in value:
            raise _REFUSED
        items = tuple([inner(item) for item in value])
        if known_by and len(items) > 1:
            refuse_twins([known_by(item) for item in items])
        return items

    return read


_REFUSED = ValidationError("refused")
