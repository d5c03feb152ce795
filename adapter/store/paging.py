"""Pages that keep their place while others write: each begins after the last resource of the one before.

A place is written as the values that the page is sorted by and the id of that resource, so it tells nothing that its
reader has not seen. Without a sort the order is that in which resources were first stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, or_

from adapter.errors import Invalid
from adapter.store import search
from adapter.store.schema import resource_heads as heads
from mappings.r4.faults import Fault


class Sort(NamedTuple):
    """`name`: `_id`, `_lastUpdated` or a date parameter of the type."""

    name: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the matches that is wanted: at most `count`, from the beginning or `after` the place that the page
    before gave. `total` False: nobody counts them all.
    """

    count: int
    sort: tuple[Sort, ...] = ()
    after: str | None = None
    total: bool = True


class Order:
    """What a search is sorted by, at last by the key of the resource."""

    def __init__(self, sort: Sequence[Sort]) -> None:
        self._sort = sort
        self.columns = [_column(one).label(f"sort_{number}") for number, one in enumerate(sort)]

    @property
    def by(self) -> list[ColumnElement[Any]]:
        """For ORDER BY."""
        sorted_by = zip(self._sort, self.columns, strict=True)
        return [*(column.desc() if one.descending else column for one, column in sorted_by), heads.c.key]

    def place(self, row: Row[Any]) -> str:
        """Where a page ends whose last row this is."""
        values = [getattr(row, column.name) for column in self.columns]
        return ",".join([*(one.isoformat() if isinstance(one, datetime) else one for one in values), row.id])

    def read(self, place: str) -> tuple[list[Any], str]:
        """The values and the id of a place. Raises Invalid (400)."""
        *values, id_ = place.split(",")
        try:
            read = [_value(one, text) for one, text in zip(self._sort, values, strict=True)]
        except ValueError as error:
            raise unknown_place() from error
        return read, id_

    def beyond(self, values: Sequence[Any], key: int) -> ColumnElement[bool]:
        """What comes after that place."""
        clause: ColumnElement[bool] = heads.c.key > key
        for one, column, value in reversed(list(zip(self._sort, self.columns, values, strict=True))):
            plain = column.element
            further = plain < value if one.descending else plain > value
            clause = or_(further, and_(plain == value, clause))
        return clause


def unknown_place() -> Invalid:
    return Invalid(
        [Fault("_after", "no page of this search begins there; follow the links as they come", "value")], 400
    )


def _column(one: Sort) -> ColumnElement[Any]:
    if one.name == "_id":
        return heads.c.id
    return heads.c.at if one.name == "_lastUpdated" else search.date_of(one.name, descending=one.descending)


def _value(one: Sort, text: str) -> Any:
    if one.name == "_id":
        return text
    value = datetime.fromisoformat(text)
    if (one.name == "_lastUpdated") != (value.tzinfo is not None):
        raise ValueError("not a place of this sort")
    return value
