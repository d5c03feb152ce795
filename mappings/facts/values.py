"""The small values that facts are made of: dates as precise as they were said, quantities as written, and 'missing'."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias, TypeVar

_PARTIAL = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")


class _Span:
    """The days that a date can mean: reckoned once, and no part of what was said."""

    __slots__ = ("earliest", "latest")
    earliest: date
    """First day that it can mean."""
    latest: date
    """Last day that it can mean."""


_EARLIEST, _LATEST = (vars(_Span)[name].__set__ for name in _Span.__slots__)
"""Fill the slots of what is frozen otherwise."""


@dataclass(frozen=True, slots=True)
class PartialDate(_Span):
    """A date known to the day, the month or the year: `2026-03-02`, `2026-03`, `2026`. Never filled up.

    Raises ValueError where `text` is not such a date.
    """

    text: str

    def __post_init__(self) -> None:
        text = self.text
        if not _PARTIAL.fullmatch(text):
            raise ValueError("not a date: write YYYY-MM-DD, YYYY-MM or YYYY")
        if len(text) == 10:
            first = last = date.fromisoformat(text)
        else:
            first = date.fromisoformat((text + "-01-01")[:10])
            month = first.month if len(text) == 7 else 12
            last = date(first.year, month, calendar.monthrange(first.year, month)[1])
        _EARLIEST(self, first)
        _LATEST(self, last)

    def __reduce__(self) -> tuple[type[PartialDate], tuple[str]]:
        return PartialDate, (self.text,)

    @property
    def exact(self) -> date | None:
        """The day, where it is known."""
        return self.earliest if len(self.text) == 10 else None

    def refines(self, other: PartialDate) -> bool:
        """Does it tell the day, or the month, that `other` leaves open?"""
        return len(self.text) > len(other.text) and self.text.startswith(other.text)

    def __str__(self) -> str:
        return self.text


NOT_PERFORMED = "not-performed"
"""Of the reasons for a gap the one that says that the thing itself did not happen."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Said to be missing: an R4 data-absent-reason code and, where given, the centre's note."""

    reason: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A quantity as written, with its UCUM unit; `comparator` is `<`, `<=`, `>=` or `>`."""

    value: Decimal
    unit: str
    comparator: str | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a closed list; `text` is there when, and only when, the word is `other`."""

    key: str
    text: str | Missing | None = None


T = TypeVar("T")
Said: TypeAlias = T | Missing | None
"""A value, or said to be missing, or (None) not reported at all."""
