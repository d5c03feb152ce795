"""When a row of the index meets a value of a search, by kind of parameter: R4's prefixes and modifiers as SQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from adapter.store.criteria import Criterion, Half, HowMuch, When, folded
from adapter.store.schema import resource_dates, resource_heads, resource_index, resource_quantities, resource_strings

Clause = ColumnElement[bool]

LAST_SIGN = "\U0010ffff"
NEAR = 0.1
"""How far `ap` reaches from a number, a part of it: what R4 recommends."""


def holds(one: Criterion, choice: Any) -> Clause:
    """Does a row of the parameter's table meet this choice?"""
    return _HOLDS[one.parameter.kind](one, choice)


def updated(when: When) -> Clause:
    """Was the resource changed then? What has no zone is read as UTC, in which changes are told."""
    at, said = resource_heads.c.at, when.span
    first = said.low_at or said.low.replace(tzinfo=UTC)
    last = said.high_at or said.high.replace(tzinfo=UTC)
    return _within(when.prefix, at, at, first, last, point=True)


def _half(_: Criterion, half: Half) -> Clause:
    columns = resource_index.c
    said = ((columns.system, half.system), (columns.value, half.value))
    return and_(*(column == text for column, text in said if text is not None))


def _text(one: Criterion, text: str) -> Clause:
    columns = resource_strings.c
    if one.modifier == "exact":
        return columns.value == text
    if one.modifier == "contains":
        return columns.folded.contains(folded(text), autoescape=True)
    return and_(columns.folded >= folded(text), columns.folded < folded(text) + LAST_SIGN)


def _when(_: Criterion, when: When) -> Clause:
    """Moments with moments where both sides have a zone, else what is written with what is written."""
    columns, said = resource_dates.c, when.span
    wall = _within(when.prefix, columns.low, columns.high, said.low, said.high)
    if said.low_at is None or said.high_at is None:
        return wall
    moment = _within(when.prefix, columns.low_at, columns.high_at, said.low_at, said.high_at)
    return or_(and_(columns.low_at.is_not(None), moment), and_(columns.low_at.is_(None), wall))


def _within(prefix: str, low: Any, high: Any, first: datetime, last: datetime, *, point: bool = False) -> Clause:
    """R4's prefixes on spans that end before `high` and `last`; a `point` is at `low`.

    `ge` and `le` also find what only reaches over the edge; `ap` finds whatever overlaps.
    """
    after_first = high >= first if point else high > first
    after_last = high >= last if point else high > last
    inside = and_(low >= first, low < last) if point else and_(low >= first, low < last, high <= last)
    clauses: dict[str, Clause] = {
        "eq": inside,
        "ne": or_(low < first, after_last),
        "gt": after_last,
        "lt": low < first,
        "ge": after_first,
        "le": low < last,
        "sa": low >= last,
        "eb": low < first if point else high <= first,
        "ap": and_(low < last, after_first),
    }
    return clauses[prefix]


def _how_much(_: Criterion, said: HowMuch) -> Clause:
    columns, number = resource_quantities.c, said.number
    low, high, value = columns.low, columns.high, number.value
    near = abs(value) * NEAR
    clauses: dict[str, Clause] = {
        "eq": and_(low >= number.low, low < number.high, high < number.high),
        "ne": or_(low < number.low, high >= number.high),
        "gt": high > value,
        "lt": low < value,
        "ge": high >= value,
        "le": low <= value,
        "sa": low > value,
        "eb": high < value,
        "ap": and_(low <= value + near, high >= value - near),
    }
    return and_(clauses[said.prefix], *_unit(said))


def _unit(said: HowMuch) -> list[Clause]:
    columns = resource_quantities.c
    if said.system is not None:
        return [columns.system == said.system, columns.code == said.unit]
    return [or_(columns.code == said.unit, columns.unit == said.unit)] if said.unit else []


_HOLDS: dict[str, Callable[[Criterion, Any], Clause]] = {
    "token": _half,
    "reference": _half,
    "uri": _half,
    "date": _when,
    "string": _text,
    "quantity": _how_much,
}
