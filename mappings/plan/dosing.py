"""From mg/kg and mg/m2 to milligrams, exactly, with the arithmetic kept.

Dosing weight is the actual weight and the body surface is not rounded before it is multiplied, because the protocol
names no other weight and no rounding. The amount ordered is rounded half up from the unrounded amount.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

from mappings.facts.plausible import HEIGHT, WEIGHT, Range
from mappings.protocol.model import DoseBasis, Line
from mappings.r4.faults import Fault, FaultyInput

EXACT = Decimal("0.0001")
ORDERED = Decimal("0.1")
_PRECISE = Context(prec=50, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Body:
    """The patient's measures: kg, cm, and when they were taken."""

    weight_kg: Decimal | None
    height_cm: Decimal | None
    weight_date: date | None = None
    height_date: date | None = None


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

    @property
    def capped(self) -> bool:
        """Did the protocol's cap bind?"""
        return self.exact < self.uncapped

    @property
    def per_dose(self) -> Decimal:
        """Amount of each dose of the day; the doses add up to what was ordered for the day."""
        return self.ordered / self.doses_per_day


def dose(line: Line, body: Body, formula: str) -> Dose:
    """Amount of `line` for one day.

    `exact` is what the protocol prescribes (after its own cap) before any rounding; `ordered` is `exact` rounded half
    up to 0.1 mg. `body` has passed `check_body`.
    """
    with localcontext(_PRECISE):
        measure = _measure(line.dose.per, body, formula)
        uncapped = line.dose.amount * measure
        cap = line.dose.at_most
        exact = min(uncapped, cap.per_day_mg) if cap else uncapped
        return Dose(line.dose, measure, uncapped, exact, rounded(exact, ORDERED), line.dose.doses_per_day)


def rounded(amount: Decimal, step: Decimal) -> Decimal:
    """`amount` to a multiple of a power of ten, half up."""
    return amount.quantize(step, ROUND_HALF_UP, _PRECISE)


def check_body(body: Body, formula: str, lines: tuple[Line, ...]) -> list[Fault]:
    """What is wrong with the measures that the lines need; empty when they can be dosed."""
    faults = []
    if formula not in SURFACES:
        known = ", ".join(SURFACES)
        faults.append(Fault("bsa-formula", f"unknown body surface formula {formula}; known: {known}", "code-invalid"))
    faults += _check("weight", body.weight_kg, WEIGHT)
    if any(line.dose.per == "m2" for line in lines):
        faults += _check("height", body.height_cm, HEIGHT)
    return faults


def require_body(body: Body, formula: str, lines: tuple[Line, ...]) -> None:
    """Raises FaultyInput naming each measure that is missing or implausible."""
    faults = check_body(body, formula, lines)
    if faults:
        raise FaultyInput(faults)


def _check(name: str, value: Decimal | None, plausible: Range) -> list[Fault]:
    if value is None:
        return [Fault(name, f"{name} in {plausible.unit} is needed to dose this protocol", "required")]
    if value.is_finite() and plausible.admits(value):
        return []
    return [
        Fault(name, f"{name} {value} {plausible.unit} is not between {plausible.low} and {plausible.high}", "value")
    ]


def _measure(per: str, body: Body, formula: str) -> Decimal:
    if body.weight_kg is None or (per == "m2" and body.height_cm is None):
        raise ValueError("a measure is missing: check_body comes first")
    if per == "kg" or body.height_cm is None:
        return body.weight_kg
    return SURFACES[formula](body.weight_kg, body.height_cm)
