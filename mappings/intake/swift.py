"""The forms read without ceremony: the same fields and the same questions, and no words for what is wrong.

marshmallow keeps books for its messages, which costs several times what the reading does. Most documents are sound, so
each form is turned once into plain functions over its own fields; where one of them objects, the form itself reads the
document again and says why. Nothing is declared twice, so that the two cannot come apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from marshmallow import Schema, ValidationError, fields

from mappings.intake.fields import Chosen, OneOf, Scalar
from mappings.intake.form import Form, Items, Said, Section, explained, refuse_twins

Reader: TypeAlias = Callable[[Any], Any]
"""From what was sent to a fact. Raises ValidationError, whose words are of no use to a sender."""


def reader(schema: Schema) -> Reader:
    """Reads a whole object as `schema.load` does."""
    form = cast("Form", schema)
    readers = {name: (part.attribute or name, _of(part)) for name, part in form.fields.items()}
    needed = frozenset(name for name, part in form.fields.items() if part.required)
    into, contradictions = form.into, form.contradictions
    contradicts = type(form).contradictions is not Form.contradictions
    wordy = "text" in readers

    def read(value: Any) -> Any:
        if type(value) is not dict or not value.keys() >= needed:
            raise _REFUSED
        said: dict[str, Any] = {}
        for name, inner in value.items():
            known = readers.get(name)
            if known is None or inner is None:
                raise _REFUSED
            said[known[0]] = known[1](inner)
        made = into(**(explained(said) if wordy else said))
        for _ in contradictions(made) if contradicts else ():
            raise _REFUSED
        return made

    return read


def _of(part: fields.Field[Any]) -> Reader:
    if isinstance(part, Said):
        return _said(part)
    if isinstance(part, Section):
        return _section(part)
    if isinstance(part, Items):
        return _items(part)
    return cast("Scalar[Any]", part).read


def _said(part: Said) -> Reader:
    inner, absence = _of(part.inner), part.read
    words = part.inner.known if isinstance(part.inner, Chosen | OneOf) else {}

    def read(value: Any) -> Any:
        if type(value) is str and value in words:
            return words[value]
        return absence(value) if type(value) is dict and "not_done" in value else inner(value)

    return read


def _section(part: Section) -> Reader:
    inner, finish = reader(part.schema), part.finish

    def read(value: Any) -> Any:
        return finish(inner(value))

    return read


def _items(part: Items) -> Reader:
    inner, known_by = _of(part.inner), part.known_by

    def read(value: Any) -> Any:
        if type(value) is not list or None in value:
            raise _REFUSED
        items = tuple([inner(item) for item in value])
        if known_by and len(items) > 1:
            refuse_twins([known_by(item) for item in items])
        return items

    return read


_REFUSED = ValidationError("refused")
