"""The small values that facts are made of: dates as precise as they were said, quantities as written, and 'missing'."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
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

    def __post_init__(self) -> None:
        match = _PARTIAL.fullmatch(self.text)
        if not match:
            raise ValueError("not a date: write YYYY-MM-DD, YYYY-MM or YYYY")
        year, month, day = match.groups()
        date(int(year), int(month or 1), int(day or 1))

    @property
    def exact(self) -> date | None:
        """The day, where it is known."""
        return date.fromisoformat(self.text) if len(self.text) == 10 else None

    @property
    def earliest(self) -> date:
        """First day that it can mean."""
        return date.fromisoformat((self.text + "-01-01")[:10])

    @property
    def latest(self) -> date:
        """Last day that it can mean."""
        if len(self.text) == 10:
            return date.fromisoformat(self.text)
        year = int(self.text[:4])
        month = int(self.text[5:7]) if len(self.text) == 7 else 12
        return date(year, month, calendar.monthrange(year, month)[1])

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
