"""The search parameters that the sandbox knows: those that Engraft and its users send to a hospital."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from adapter.hospital.sandbox.refusal import Refusal
from mappings.r4.build import Element, Resource

Params = Sequence[tuple[str, str]]

CONTROL = frozenset({"_count", "_format", "_pretty"})
"""Parameters that shape the answer and match nothing."""

_REFERENCES = {"subject": ("subject",), "patient": ("subject", "patient", "for", "beneficiary", "individual")}
_TOKENS = {
    "identifier": ("identifier",),
    "code": ("code", "medicationCodeableConcept"),
    "status": ("status",),
}
PARAMETERS = {"_id": "token", "_lastUpdated": "date", "identifier": "token", "code": "token", "status": "token"}
PARAMETERS |= {"patient": "reference", "subject": "reference"}
"""name -> R4 search-param-type, as the CapabilityStatement claims them."""

_INSTANT = re.compile(
    r"(?P<prefix>eq|ne|gt|lt|ge|le|sa|eb|ap)?(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)(?P<time>T.+)?)?)?"
)


def check(params: Params) -> None:
    """Refuses parameters that are not known: to ignore one would answer with other patients' data."""
    for name, value in params:
        if name not in PARAMETERS and name not in CONTROL:
            raise Refusal(400, f"unknown search parameter {name}")
        if name == "_lastUpdated":
            _interval(value)


def matches(resource: Resource, params: Params) -> bool:
    """Every parameter must match; a comma means or."""
    return all(_match(resource, name, value) for name, value in params if name not in CONTROL)


def _match(resource: Resource, name: str, value: str) -> bool:
    if name == "_lastUpdated":
        return _within(resource["meta"]["lastUpdated"], value)
    wanted = _split(value, ",")
    if name == "_id":
        return resource["id"] in wanted
    if name in _REFERENCES:
        targets = {_target(element) for path in _REFERENCES[name] for element in _list(resource.get(path))}
        return any(_refers(target, want) for target in targets if target for want in wanted)
    tokens = [token for path in _TOKENS[name] for element in _list(resource.get(path)) for token in _tokens(element)]
    return any(_is(token, want) for token in tokens for want in wanted)


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _tokens(element: Any) -> Iterable[tuple[str, str]]:
    """(system, value) of a code, Coding, CodeableConcept or Identifier."""
    if isinstance(element, str):
        yield "", element
    elif "coding" in element:
        for coding in element["coding"]:
            yield coding.get("system", ""), coding.get("code", "")
    elif "value" in element:
        yield element.get("system", ""), element["value"]


def _is(token: tuple[str, str], want: str) -> bool:
    halves = [_unescaped(half) for half in _split(want, "|")]
    if len(halves) == 1:
        return token[1] == halves[0]
    return token[0] == halves[0] and halves[1] in ("", token[1])


def _split(text: str, separator: str) -> list[str]:
    """At every separator without a backslash before it (R4, search.html 3.1.1.4.3); the backslashes stay."""
    parts = [""]
    for piece in re.findall(r"\\.|.", text):
        if piece == separator:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _target(element: Element) -> str:
    return str(element.get("reference", ""))


def _refers(target: str, want: str) -> bool:
    return target in (want, f"Patient/{want}") or want.endswith(f"/{target}")


def _within(stamp: str, value: str) -> bool:
    prefix, start, end = _interval(value)
    at = datetime.fromisoformat(stamp)
    rules = {
        "eq": start <= at < end,
        "ne": not start <= at < end,
        "gt": at >= end,
        "sa": at >= end,
        "lt": at < start,
        "eb": at < start,
        "ge": at >= start,
        "le": at < end,
    }
    return rules[prefix]


def _interval(value: str) -> tuple[str, datetime, datetime]:
    """Prefix, first moment and the moment after the last of what a date of any precision means."""
    found = _INSTANT.fullmatch(value)
    if not found or found["prefix"] == "ap":
        raise Refusal(400, "not a date: _lastUpdated")
    prefix, year, month, day = found["prefix"] or "eq", int(found["year"]), found["month"], found["day"]
    try:
        if found["time"]:
            start = datetime.fromisoformat(value.removeprefix(found["prefix"] or ""))
            start = start if start.tzinfo else start.replace(tzinfo=UTC)
            return prefix, start, start + timedelta(milliseconds=1 if start.microsecond else 1000)
        start = datetime(year, int(month or 1), int(day or 1), tzinfo=UTC)
        if day:
            return prefix, start, start + timedelta(days=1)
        later = start.replace(day=28) + timedelta(days=4) if month else start.replace(month=12, day=31)
        return prefix, start, later.replace(day=1) if month else later + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise Refusal(400, "not a date: _lastUpdated") from error
