"""Recovery of neutrophils and platelets: by their counts, else as the centre reports it.

A recovery is the first of three consecutive counts on different days that reach the threshold. Neutrophils: after the
nadir, the lowest count up to day 42. Platelets: each of the three without a platelet transfusion in the 7 days before
it, and not before the count first fell below the threshold (up to day 42). Of several counts on a day the lowest holds.
Source: CIBMTR Forms Instruction Manual, F2100, neutrophil and platelet recovery; the limit of 42 days for the nadir is
ours (docs/adr/0033), so that a late fall is not taken for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from mappings.facts import Measured, PartialDate
from mappings.registry.day_axis import Notes, Placed
from mappings.registry.followed import Followed, Happened
from mappings.registry.judged import Excluded, Verdict
from mappings.terminology.units import to_unit

THRESHOLDS = {"neutrophils": Decimal("0.5"), "platelets": Decimal(20)}
"""In 10*9/L."""

UNIT = "10*9/L"
CONSECUTIVE = 3
UNTRANSFUSED_DAYS = 7
NADIR_BY = 42

Count = tuple[Decimal, str]
"""The lowest count of a day and where it stands."""


def neutrophil_engraftment(followed: Followed) -> Verdict | Excluded:
    """Event: recovery of neutrophils. Death and a second graft compete."""
    return _engraftment(followed, "neutrophils")


def platelet_engraftment(followed: Followed) -> Verdict | Excluded:
    """Event: recovery of platelets. Death and a second graft compete."""
    return _engraftment(followed, "platelets")


def by_counts(counts: Mapping[int, Decimal], line: str, transfusions: Sequence[int] = ()) -> int | None:
    """Day of recovery by the lowest count of each day (10*9/L); None where three such counts are not there."""
    threshold = THRESHOLDS[line]
    days = sorted(day for day in counts if day > _fallen(counts, line))
    for run in zip(*(days[place:] for place in range(CONSECUTIVE)), strict=False):
        first: int = run[0]
        reached = all(counts[day] >= threshold for day in run)
        if reached and not (line == "platelets" and any(_transfused(day, transfusions) for day in run)):
            return first
    return None


def _fallen(counts: Mapping[int, Decimal], line: str) -> int:
    """The day up to which counts are those before the fall; before day zero where no fall is told."""
    low = [day for day in sorted(counts) if day <= NADIR_BY and counts[day] < THRESHOLDS[line]]
    if not low:
        return -1
    return min(low, key=lambda day: (counts[day], day)) if line == "neutrophils" else low[0]


def _transfused(day: int, transfusions: Sequence[int]) -> bool:
    return any(0 <= day - given < UNTRANSFUSED_DAYS for given in transfusions)


def _engraftment(followed: Followed, line: str) -> Verdict | Excluded:
    notes = Notes()
    reported, status = _reported(followed, line, notes)
    if status == "never-below":
        return Excluded(followed.axis.patient, f"{line} never below the threshold: there is no day of recovery")
    counted = _counted(followed, line, notes)
    if counted and reported and counted.day != reported.day:
        notes.listed.append(f"{line} recovered by the counts on another day than reported: the counts hold")
    if counted and not reported and status and status != "engrafted":
        notes.listed.append(f"{line} recovered by the counts, though reported as {status}: the counts hold")
    event = Happened(counted or reported, tuple(notes.excluded), tuple(dict.fromkeys(notes.listed)))
    grafts = (followed.axis.day_of(graft.day) for graft in followed.course.later_grafts)
    again = min((day for day in grafts if day <= followed.axis.end), default=None)
    note = Happened(listed=("second transplant: competes with engraftment",) if again is not None else ())
    return followed.verdict(event, (again, followed.died), note)


def _reported(followed: Followed, line: str, notes: Notes) -> tuple[Placed | None, str | None]:
    """The first engraftment that the centre dates, and the status that it gives; a later loss does not undo it."""
    told = [one for one in followed.facts.recoveries if one.fact.line == line]
    statuses = [one.fact.status.key for one in told]
    places = [
        followed.axis.place(one.fact.date, f"{line} engraftment", one.source, notes)
        for one in told
        if one.fact.status.key == "engrafted"
    ]
    status = "engrafted" if "engrafted" in statuses else next(iter(statuses), None)
    return min((place for place in places if place), default=None), status


def _counted(followed: Followed, line: str, notes: Notes) -> Placed | None:
    lowest: dict[int, Count] = {}
    for one in followed.facts.counts:
        when, value = one.fact.date, _amount(one.fact.value)
        dated = isinstance(when, PartialDate) and when.exact is not None and when.exact >= followed.axis.zero
        if one.fact.cells != line or not dated or value is None:
            continue
        if place := followed.axis.place(when, f"count of {line}", one.source, notes):
            lowest[place.day] = min(lowest.get(place.day, (value, one.source)), (value, one.source))
    ignored = Notes()
    given = [followed.axis.place(one.fact, "transfusion", one.source, ignored) for one in followed.facts.transfusions]
    counts = {day: value for day, (value, _) in lowest.items()}
    day = by_counts(counts, line, [place.day for place in given if place])
    if day is None:
        return None
    if _fallen(counts, line) < 0:
        notes.listed.append(f"{line} without a count below the threshold: recovered on the first of three above it")
    return Placed(day, lowest[day][1])


def _amount(said: Measured) -> Decimal | None:
    """In 10*9/L; a value that is only known to be less than a bound reaches no threshold."""
    try:
        value = to_unit(said, UNIT).value
    except ValueError:
        return None
    return Decimal(0) if said.comparator in ("<", "<=") else value
