"""A MedicationRequest as what it has given: which drug, how many milligrams on which day, and what it leaves open.

The stored plan and the draft of an EHR are read by the same eyes, so that a difference is one of the orders and not of
two readings. Units are converted exactly; what is in no unit of mass, a range or a rate, is not compared but told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from mappings.canonicals import ATC, DOSE_RATE_TYPE, Canonicals
from mappings.plan import timing_reading
from mappings.plan.elements import element, elements, text
from mappings.plan.quantity_reading import amount, unit_of
from mappings.plan.timing_reading import When
from mappings.r4.build import Element, Resource
from mappings.terminology import codes

CALLED_OFF = frozenset({"cancelled", "completed", "entered-in-error", "revoked", "stopped"})
"""Statuses of a request that has nothing given any more."""


@dataclass(frozen=True, slots=True)
class Portion:
    """One dosage of an order: `mg` a dose, None where that cannot be told."""

    when: When
    mg: Decimal | None
    gaps: tuple[str, ...]

    @property
    def daily(self) -> Decimal | None:
        return None if self.mg is None or self.when.times is None else self.mg * self.when.times


@dataclass(frozen=True, slots=True)
class Order:
    """`drug`: key in our terminology, None where no code of ours stands on it; `foreign`: another substance for sure.

    `most_mg`, `most_a_day_mg`: the largest single dose, and amount of a day, that the order itself allows.
    """

    reference: str
    action: str
    drug: str | None
    foreign: bool
    name: str
    portions: tuple[Portion, ...]
    most_mg: Decimal | None
    most_a_day_mg: Decimal | None

    @property
    def days(self) -> tuple[date, ...]:
        """Every day that it names, in order."""
        return tuple(sorted({day for portion in self.portions for day in portion.when.days()}))

    @property
    def endless(self) -> bool:
        return any(portion.when.endless for portion in self.portions)

    @property
    def gaps(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(gap for portion in self.portions for gap in portion.gaps))

    @property
    def largest(self) -> Decimal | None:
        """The largest single dose."""
        return max((portion.mg for portion in self.portions if portion.mg is not None), default=None)

    def on(self, day: date) -> list[Portion]:
        """What is given on a day."""
        return [portion for portion in self.portions if portion.when.covers(day)]


def read(request: Resource, canonicals: Canonicals, others: Mapping[str, Resource] | None = None) -> Order:
    """One order. `others`: resources that its `medicationReference` may name, by reference."""
    concept = _medication(request, others or {})
    dosages = elements(request.get("dosageInstruction"))
    portions = tuple(_portion(one) for one in dosages) or (Portion(When(), None, ("no dosage",)),)
    drug = codes.key_of("drugs", concept, canonicals)
    return Order(
        reference=f"{request['resourceType']}/{request.get('id', '')}",
        action=_action(request, canonicals),
        drug=drug,
        foreign=drug is None and any(coding.get("system") == ATC for coding in concept["coding"]),
        name=codes.text("drugs", drug) if drug else _words(concept),
        portions=portions,
        most_mg=min((mg for one in dosages if (mg := amount(one.get("maxDosePerAdministration"), "mg"))), default=None),
        most_a_day_mg=min((mg for one in dosages if (mg := _most_a_day(one))), default=None),
    )


def daily(portions: Iterable[Portion]) -> Decimal | None:
    """Milligrams of all portions of one day; None where one of them cannot be told."""
    amounts = [portion.daily for portion in portions]
    return None if not amounts or None in amounts else sum((one for one in amounts if one is not None), Decimal(0))


def _portion(dosage: Element) -> Portion:
    when = timing_reading.read(dosage.get("timing"))
    mg, gaps = _dose(dosage)
    if dosage.get("asNeededBoolean") or "asNeededCodeableConcept" in dosage:
        when = When(when.listed, when.first, when.last, when.every, None, when.gaps)
        gaps += ("given as needed",)
    elif when.times is None:
        gaps += ("how often a day is not told",)
    if not when.listed and when.first is None:
        gaps += ("on which days is not told",)
    return Portion(when, mg, (*gaps, *when.gaps))


def _most_a_day(dosage: Element) -> Decimal | None:
    """None for a maximum of any other period: it is not compared."""
    ratio = element(dosage.get("maxDosePerPeriod"))
    period = element(ratio.get("denominator"))
    return amount(ratio.get("numerator"), "mg") if (unit_of(period), period.get("value")) == ("d", 1) else None


def _dose(dosage: Element) -> tuple[Decimal | None, tuple[str, ...]]:
    told = elements(dosage.get("doseAndRate"))
    chosen = [one for one in told if _kind(one) == "calculated"] or told
    if not chosen:
        return None, ("no amount",)
    if len(chosen) > 1:
        return None, ("several amounts beside each other",)
    (one,) = chosen
    if "rateQuantity" in one or "rateRatio" in one or "rateRange" in one:
        return None, ("given as a rate",)
    if "doseRange" in one:
        return None, ("a range of amounts",)
    mg = amount(one.get("doseQuantity"), "mg")
    return (mg, ()) if mg is not None else (None, (f"an amount in {unit_of(one.get('doseQuantity')) or 'no unit'}",))


def _kind(dose: Element) -> str | None:
    codings = elements(element(dose.get("type")).get("coding"))
    return next((text(one.get("code")) for one in codings if one.get("system") == DOSE_RATE_TYPE), None)


def _medication(request: Resource, others: Mapping[str, Resource]) -> Element:
    """The concept of the drug, with its well-formed codings."""
    concept = element(request.get("medicationCodeableConcept"))
    target = str(element(request.get("medicationReference")).get("reference", ""))
    if target:
        inside = elements(request.get("contained"))
        found = next((one for one in inside if f"#{one.get('id')}" == target), others.get(target, {}))
        concept = element(found.get("code"))
    return concept | {"coding": elements(concept.get("coding"))}


def _words(concept: Element) -> str:
    displays = (text(coding.get("display")) for coding in concept["coding"])
    return text(concept.get("text")) or next(filter(None, displays), "a drug without a name")


def _action(request: Resource, canonicals: Canonicals) -> str:
    """Action key of an order of ours, by its identifier; empty for any other."""
    said = elements(request.get("identifier"))
    ours = [text(one.get("value")).split("/") for one in said if one.get("system") == canonicals.sid("request")]
    return next((parts[1] for parts in ours if len(parts) > 1), "")
