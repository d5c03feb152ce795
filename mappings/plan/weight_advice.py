"""Is the weight that doses the plan still the patient's? Asked when an order of the plan is drafted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from mappings.canonicals import LOINC
from mappings.facts import BodyMeasure, FollowUp, Measured, Measurements
from mappings.plan.advice import Advice, Urgency, dated
from mappings.plan.dosing import Body
from mappings.plan.elements import element, elements, text
from mappings.plan.quantity_reading import amount
from mappings.plan.record import Record, day_of
from mappings.plan.timing_reading import day_of as day_said
from mappings.r4.build import Element
from mappings.terminology.units import to_unit

BODY_WEIGHT = "29463-7"
_VOID = ("cancelled", "entered-in-error", "unknown")


@dataclass(frozen=True, slots=True)
class Watch:
    """Own defaults, neither the protocol's nor a guideline's: the oldest weight in days before an order, and the
    difference in per cent above which a newer weight is a warning (None: it is told and never a warning)."""

    oldest_days: int = 14
    differs_percent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Weighed:
    """A weight in kg with its day."""

    kg: Decimal
    on: date


def advise(body: Body, newer: Iterable[Weighed], ordered_for: date, record: Record, watch: Watch) -> Iterator[Advice]:
    """The last weight that is known is old on the day of the order or has no day, or it is not that of the plan."""
    used, taken = body.weight_kg, body.weight_date
    if used is None:
        return
    later = sorted((one for one in newer if taken is None or one.on > taken), key=lambda one: one.on)
    last = later[-1].on if later else taken
    if last is None:
        yield Advice("weight/undated", Urgency.INFO, f"The plan is dosed by {used} kg, a weight without a day.")
    elif (age := (ordered_for - last).days) > watch.oldest_days:
        summary = f"The last weight is of {last}, {age} days before {dated(ordered_for, record)}."
        detail = f"This deployment asks for a weight that is at most {watch.oldest_days} days old."
        yield Advice("weight/stale", Urgency.WARNING, summary, detail)
    if later and later[-1].kg != used:
        yield from _changed(used, later[-1], watch)


def _changed(used: Decimal, last: Weighed, watch: Watch) -> Iterator[Advice]:
    exact = abs(last.kg - used) * 100 / used
    percent, limit = exact.quantize(Decimal("0.1"), ROUND_HALF_UP), watch.differs_percent
    if limit is None or exact > limit:
        direction = "more" if last.kg > used else "less"
        summary = f"{last.kg} kg on {last.on}, {percent} % {direction} than the {used} kg by which the plan is dosed."
        urgency = Urgency.INFO if limit is None else Urgency.WARNING
        yield Advice("weight/changed", urgency, summary, "Doses by weight or surface follow when the centre tells it.")


def of_visits(visits: Sequence[FollowUp]) -> Iterator[Weighed]:
    """Weights that follow-ups told, with an exact day."""
    for visit in visits:
        said = visit.measurements.weight if isinstance(visit.measurements, Measurements) else None
        if isinstance(said, BodyMeasure) and isinstance(said.value, Measured) and not said.value.comparator:
            day = (day_of(said.date) or visit.date).exact
            if day:
                yield Weighed(to_unit(said.value, "kg").value, day)


def of_resource(resource: Element, patient: str) -> Iterator[Weighed]:
    """Weights of an Observation or of the Observations in a Bundle, of this patient and with a day."""
    if resource.get("resourceType") == "Bundle":
        for entry in elements(resource.get("entry")):
            yield from of_resource(element(entry.get("resource")), patient)
        return
    codings = elements(element(resource.get("code")).get("coding"))
    weighs = any(one.get("system") == LOINC and one.get("code") == BODY_WEIGHT for one in codings)
    subject = text(element(resource.get("subject")).get("reference")).rpartition("/")[2]
    day, kg = day_said(resource.get("effectiveDateTime")), amount(resource.get("valueQuantity"), "kg")
    if weighs and subject == patient and resource.get("status") not in _VOID and day and kg and kg > 0:
        yield Weighed(kg, day)
