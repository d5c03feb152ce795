"""On which days, and how often a day, does a FHIR Timing have a dose given? What it leaves open stays open.

R4 lets a Timing say much that no plan of ours says (ranges, meals, days of the week): that is told as a gap, because a
dose that was not understood must not pass for one that was compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from mappings.facts import PartialDate
from mappings.plan.elements import element, elements, text, values
from mappings.plan.timeline import PLACE_DAY_ZERO

_GTS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"
_A_DAY = {"QD": 1, "BID": 2, "TID": 3, "QID": 4, "Q4H": 6, "Q6H": 4, "Q8H": 3}
_HOURS = {"h": Fraction(1), "d": Fraction(24), "wk": Fraction(24 * 7)}
_UNREAD = ("frequencyMax", "periodMax", "dayOfWeek", "offset", "countMax")
LONGEST = 400
"""Days of a span that are looked at one by one; the whole protocol has less."""


@dataclass(frozen=True, slots=True)
class When:
    """Days of one dosage: `listed`, or from `first` to `last` (None: no end told), every so many days.

    `times`: doses on each of these days, None where that is not told. `gaps`: what could not be read.
    """

    listed: tuple[date, ...] = ()
    first: date | None = None
    last: date | None = None
    every: int = 1
    times: int | None = None
    gaps: tuple[str, ...] = ()

    @property
    def endless(self) -> bool:
        return self.first is not None and self.last is None

    def days(self) -> Iterator[date]:
        """Its days; of a span without an end the first one."""
        if self.first is None:
            yield from self.listed
            return
        last = min(self.last or self.first, self.first + timedelta(days=LONGEST))
        yield from (self.first + timedelta(days=n) for n in range(0, (last - self.first).days + 1, self.every))

    def covers(self, day: date) -> bool:
        if self.first is None:
            return day in self.listed
        return self.first <= day <= (self.last or day) and (day - self.first).days % self.every == 0


def read(timing: Any) -> When:
    """The days and doses of a Timing; None or nothing in it: everything is open."""
    said = element(timing)
    repeat = element(said.get("repeat"))
    gaps = tuple(f"timing.repeat.{name}" for name in _UNREAD if name in repeat)
    times, every = _rhythm(said, repeat)
    events = [day_of(event) for event in values(said.get("event"))]
    if events:
        known = [day for day in events if day]
        gaps += ("timing.event",) if len(known) < len(events) else ()
        each = {known.count(day) for day in known}
        doses = (times or 1) * each.pop() if len(each) == 1 else None
        return When(tuple(dict.fromkeys(known)), times=doses, gaps=gaps)
    bounds = element(repeat.get("boundsPeriod"))
    first, last = day_of(bounds.get("start")), day_of(bounds.get("end"))
    if ("end" in bounds and last is None) or (first and last and last < first):
        return When(times=times, gaps=(*gaps, "timing.repeat.boundsPeriod"))
    if first and last is None and times and (count := _whole(repeat.get("count"))):
        last = first + timedelta(days=min((-(-count // times) - 1) * every, LONGEST))
    return When(first=first, last=last, every=every, times=times, gaps=gaps)


def _rhythm(timing: Mapping[str, Any], repeat: Mapping[str, Any]) -> tuple[int | None, int]:
    """Doses a day, and every how many days."""
    if "period" in repeat or "frequency" in repeat:
        return _counted(repeat)
    for name in ("timeOfDay", "when"):
        if values(repeat.get(name)):
            return len(repeat[name]), 1
    codings = elements(element(timing.get("code")).get("coding"))
    found = [_A_DAY.get(text(one.get("code"))) for one in codings if one.get("system") == _GTS]
    return next((times for times in found if times), None), 1


def _counted(repeat: Mapping[str, Any]) -> tuple[int | None, int]:
    """`frequency` times in `period` `periodUnit`, where that is a whole number of doses on each of its days."""
    frequency, period = _whole(repeat.get("frequency", 1)), repeat.get("period")
    hours = _HOURS.get(text(repeat.get("periodUnit")))
    if not frequency or not isinstance(period, int | Decimal) or hours is None or period <= 0:
        return None, 1
    span = Fraction(period) * hours
    a_day = frequency * 24 / span
    if a_day.denominator == 1:
        return int(a_day), 1
    days = span / 24
    return (1, int(days)) if frequency == 1 and days.denominator == 1 else (None, 1)


def _whole(said: Any) -> int | None:
    """A number that counts something."""
    return said if isinstance(said, int) and not isinstance(said, bool) and said > 0 else None


def day_of(said: Any) -> date | None:
    """The calendar day of a dateTime as it is written, without shifting it to another time zone."""
    low, high = PLACE_DAY_ZERO
    try:
        day = PartialDate(text(said)[:10]).exact
    except ValueError:
        return None
    return day if day and low <= day <= high else None
