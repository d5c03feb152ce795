"""One patient's record as gates read it: the visits in order, and days that are known within bounds only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from mappings.facts import FollowUp, PartialDate, Word
from mappings.plan.timeline import day_date
from mappings.protocol.model import Protocol

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Span:
    """Some day from `first` to `last`, both included."""

    first: date
    last: date

    def by(self, on: date) -> bool | None:
        """Had the day come by `on`? None where some of the days that it can be say yes and others no."""
        if self.last <= on:
            return True
        return False if self.first > on else None


@dataclass(frozen=True, slots=True)
class Record:
    """`day_zero` None: not known. `planned`: the graft is told as a plan still. `visits`: oldest first, by `record_of`.

    `begun`, `confirmed`: first and last day of each taper as a person confirmed them, by the taper's key; `deviations`:
    why one began against its gate.
    """

    protocol: Protocol
    day_zero: date | None
    visits: tuple[FollowUp, ...] = ()
    planned: bool = False
    enrolment: str | None = None
    begun: Mapping[str, date] = field(default_factory=dict)
    confirmed: Mapping[str, date] = field(default_factory=dict)
    deviations: Mapping[str, str] = field(default_factory=dict)

    def day(self, on: date) -> int | None:
        """Protocol day of a calendar date."""
        return None if self.day_zero is None else (on - self.day_zero).days

    def date_of(self, day: int) -> date | None:
        """Calendar date of a protocol day."""
        return None if self.day_zero is None else day_date(self.day_zero, day)


def in_order(visits: Sequence[FollowUp]) -> tuple[FollowUp, ...]:
    """Oldest first; where two tell the same thing, the later one counts."""
    return tuple(sorted(visits, key=lambda visit: (visit.date.latest, visit.key)))


def span(said: PartialDate, visit: FollowUp) -> Span:
    """The days that a date of a visit can mean: nothing that a form tells happened after its visit."""
    return Span(said.earliest, max(said.earliest, min(said.latest, visit.date.latest)))


def day_of(said: object) -> PartialDate | None:
    """A date that was told; None where none was, or where it is said to be missing."""
    return said if isinstance(said, PartialDate) else None


def word_of(said: object) -> str | None:
    """Key of a word that was told."""
    return said.key if isinstance(said, Word) else None


def items(said: object, kind: type[_T]) -> tuple[_T, ...]:
    """Items of a list that was told; a list that was not, or that is said to be missing, has none."""
    return tuple(one for one in said if isinstance(one, kind)) if isinstance(said, tuple) else ()
