"""Searches as SQL on the index: never on what the resources contain.

One criterion leads: the rows that meet it are found through an index of their table, and each resource that they name
is looked up and tried for the rest. Where no criterion is narrow enough to lead (a status, everything before a date),
the resources of the type and centre are walked in the order of their index and tried one by one, so that a page costs
what it shows and not what there is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    Table,
    and_,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    union_all,
)

from adapter.store.criteria import Criterion, HowMuch, When
from adapter.store.index import TABLES
from adapter.store.matching import Clause, holds, updated
from adapter.store.parameters import EVERY
from adapter.store.schema import resource_dates, resource_index
from adapter.store.schema import resource_heads as heads
from adapter.store.spans import FIRST, LAST

NARROW = ("reference", "token", "uri", "string", "date", "quantity")
"""Kinds that may lead, the narrowest first."""


def condition(kind: str, criteria: Sequence[Criterion], centres: Collection[str] | None) -> Clause:
    """What a resource of this type must meet. `centres` None: of every centre."""
    leader = _leader(criteria)
    # where a row of the index leads it says the type; told again, the type would tempt a database to walk them all
    parts = [_led_by(kind, leader)] if leader else [heads.c.kind == kind]
    parts += [_meets(one) for one in criteria if one is not leader]
    if centres is not None:
        parts.append(heads.c.centre.in_(sorted(centres)))
    return and_(*parts)


def referring(kind: str, parameter: str, targets: Collection[tuple[str, str]], centres: Collection[str]) -> Clause:
    """Resources of a type that refer to one of the (type, id) by this parameter."""
    columns = resource_index.c
    found = [
        _rows(kind, parameter, resource_index, and_(columns.system == of, columns.value == id_)) for of, id_ in targets
    ]
    return and_(heads.c.key.in_(_either(found)), heads.c.centre.in_(sorted(centres)))


def date_of(parameter: str, *, descending: bool) -> ColumnElement[Any]:
    """What a sort by a date goes by: the first of several, the last when descending. Without a date: at the end."""
    columns = resource_dates.c
    chosen, otherwise = (func.max(columns.low), FIRST) if descending else (func.min(columns.low), LAST)
    mine = and_(columns.key == heads.c.key, columns.parameter == parameter)
    said = select(chosen).where(mine).correlate(heads).scalar_subquery()
    return func.coalesce(said, literal(otherwise, DateTime))


def _leader(criteria: Sequence[Criterion]) -> Criterion | None:
    ranked = [(rank, number) for number, one in enumerate(criteria) if (rank := _narrowness(one)) is not None]
    return criteria[min(ranked)[1]] if ranked else None


def _narrowness(one: Criterion) -> int | None:
    """Smaller is narrower; None for what may be met by most of what there is."""
    if one.modifier in ("missing", "not", "contains"):
        return None
    if one.parameter.name == "_id":
        return -1
    if one.parameter.system or one.parameter.type == EVERY or any(map(_open, one.choices)):
        return None
    return NARROW.index("uri" if one.parameter.canonical else one.parameter.kind)


def _open(choice: Any) -> bool:
    """Has it no two ends by which rows can be looked up?"""
    if isinstance(choice, When):
        return choice.prefix != "eq" or choice.span.low_at is not None
    return isinstance(choice, HowMuch) and choice.prefix != "eq"


def _led_by(kind: str, one: Criterion) -> Clause:
    if one.parameter.name == "_id":
        named = heads.alias("named")
        return heads.c.key.in_(select(named.c.key).where(named.c.kind == kind, named.c.id.in_(one.choices)))
    table = TABLES[one.parameter.kind]
    found = [_rows(kind, one.parameter.name, table, holds(one, choice)) for choice in one.choices]
    return heads.c.key.in_(_either(found)) if found else false()


def _rows(kind: str, parameter: str, table: Table, met: Clause) -> Select[Any]:
    return select(table.c.key).where(table.c.kind == kind, table.c.parameter == parameter, met)


def _either(found: Sequence[Select[Any]]) -> Any:
    # a union and no `or`: each of its parts is looked up in the index by itself
    return found[0] if len(found) == 1 else union_all(*found)


def _meets(one: Criterion) -> Clause:
    name, choices = one.parameter.name, one.choices
    if one.modifier == "missing":
        return or_(false(), *(_missing(one, choice) for choice in choices))
    if name == "_id":
        return heads.c.id.in_(choices)
    if name == "_lastUpdated":
        return or_(false(), *(updated(choice) for choice in choices))
    found = _exists(one, or_(false(), *(holds(one, choice) for choice in choices)))
    return not_(found) if one.modifier == "not" else found


def _missing(one: Criterion, wanted: bool) -> Clause:
    if one.parameter.name in ("_id", "_lastUpdated"):
        return false() if wanted else true()
    return not_(_exists(one, true())) if wanted else _exists(one, true())


def _exists(one: Criterion, met: Clause) -> Clause:
    # the type is not asked for here: the key alone leads to the few rows of one resource
    columns = TABLES[one.parameter.kind].c
    mine = and_(columns.key == heads.c.key, columns.parameter == one.parameter.name, met)
    return select(columns.key).where(mine).correlate(heads).exists()
