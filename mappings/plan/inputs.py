"""What a plan is made from, checked before anything is dosed: no plan is better than one from a slip of the pen.

The limits (`facts.plausible`) ask "can this be what was meant?" and never change a dose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from mappings.facts import PartialDate
from mappings.facts.plausible import DEFAULT_LIMITS, HEIGHT, WEIGHT, Limits, Range, years
from mappings.plan.dosing import SURFACES, Body
from mappings.plan.timeline import PLACE_DAY_ZERO, day_date
from mappings.protocol.model import Protocol
from mappings.r4.faults import Fault, FaultyInput

FLAGGED_BMI = Decimal(30)
"""kg/m2; above it an order says so. The limit of obesity (WHO, Technical Report Series 894, 2000)."""

_METRES = Range(Decimal("0.5"), Decimal("2.5"), "m")
_INCHES = Range(Decimal(40), HEIGHT.low, "in")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One weight in kg or height in cm; `source` is the Observation that says it."""

    value: Decimal
    taken: date | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    """What of the patient bounds the day of the graft."""

    born: PartialDate | None = None
    died: PartialDate | None = None


NOTHING_KNOWN = Patient()


def latest(name: str, found: Sequence[Measurement], limits: Limits = DEFAULT_LIMITS) -> Measurement | None:
    """The measurement to dose by, of all that were handed in at once; None of none.

    Raises FaultyInput where two disagree: other values without a day to tell which is the later, or of one day, or
    further apart than a body changes in `limits.weight_days`.
    """
    if not found:
        return None
    newest = max(found, key=lambda one: (one.taken is not None, one.taken or date.min))
    for other in found:
        if other.value != newest.value and _contradicts(name, newest, other, limits):
            raise FaultyInput([Fault(name, f"{_told(newest, name)} and {_told(other, name)} disagree", "conflict")])
    return newest


def check(
    protocol: Protocol,
    day_zero: date | None,
    body: Body,
    formula: str,
    *,
    limits: Limits = DEFAULT_LIMITS,
    today: date | None = None,
) -> list[Fault]:
    """Everything that stands in the way of dosing; empty when nothing does."""
    faults = []
    if formula not in SURFACES:
        known = ", ".join(SURFACES)
        faults.append(Fault("bsa-formula", f"unknown body surface formula {formula}; known: {known}", "code-invalid"))
    bases = {line.dose.per for line in protocol.lines}
    days = [line.days.first for line in protocol.lines]
    first = day_date(day_zero, min(days)) if day_zero and days else None
    if bases & {"kg", "m2"}:
        faults += _measure("weight", body.weight_kg, WEIGHT)
        faults += _dated("weight", body.weight_date, first, limits.weight_days, today)
    if "m2" in bases:
        faults += _measure("height", body.height_cm, HEIGHT)
        faults += _dated("height", body.height_date, first, limits.height_days, today)
    return faults or list(_proportion(body, limits))


def check_day_zero(
    protocol: Protocol, day_zero: date | None, patient: Patient, limits: Limits = DEFAULT_LIMITS
) -> list[Fault]:
    """Is the day that all others count from known and in a possible place?"""
    if day_zero is None:
        told = f"the date of day zero ({protocol.anchor.title}) is needed to date this protocol"
        return [Fault("day-zero", told, "required")]
    low, high = PLACE_DAY_ZERO
    if not low <= day_zero <= high:
        return [Fault("day-zero", f"day zero must lie between {low} and {high}", "value")]
    if patient.died and day_zero > patient.died.latest:
        return [Fault("day-zero", "day zero is after the death of the patient", "business-rule")]
    return _in_the_life(protocol, day_zero, patient.born, limits) if patient.born else []


def _in_the_life(protocol: Protocol, day_zero: date, born: PartialDate, limits: Limits) -> list[Fault]:
    if day_zero < born.earliest:
        return [Fault("day-zero", "day zero is before the birth of the patient", "business-rule")]
    first = day_date(day_zero, min((line.days.first for line in protocol.lines), default=0))
    if first < born.earliest:
        return [Fault("day-zero", f"the first dose, on {first}, is before the birth of the patient", "business-rule")]
    age = years(born.latest, day_zero)
    if age > limits.oldest_years:
        told = f"birth on {born} makes the patient {age} years old on day zero: above {limits.oldest_years}"
        return [Fault("birth-date", f"{told} it is taken for a typing error", "value")]
    return []


def _contradicts(name: str, newest: Measurement, other: Measurement, limits: Limits) -> bool:
    if newest.taken is None or other.taken is None or newest.taken == other.taken:
        return True
    within, percent = limits.weight_days, limits.weight_differs_percent
    if name == "height":
        return _percent(newest.value, other.value) > limits.height_differs_percent
    return (newest.taken - other.taken).days <= within and _percent(newest.value, other.value) > percent


def _percent(one: Decimal, other: Decimal) -> Decimal:
    return abs(one - other) * 100 / min(one, other) if min(one, other) > 0 else Decimal("Infinity")


def _told(one: Measurement, name: str) -> str:
    unit = WEIGHT.unit if name == "weight" else HEIGHT.unit
    return f"{name} {one.value} {unit}" + (f" of {one.taken}" if one.taken else " (no day told)")


def _measure(name: str, value: Decimal | None, plausible: Range) -> Iterator[Fault]:
    if value is None:
        yield Fault(name, f"{name} in {plausible.unit} is needed to dose this protocol", "required")
    elif not value.is_finite() or not plausible.admits(value):
        told = f"{name} {value} {plausible.unit} is not between {plausible.low} and {plausible.high}"
        yield Fault(name, told + _slip(name, value), "value")


def _slip(name: str, value: Decimal) -> str:
    """What the number looks like instead."""
    if name == "height" and value.is_finite():
        if _METRES.admits(value):
            return "; it looks like metres"
        if _INCHES.admits(value):
            return "; it looks like inches"
    return ""


def _dated(name: str, taken: date | None, first: date | None, days: int, today: date | None) -> Iterator[Fault]:
    if taken is None:
        return
    if today and taken > today:
        yield Fault(name, f"{name} is dated {taken}, and today is {today}", "value")
    elif first and (first - taken).days > days:
        age = (first - taken).days
        told = f"{name} of {taken} is {age} days older than the first dose of {first}; at most {days} days are taken"
        yield Fault(name, told, "business-rule")


def _proportion(body: Body, limits: Limits) -> Iterator[Fault]:
    bmi = body.bmi
    if bmi is not None and not limits.bmi_low <= bmi <= limits.bmi_high:
        told = (
            f"weight {body.weight_kg} kg and height {body.height_cm} cm make a body mass index of {bmi} kg/m2, not "
            f"between {limits.bmi_low} and {limits.bmi_high}: is one of them in another unit?"
        )
        yield Fault("weight", told, "value")
