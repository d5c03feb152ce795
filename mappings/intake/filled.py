"""A form as a browser sends it, field by field, to the document that it says, and a document back to its fields.

A field is named by the path of its value, as a column of a table is; a quantity has one field each for value, unit and
comparator. What a person did not fill in says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from mappings.intake import asked
from mappings.intake.cells import Style, value_of
from mappings.intake.columns import Column, Kind, column
from mappings.intake.nesting import DATED, Cell, Nested, nest, place
from mappings.r4.faults import Fault, FaultyInput

Fields = Mapping[str, str]

SCALE = "quality_of_life.scale"
"""Scores whose scale has no field of its own: `<SCALE>.1.name` and `<SCALE>.1.score`."""

_SCORES = "quality_of_life.scores"
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3},[0-9]{3}")
_NUMBER = re.compile(r"\.[0-9]+(?=\.|$)")
_NAME = re.compile(rf"{re.escape(SCALE)}\.[0-9]+\.name")
_POINT, _COMMA = Style(), Style(comma=True)


def document(fields: Fields, kind: Kind = "follow-up") -> Nested:
    """What a form says, without what its page knows. Raises FaultyInput, each fault by the name of its field."""
    filled = {name: text.strip() for name, text in fields.items() if text.strip()}
    faults, placed = list(_contradictions(filled)), []
    for name, text in filled.items():
        if _idle(name, filled) or _NAME.fullmatch(name):
            continue
        found = column(kind, _path(name, filled)) if _NUMBER.sub(".1", name) in asked.names(kind) else None
        if found is None:
            faults.append(Fault(name, "is no field of this form", "structure"))
        else:
            placed.append(place(found, _value(found, text), Cell(None, name, text)))
    if faults:
        raise FaultyInput(faults)
    return nest([*placed])


def fields(said: Mapping[str, Any]) -> dict[str, str]:
    """The fields that say a document, but for whose it is; `document` reads them back unless no field can say it."""
    out = dict(_fields({key: value for key, value in said.items() if key not in asked.SETTLED}, ""))
    others = [name for name in out if _is_other_scale(name)]
    scales = list(dict.fromkeys(name.split(".")[2] for name in others))
    for number, scale in enumerate(scales, 1):
        inside = {name: out.pop(name) for name in others if name.split(".")[2] == scale}
        out[f"{SCALE}.{number}.name"] = scale
        for name, text in inside.items():
            out[name.replace(f"{_SCORES}.{scale}", f"{SCALE}.{number}.score", 1)] = text
    return out


def length(fields: Fields, path: str) -> int:
    """The highest number of an item of the list at `path`; 0 where it has none."""
    numbers = (name.removeprefix(f"{path}.").split(".")[0] for name in fields if name.startswith(f"{path}."))
    return max((int(number) for number in numbers if number.isdigit()), default=0)


def without(fields: Fields, path: str, number: int) -> dict[str, str]:
    """The fields without one item of the list at `path`; those after it move up."""
    out = {}
    for name, text in fields.items():
        rest = name.removeprefix(f"{path}.").split(".") if name.startswith(f"{path}.") else [""]
        if rest[0] == str(number):
            continue
        if rest[0].isdigit() and int(rest[0]) > number:
            name = ".".join((path, str(int(rest[0]) - 1), *rest[1:]))
        out[name] = text
    return out


def _contradictions(filled: Fields) -> Iterator[Fault]:
    """A value and a reason why there is none; a note on no reason; a scale without its name."""
    for name in filled:
        base, _, last = name.rpartition(".")
        if last == "not_done" and any(_says(other, base, filled) for other in filled if other not in _days(base)):
            yield Fault(name, "says why there is no value, and a value is given: keep one of them", "invariant")
        elif last == "note" and f"{base}.not_done" not in filled:
            yield Fault(name, "is a note on why there is no value: choose the reason too", "required")
        elif last == "none" and length(filled, base):
            yield Fault(name, "says that there is none, and one is listed: keep one of them", "invariant")
        elif name.startswith(f"{SCALE}.") and not _named(name, filled):
            yield Fault(".".join((*name.split(".")[:3], "name")), "missing: which scale is this?", "required")
        elif _NAME.fullmatch(name) and not any(other.startswith(f"{base}.score") for other in filled):
            yield Fault(f"{base}.score", "missing: this is needed", "required")


def _days(base: str) -> tuple[str, ...]:
    """Fields that may be filled in although there is no value at `base`: the day of a measure that was not taken."""
    return tuple(f"{base}.date{part}" for part in ("", ".not_done", ".note")) if base in DATED else ()


def _says(name: str, base: str, filled: Fields) -> bool:
    """Does the field give a value at `base` or inside it?"""
    if name in (f"{base}.not_done", f"{base}.note") or _idle(name, filled):
        return False
    return name == base or name.startswith(f"{base}.")


def _idle(name: str, filled: Fields) -> bool:
    """A unit beside no value says nothing: it stands there from the beginning."""
    return name.endswith(".unit") and f"{name.removesuffix('.unit')}.value" not in filled


def _path(name: str, filled: Fields) -> str:
    """The path of the document that a field is about."""
    if not name.startswith(f"{SCALE}."):
        return name
    return ".".join((_SCORES, _named(name, filled), *name.split(".")[4:]))


def _named(name: str, filled: Fields) -> str:
    return filled.get(".".join((*name.split(".")[:3], "name")), "")


def _value(found: Column, text: str) -> Any:
    """As JSON would have it. A comma is a decimal one unless it can be read as thousands, which the form refuses."""
    return value_of(found, text, _POINT if _THOUSANDS.fullmatch(text) else _COMMA)


def _fields(said: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(said, Mapping):
        for name, inner in _plain(said).items():
            yield from _fields(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(said, list) and not said:
        # elsewhere an empty list says what no list says
        yield from [(f"{path}.none", "true")] if _NUMBER.sub(".1", f"{path}.none") in asked.names() else []
    elif isinstance(said, list):
        for number, inner in enumerate(said, 1):
            yield from _fields(inner, f"{path}.{number}")
    elif isinstance(said, bool):
        yield path, "true" if said else "false"
    else:
        yield path, f"{said:f}" if isinstance(said, Decimal) else str(said)


def _plain(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """An amount whose value is missing is missing, and has no unit; its day stands beside that."""
    value = said.get("value")
    if not isinstance(value, Mapping) or "unit" not in said:
        return said
    return {**value, **{name: inner for name, inner in said.items() if name not in ("value", "unit")}}


def _is_other_scale(name: str) -> bool:
    return name.startswith(f"{_SCORES}.") and name.split(".")[2] not in {*_scales(), "not_done", "note"}


@cache
def _scales() -> frozenset[str]:
    """Scales that have a field of their own."""
    (quality,) = (one for one in asked.visit("baseline") if one.name == "quality_of_life")
    (scores,) = (one for one in quality.inside if one.name == "scores")
    return frozenset(one.name for one in scores.inside)
