"""The days of one patient: from the graft to death, the last day known alive or the cut-off, whichever is first.

What cannot stand on this axis (before day zero, after death, without a date) is excluded and said so; what is known to
the month alone stands on its middle and is said so. What lies after the cut-off is not known yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from mappings.facts import Missing, PartialDate, Said
from mappings.registry.course import MID_MONTH, Course, Dated
from mappings.registry.judged import Excluded


@dataclass(slots=True)
class Notes:
    """What a judgement excluded and what it counted by a special rule, in sentences."""

    excluded: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, order=True)
class Placed:
    """A day on the axis, and the resource (`Type/id`) that it stands in."""

    day: int
    source: str


@dataclass(frozen=True, slots=True)
class Axis:
    """`end`: last day of follow-up, where `end_source` says so. `died`: the day of a death that counts.

    `excluded` and `listed`: what was done to make this axis.
    """

    patient: str
    zero: date
    as_of: date
    end: int
    died: int | None
    sources: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()

    def day_of(self, on: date) -> int:
        return (on - self.zero).days

    def date_of(self, day: int) -> date:
        return date.fromordinal(self.zero.toordinal() + day)

    def place(self, when: Said[PartialDate], what: str, source: str, notes: Notes) -> Placed | None:
        """Where a date stands; None, with a note where one is due, if it cannot be counted."""
        on = self.day_or_middle(when)
        if on is None or not isinstance(when, PartialDate):
            notes.excluded.append(f"{what} without a date")
            return None
        if on > self.as_of:
            return None
        day = self.day_of(on)
        if day < 0:
            notes.excluded.append(f"{what} before the transplant")
            return None
        if self.died is not None and day > self.died:
            notes.excluded.append(f"{what} after death")
            return None
        if when.exact is None:
            notes.listed.append(f"{what} known to the month ({when}): counted on {on}")
        return Placed(day, source)

    def place_after(self, when: Said[PartialDate], what: str, source: str, notes: Notes) -> Placed | None:
        """The same for assessments; one of before the graft or of its day belongs to the baseline, without a note."""
        if isinstance(when, PartialDate) and when.latest <= self.zero:
            return None
        place = self.place(when, what, source, notes)
        return place if place and place.day > 0 else None

    def day_or_middle(self, when: Said[PartialDate]) -> date | None:
        """The middle of a month, moved into the time from the graft to death where the month reaches into it."""
        if when is None or isinstance(when, Missing):
            return None
        if when.exact or len(when.text) < len("2026-03"):
            return when.exact
        middle = date.fromisoformat(f"{when}-{MID_MONTH}")
        first = max(middle, self.zero) if when.earliest <= self.zero <= when.latest else middle
        death = self.date_of(self.died) if self.died is not None else None
        return min(first, death) if death and when.earliest <= death <= when.latest else first


def axis(course: Course, as_of: date) -> Axis | Excluded:
    """The axis of a patient who was grafted by the cut-off; else why there is none."""
    zero = course.day_zero
    if zero is None:
        return Excluded(course.patient, "no transplant with a date")
    if zero.day > as_of:
        return Excluded(course.patient, "transplant after the cut-off")
    made = _to_death(course, zero, as_of)
    if zero.imputed:
        rule = f"transplant known to the month ({zero.written}): counted from {zero.day}"
        return replace(made, listed=(rule, *made.listed))
    return made


def _to_death(course: Course, zero: Dated, as_of: date) -> Axis:
    death = course.death
    if course.death_undated:
        return _alive(course, zero, as_of, course.contacts, "death without a date", course.death_undated)
    if death is None:
        return _alive(course, zero, as_of, course.contacts)
    died = _day_of_death(course, zero, death)
    if died < zero.day:
        return _alive(course, zero, as_of, course.contacts, "death before the transplant", death.source)
    if died > as_of:
        return _alive(course, zero, as_of, (*course.contacts, death))
    listed = []
    if death.imputed:
        listed.append(f"death known to the month ({death.written}): counted on {died}")
    if any(contact.day > died for contact in course.contacts):
        listed.append("facts dated after death: the date of death holds")
    day = (died - zero.day).days
    sources = tuple(dict.fromkeys((zero.source, death.source)))
    return Axis(course.patient, zero.day, as_of, day, day, sources, listed=tuple(listed))


def _alive(
    course: Course, zero: Dated, as_of: date, contacts: Sequence[Dated], reason: str = "", source: str = ""
) -> Axis:
    """Followed to the last day known alive or the cut-off; `reason` is why a death cannot count."""
    last = max((zero, *contacts), key=lambda fact: fact.day)
    end = min(last.day, as_of)
    listed = [f"{reason}: counted as alive until {end}"] if reason else []
    if last.imputed and last is not zero and last.day <= as_of:
        listed.append(f"last contact known to the month ({last.written}): counted on {end}")
    sources = tuple(dict.fromkeys(filter(None, (zero.source, last.source, source))))
    excluded = (reason,) if reason else ()
    return Axis(course.patient, zero.day, as_of, (end - zero.day).days, None, sources, excluded, tuple(listed))


def _day_of_death(course: Course, zero: Dated, death: Dated) -> date:
    """The middle of a month of which the day is not known, moved on to the last day known alive in that month."""
    if not death.imputed:
        return death.day
    alive = [fact.day for fact in (zero, *course.contacts) if f"{fact.day:%Y-%m}" == death.written]
    return max([death.day, *alive])
