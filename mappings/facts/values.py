"""The small values that facts are made of: dates as precise as they were said, quantities as written, and 'missing'."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeAlias, TypeVar

_PARTIAL = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A date known to the day, the month or the year: `2026-03-02`, `2026-03`, `2026`. Never filled up.

    Raises ValueError where `text` is not such a date.
    """

    text: str
    earliest: date = field(init=False, repr=False, compare=False)
    """First day that it can mean."""
    latest: date = field(init=False, repr=False, compare=False)
    """Last day that it can mean."""

    def __post_init__(self) -> None:
        match = _PARTIAL.fullmatch(self.text)
        if not match:
            raise ValueError("not a date: write YYYY-MM-DD, YYYY-MM or YYYY")
        year, month, day = match.groups()
        first = last = date(int(year), int(month or 1), int(day or 1))
        if not day:
            last = date(first.year, int(month or 12), calendar.monthrange(first.year, int(month or 12))[1])
        object.__setattr__(self, "earliest", first)
        object.__setattr__(self, "latest", last)

    @property
    def exact(self) -> date | None:
        """The day, where it is known."""
        return self.earliest if len(self.text) == 10 else None

    def __str__(self) -> str:
        return self.text


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
