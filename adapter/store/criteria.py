"""What a search asks for, read by R4's rules: a parameter, its modifier, and the values of which one must be met."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from adapter.errors import Invalid
from adapter.store import parameters
from adapter.store.amounts import Number, number
from adapter.store.parameters import Parameter
from adapter.store.spans import Span, span
from mappings.r4.faults import Fault

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
MODIFIERS = {"token": ("not",), "string": ("exact", "contains")}
"""Beside `:missing`, which every parameter has, and the `:Type` of a reference."""

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_PREFIXED = re.compile(rf"({'|'.join(PREFIXES)})(?=[0-9-])")


class Half(NamedTuple):
    """System and code of a token, type and id of a reference, version and URL of a canonical. None: any."""

    system: str | None
    value: str | None


class When(NamedTuple):
    prefix: str
    span: Span


class HowMuch(NamedTuple):
    """`system` None: in any unit. `unit` is a code, or without a system also the unit as printed."""

    prefix: str
    number: Number
    system: str | None
    unit: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """`choices`: Half, When, HowMuch or text by the parameter's kind; a bool for `:missing`. One of them must hold.

    A text with a NUL is no choice: no database holds one.
    """

    parameter: Parameter
    modifier: str
    choices: tuple[Any, ...]
    said: tuple[str, str]


def read(kind: str, name: str, value: str) -> Criterion:
    """One parameter of a search. Raises Invalid (400) by its name for what is not served or cannot be read."""
    plain, _, modifier = name.partition(":")
    parameter = parameters.of(kind).get(plain)
    if parameter is None:
        known = ", ".join(sorted(parameters.of(kind)))
        raise _refusal(name, f"{kind} is not searched by this; known: {known}", "not-supported")
    if not _served(parameter, modifier, colon=":" in name):
        known = ", ".join(f":{one}" for one in ("missing", *MODIFIERS.get(parameter.kind, ())))
        raise _refusal(name, f"{plain} is not searched with this modifier; known: {known}", "not-supported")
    texts = [text for text in split(value, ",") if text]
    if not texts:
        raise _refusal(name, "a search parameter has a value", "invalid")
    try:
        choices = tuple(_choice(parameter, modifier, text) for text in texts if "\0" not in text)
    except ValueError as error:
        raise _refusal(name, str(error), "value") from error
    return Criterion(parameter, modifier, choices, (name, value))


def split(text: str, mark: str) -> list[str]:
    """Parts between marks that no backslash escapes; the backslashes stay."""
    parts = [""]
    for piece in re.findall(r"\\.|.", text, re.DOTALL):
        if piece == mark:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def unescaped(text: str) -> str:
    return re.sub(r"\\([\\,|$])", r"\1", text)


def folded(text: str) -> str:
    """Without case and accents, for strings are compared so."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def _served(parameter: Parameter, modifier: str, *, colon: bool) -> bool:
    if not modifier:
        return not colon
    if parameter.kind == "reference" and not parameter.canonical and _TYPE.fullmatch(modifier):
        return True
    if parameter.name in ("_id", "_lastUpdated"):
        return modifier == "missing"
    return modifier in ("missing", *MODIFIERS.get(parameter.kind, ()))


def _choice(parameter: Parameter, modifier: str, text: str) -> Any:
    if modifier == "missing":
        if text not in ("true", "false"):
            raise ValueError("is true or false")
        return text == "true"
    if parameter.name == "_id":
        return unescaped(text)
    if parameter.canonical:
        return _canonical(text)
    if parameter.kind == "reference":
        return _reference(text, modifier or parameter.only)
    return _READ[parameter.kind](text)


def _token(text: str) -> Half:
    """`system|code`, `|code` (no system), `system|` (any code), `code` (any system)."""
    system, *code = split(text, "|")
    if not code:
        return Half(None, unescaped(system))
    value = unescaped("|".join(code))
    if not (system or value):
        raise ValueError("a token is a code, a system, or both")
    return Half(unescaped(system), value or None)


def _reference(text: str, kind: str | None) -> Half:
    """`Type/id`, an absolute URL, or an id alone, of any version; `kind` is meant where only an id is said."""
    said = unescaped(text).partition("/_history/")[0]
    left, slash, id_ = said.rpartition("/")
    return Half(left if slash else kind, id_)


def _canonical(text: str) -> Half:
    """A URL alone means every version of it."""
    url, bar, version = unescaped(text).partition("|")
    return Half(version if bar else None, url)


def _uri(text: str) -> Half:
    return Half(None, unescaped(text))


def _when(text: str) -> When:
    prefix, rest = _prefix(text)
    try:
        return When(prefix, span(rest))
    except ValueError as error:
        words = "is a date or time (2026, 2026-03, 2026-03-02, 2026-03-02T10:00:00Z), perhaps after one of "
        raise ValueError(words + " ".join(PREFIXES)) from error


def _how_much(text: str) -> HowMuch:
    value, *unit = (unescaped(part) for part in split(text, "|"))
    prefix, rest = _prefix(value)
    if len(unit) not in (0, 2):
        raise ValueError("is a number, or number|system|code, or number||unit")
    system, code = unit or ("", "")
    return HowMuch(prefix, number(rest), system or None, code)


def _prefix(text: str) -> tuple[str, str]:
    found = _PREFIXED.match(text)
    return (found[1], text[2:]) if found else ("eq", text)


_READ: dict[str, Callable[[str], Any]] = {
    "token": _token,
    "uri": _uri,
    "string": unescaped,
    "date": _when,
    "quantity": _how_much,
}


def _refusal(name: str, message: str, code: str) -> Invalid:
    return Invalid([Fault(name, message, code)], status=400)
