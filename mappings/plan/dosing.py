"""From mg/kg and mg/m2 to milligrams, exactly, with the arithmetic kept.

Dosing weight is the actual weight and the body surface is not rounded before it is multiplied, because the protocol
names no other weight and no rounding. The amount ordered is rounded half up from the unrounded amount.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, localcontext

from mappings.protocol.model import FIXED, DoseBasis, Line

EXACT = Decimal("0.0001")
_PRECISE = Context(prec=50, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Rounding:
    """The step in mg that an amount is rounded to, half up.

    The day's amount is rounded to 0.1 mg; where a centre has set a step for a drug, each dose is rounded to it, because
    that is what is drawn up or counted out. So is each dose to 0.1 mg where the day has three, which no decimal can be
    shared into equally.
    """

    step: Decimal = Decimal("0.1")
    each_dose: bool = False


PLAIN = Rounding()
_SHARED = 10_000
"""What divides it divides every decimal: of up to 24 doses a day 1, 2, 4, 5, 8, 10, 16, 20."""


@dataclass(frozen=True, slots=True)
class Body:
    """The patient's measures: kg, cm, when they were taken, and the Observations (`Observation/<id>`) that say so."""

    weight_kg: Decimal | None
    height_cm: Decimal | None
    weight_date: date | None = None
    height_date: date | None = None
    weight_source: str | None = None
    height_source: str | None = None

    @property
    def bmi(self) -> Decimal | None:
        """kg/m2, to one decimal; None without both measures."""
        if self.weight_kg is None or not self.height_cm:
            return None
        return rounded(self.weight_kg * 10000 / (self.height_cm * self.height_cm), Decimal("0.1"))


def mosteller(weight_kg: Decimal, height_cm: Decimal) -> Decimal:
    """Body surface in m2, sqrt(kg x cm / 3600). Mosteller, N Engl J Med 1987;317:1098."""
    with localcontext(_PRECISE):
        return (weight_kg * height_cm / 3600).sqrt()


def dubois(weight_kg: Decimal, height_cm: Decimal) -> Decimal:
    """Body surface in m2, 0.007184 x kg^0.425 x cm^0.725. Du Bois and Du Bois, Arch Intern Med 1916;17:863."""
    with localcontext(_PRECISE):
        return Decimal("0.007184") * weight_kg ** Decimal("0.425") * height_cm ** Decimal("0.725")


SURFACES: dict[str, Callable[[Decimal, Decimal], Decimal]] = {"mosteller": mosteller, "dubois": dubois}


@dataclass(frozen=True, slots=True)
class Dose:
    """One day's amount of one line, with everything needed to show how it came about. Amounts in mg."""

    basis: DoseBasis
    measure: Decimal
    uncapped: Decimal
    exact: Decimal
    ordered: Decimal
    doses_per_day: int
    rounding: Rounding

    @property
    def capped(self) -> bool:
        """Did the protocol's cap bind?"""
        return self.exact < self.uncapped

    @property
    def per_dose(self) -> Decimal:
        """Amount of each dose of the day; the doses add up to what was ordered for the day."""
        return self.ordered / self.doses_per_day

    @property
    def shown_measure(self) -> Decimal:
        """The measure as people read it: a surface to 4 decimals, a weight as it was told."""
        return rounded(self.measure, EXACT) if self.basis.per == "m2" else self.measure

    @property
    def shown_uncapped(self) -> Decimal:
        """The unrounded amount to 4 decimals."""
        return rounded(self.uncapped, EXACT)


def dose(line: Line, body: Body, formula: str, rounding: Rounding = PLAIN, doses_per_day: int | None = None) -> Dose:
    """Amount of `line` for one day.

    `exact` is what the protocol prescribes (after its own cap) before any rounding; `ordered` is `exact` rounded half
    up by `rounding`, and never above the cap. `doses_per_day` is the centre's, where the protocol leaves it open.
    `body` has passed `inputs.check`. Source: the line's own sentence; BSA formulas as cited there.
    """
    return of_measure(line, measure(line.dose.per, body, formula), rounding, doses_per_day)


def of_measure(line: Line, measure: Decimal, rounding: Rounding = PLAIN, doses_per_day: int | None = None) -> Dose:
    """`dose` by a measure that is known: kg or m2, as the line asks."""
    with localcontext(_PRECISE):
        uncapped = line.dose.amount * measure
        cap = line.dose.at_most
        exact = min(uncapped, cap.per_day_mg) if cap else uncapped
        times = doses_per_day or line.dose.doses_per_day
        if not rounding.each_dose and _SHARED % times:
            rounding = replace(rounding, each_dose=True)
        share = times if rounding.each_dose else 1
        ordered = _to_step(exact / share, rounding.step, cap.per_day_mg / share if cap else None) * share
        return Dose(line.dose, measure, uncapped, exact, ordered, times, rounding)


def rounded(amount: Decimal, step: Decimal) -> Decimal:
    """`amount` to a multiple of a power of ten, half up."""
    return amount.quantize(step, ROUND_HALF_UP, _PRECISE)


def _to_step(amount: Decimal, step: Decimal, most: Decimal | None) -> Decimal:
    """`amount` to a multiple of `step`, half up; the multiple below where half up would pass the cap."""
    steps = (amount / step).quantize(Decimal(1), ROUND_HALF_UP)
    if most is not None and steps * step > most:
        steps = (most / step).quantize(Decimal(1), ROUND_DOWN)
    return steps * step


def measure(per: str, body: Body, formula: str) -> Decimal:
    """What a dose per `kg` or per `m2` is multiplied by; 1 for a fixed one. `body` has passed `inputs.check`."""
    if per == FIXED:
        return Decimal(1)
    if body.weight_kg is None or (per == "m2" and body.height_cm is None):
        raise ValueError("a measure is missing: inputs.check comes first")
    if per == "kg" or body.height_cm is None:
        return body.weight_kg
    return SURFACES[formula](body.weight_kg, body.height_cm)
