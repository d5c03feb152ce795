"""The days that bound every date of one document: birth, death, the visit and the day of submission.

They are read from the raw document before it is parsed, so that a date is judged although its neighbours are wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from mappings.facts import PartialDate


class Days(dict[str, PartialDate]):
    """The dates of one document, which says the same few again and again: each is read when it is first asked for.

    Only those that can lie within the bounds: of any other text the KeyError or ValueError sends to who judges it.
    """

    __slots__ = ("high", "low")

    def __init__(self, low: date, high: date) -> None:
        self.low, self.high = low, high

    def __missing__(self, text: str) -> PartialDate:
        said = PartialDate(text)
        if self.low > said.latest or said.earliest > self.high:
            raise KeyError
        self[text] = said
        return said


@dataclass(frozen=True, slots=True)
class Limits:
    """`planned`: the graft of this enrolment is a plan, so that its date may lie ahead."""

    as_of: date
    visit: PartialDate | None = None
    birth: PartialDate | None = None
    death: PartialDate | None = None
    planned: bool = False
    low: date = field(init=False)
    high: date = field(init=False)
    """A date that can lie between these two breaks none of the bounds."""
    days: Days = field(init=False, compare=False)

    def __post_init__(self) -> None:
        ends = [said.latest for said in (self.visit, self.death) if said]
        object.__setattr__(self, "low", self.birth.earliest if self.birth else date.min)
        object.__setattr__(self, "high", min([self.as_of, *ends]))
        object.__setattr__(self, "days", Days(self.low, self.high))

    def wrong(self, said: PartialDate, *, visit: bool = True, death: bool = True) -> str | None:
        """Why `said` is too late or too early for certain, or None. The day of birth is never quoted."""
        if said.earliest > self.as_of:
            return f"is after {self.as_of}, the day of submission"
        if visit and self.visit and said.earliest > self.visit.latest:
            return f"is after the visit of {self.visit}"
        if death and self.death and said.earliest > self.death.latest:
            return f"is after the death of {self.death}"
        return "is before the birth of the patient" if self.before_birth(said) else None

    def before_birth(self, said: PartialDate) -> bool:
        """Is `said` for certain before the birth?"""
        return self.birth is not None and said.latest < self.birth.earliest


_CURRENT: ContextVar[Limits] = ContextVar("limits")
"""Holds while one document is read, in this thread or task only."""

current = _CURRENT.get
"""Limits of the document that is being read."""


@contextmanager
def holding(limits: Limits) -> Iterator[None]:
    """Hold these limits while a document is read."""
    token = _CURRENT.set(limits)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def of_enrolment(document: Mapping[str, Any], as_of: date) -> Limits:
    """Limits of a raw enrolment. A birth that lies ahead is a fault of its own and bounds nothing."""
    planned = _inside(document, "transplant").get("planned") is True
    birth = read(document.get("birth_date"))
    return Limits(as_of, birth=birth if birth and birth.earliest <= as_of else None, planned=planned)


def of_follow_up(document: Mapping[str, Any], as_of: date) -> Limits:
    """Limits of a raw follow-up."""
    vital = _inside(document, "vital_status")
    death = read(vital.get("date")) if vital.get("status") == "dead" else None
    return Limits(as_of, visit=read(document.get("date")), death=death)


def _inside(document: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    found = document.get(section)
    return found if isinstance(found, Mapping) else {}


def read(value: Any) -> PartialDate | None:
    """The date that a text says to the day, month or year; None where it is none."""
    try:
        return PartialDate(value) if isinstance(value, str) else None
    except ValueError:
        return None
