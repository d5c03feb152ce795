"""Facts back to the document that says them, in one canonical form: what was not reported is left out."""

from __future__ import annotations

import re
from dataclasses import Field, fields, is_dataclass
from datetime import date
from functools import cache
from typing import Any

from mappings.facts import BodyMeasure, Enrolment, FollowUp, Missing, PartialDate, Word
from mappings.facts.plausible import HEIGHT, WEIGHT

_PAIRED = ("organs", "scores")
_DATELESS = re.compile(r"(?:\b(?:Said|Word|Measured|Missing|Decimal|int|str|bool|None|tuple)\b|[][|,. ])+")
"""Types, as the facts write them, that hold no date."""
_BODY = {"weight": WEIGHT.unit, "height": HEIGHT.unit}


def to_document(form: Enrolment | FollowUp) -> dict[str, Any]:
    """The JSON document of an enrolment or a follow-up; `schema` reads it back to an equal value."""
    return _object(form)


def dates(form: Enrolment | FollowUp) -> list[tuple[str, PartialDate]]:
    """Every date of a form with its dotted path."""
    out: list[tuple[str, PartialDate]] = []
    _dates(form, "", out)
    return out


def _object(made: Any) -> dict[str, Any]:
    if isinstance(made, Missing):
        return {"not_done": made.reason} | ({"note": made.note} if made.note else {})
    said = {part.name: getattr(made, part.name) for part in fields(made)}
    out = {part.name: _value(part.name, said[part.name]) for part in fields(made) if not _left_out(part, made)}
    texts = [word.text for value in said.values() for word in _each(value) if isinstance(word, Word) and word.text]
    return out | ({"text": _value("text", texts[0])} if texts else {})


def _body(made: BodyMeasure, unit: str) -> dict[str, Any]:
    said = _object(made.value)
    amount = {"value": said, "unit": unit} if isinstance(made.value, Missing) else said
    return amount | ({} if made.date is None else {"date": _value("date", made.date)})


def _value(name: str, value: Any) -> Any:
    if isinstance(value, Word):
        return value.key
    if isinstance(value, PartialDate | date):
        return str(value)
    if isinstance(value, BodyMeasure):
        return _body(value, _BODY[name])
    if isinstance(value, tuple) and name in _PAIRED:
        return {key: _value(key, item) for key, item in value}
    if isinstance(value, tuple):
        return [_value(name, item) for item in value]
    return _object(value) if is_dataclass(value) else value


def _left_out(part: Field[Any], made: Any) -> bool:
    """Not reported: None, or an empty list where no list means the same."""
    value = getattr(made, part.name)
    return value is None or (value == () and part.default == ())


def _each(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _dates(value: Any, path: str, out: list[tuple[str, PartialDate]]) -> None:
    kind: type[Any] = type(value)
    if kind is PartialDate:
        out.append((path, value))
    elif kind is date:
        out.append((path, PartialDate(value.isoformat())))
    elif kind is tuple:
        for number, item in enumerate(value, 1):
            _dates(item, f"{path}.{number}", out)
    else:
        for name, below in _parts(kind):  # type: ignore[arg-type]  # a class is hashable, whatever its instances say
            part = getattr(value, name)
            if part is not None:
                _dates(part, path + below if path else name, out)


@cache
def _parts(kind: type[Any]) -> tuple[tuple[str, str], ...]:
    """What of a fact may hold a date, each with its step of a path."""
    return tuple((part.name, f".{part.name}") for part in fields(kind) if not _DATELESS.fullmatch(str(part.type)))
