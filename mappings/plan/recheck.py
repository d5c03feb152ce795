"""The second opinion: every dose and date of a plan, reckoned again along another way before anything leaves.

It reads the protocol from its FHIR form (PlanDefinition and ActivityDefinitions), not from the model that the plan was
made from, and reckons in whole numbers. No root is drawn: that an amount is the rounding of `a * sqrt(kg * cm / 3600)`
(Mosteller) or `a * 0.007184 * kg^0.425 * cm^0.725` (Du Bois) is decided by comparing squares and fortieth powers.
Shares no code with `dosing`, `timeline` or `orders`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import Any

from mappings.r4.faults import Fault, Unsound

Node = Mapping[str, Any]

_FIXED = "fixed"
_MG = {"mg": 1, "g": 1000}
_DEFAULT_STEP = Fraction(1, 10)
_DAY = re.compile(r"-((?:C\d+)?D-?\d+)$")


class Disagreement(Unsound):
    """The two ways do not give the same. Each sentence names the order and both numbers."""

    def __init__(self, found: Sequence[str]) -> None:
        super().__init__([Fault("", f"the second reckoning disagrees: {told}", "exception") for told in found])
        self.found = tuple(found)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The patient's facts as they were handed in, measures as texts; None: not dosed.

    `steps_mg`, `times`: a centre's rounding step of each dose and its doses a day, by action.
    """

    day_zero: date | None
    weight_kg: str | None
    height_cm: str | None
    formula: str
    steps_mg: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Drug:
    """One drug action of the PlanDefinition: its day, its amount a day (per kg, per m2 or fixed) and its cap, in mg.

    `label`: the day as identifiers write it, `D-13`, or `C2D8` where the protocol counts in cycles.
    """

    label: str
    day: int
    amount: Fraction
    per: str
    most_a_dose: Fraction | None
    most_a_day: Fraction | None
    frequency: int | None = None

    @cached_property
    def times(self) -> int:
        """Doses a day, as far as the definition or its cap tells them."""
        if self.frequency is not None:
            return self.frequency
        return int(self.most_a_day / self.most_a_dose) if self.most_a_day and self.most_a_dose else 1


Amount = tuple[int, int, int]
"""(n, numerator and denominator of the n-th power of an amount in mg): a rational number, so that no root is drawn."""

Definitions = Mapping[str, tuple[Drug, ...]]
"""Drug actions by the canonical of their ActivityDefinition."""


def read(definitions: Iterable[Node]) -> Definitions:
    """What a PlanDefinition and its ActivityDefinitions order."""
    plan, *activities = definitions
    drugs = {f"{a['url']}|{a['version']}": a for a in activities if a["kind"] == "MedicationRequest"}
    found: dict[str, tuple[Drug, ...]] = {}
    for action in _leaves(plan["action"]):
        canonical = action["definitionCanonical"]
        if canonical in drugs:
            found[canonical] = (*found.get(canonical, ()), _drug(action, drugs[canonical]))
    return found


def require_agreement(orders: Iterable[Node], definitions: Definitions, evidence: Evidence) -> None:
    """Raises Disagreement where an order is wrong, missing or too many."""
    given: dict[str, list[Node]] = {}
    for order in orders:
        if order["resourceType"] == "MedicationRequest":
            given.setdefault(order["instantiatesCanonical"][0], []).append(order)
    measures = {per: _measure(per, evidence) for per in ("kg", "m2", _FIXED)}
    wrong = [f"an order follows {name}, which the plan does not know" for name in given if name not in definitions]
    for name, drugs in definitions.items():
        found = given.get(name, [])
        if len(found) != len(drugs):
            wrong.append(f"{name}: {len(found)} orders stand where the protocol has {len(drugs)}")
        amount = _amount(drugs[0], measures)  # the days of one drug share it
        for order, drug in zip(found, drugs, strict=False):
            wrong += _faults(order, drug, evidence, amount)
    if wrong:
        raise Disagreement(wrong)


def _amount(drug: Drug, measures: Mapping[str, tuple[int, Fraction]]) -> Amount:
    power, measure = measures[drug.per]
    return power, drug.amount.numerator**power * measure.numerator, drug.amount.denominator**power * measure.denominator


def _leaves(actions: Sequence[Node]) -> Iterator[Node]:
    for action in actions:
        if "action" in action:
            yield from _leaves(action["action"])
        else:
            yield action


def _drug(action: Node, activity: Node) -> Drug:
    related: Node = next(iter(action.get("relatedAction", ())), {})
    day = int(related.get("offsetDuration", {}).get("value", 0))
    sign = -1 if related.get("relationship", "").startswith("before") else 1
    named = _DAY.search(action["id"])
    (dosage,) = activity["dosage"]
    said = dosage["doseAndRate"][0]
    amount = said.get("doseQuantity") or said["rateQuantity"]
    unit, *rest = amount["code"].split("/")
    per = rest[0] if rest and rest[0] != "d" else _FIXED
    cap = dosage.get("maxDosePerPeriod", {}).get("numerator")
    return Drug(
        label=named[1] if named else f"D{sign * day}",
        day=sign * day,
        amount=Fraction(str(amount["value"])) * _MG[unit],
        per=per,
        most_a_dose=_mg(dosage.get("maxDosePerAdministration")),
        most_a_day=_mg(cap),
        frequency=dosage.get("timing", {}).get("repeat", {}).get("frequency"),
    )


def _mg(amount: Node | None) -> Fraction | None:
    return Fraction(str(amount["value"])) * _MG[amount["code"]] if amount else None


def _faults(order: Node, drug: Drug, evidence: Evidence, amount: Amount) -> list[str]:
    _, action, day = order["identifier"][0]["value"].rsplit("/", 2)
    wrong = []
    if day != drug.label:
        wrong.append(f"the order is for {day}, not for {drug.label}")
    (dosage,) = order["dosageInstruction"]
    dated = _dates(dosage)
    meant = [] if evidence.day_zero is None else [_date(evidence.day_zero, drug.day)]
    if dated != meant:
        wrong.append(f"dated {', '.join(dated) or 'nowhere'}, which should be {', '.join(meant) or 'nowhere'}")
    doses = [one for one in dosage["doseAndRate"] if _is_calculated(one)]
    if evidence.weight_kg is not None:
        wrong += _dose_faults(action, doses, dosage, drug, evidence, amount)
    elif doses:
        wrong.append("has a dose, although nothing is known to dose by")
    return [f"{action} on day {drug.day}: {told}" for told in wrong]


def _dose_faults(
    action: str, doses: list[Node], dosage: Node, drug: Drug, evidence: Evidence, amount: Amount
) -> list[str]:
    times = evidence.times.get(action, drug.times)
    said = [one["doseQuantity"] for one in doses if "doseQuantity" in one]
    if len(said) != 1 or said[0].get("code") not in _MG:
        return [f"has {len(said)} doses in mg, not one"]
    wrong = []
    if dosage.get("timing", {}).get("repeat", {}).get("frequency", 1) != times:
        wrong.append(f"is not given {times} times a day")
    step = evidence.steps_mg.get(action)
    rounding = Fraction(step) * times if step else _DEFAULT_STEP * (1 if _is_decimal(Fraction(1, times)) else times)
    numerator, denominator = said[0]["value"].as_integer_ratio()
    numerator *= _MG[said[0]["code"]] * times
    if not _is_rounded(numerator, denominator, rounding, drug, amount):
        mine, theirs = _rounded(drug, amount, rounding) * rounding / times, Fraction(numerator, denominator * times)
        wrong.append(f"{_plain(theirs)} mg a dose stands there, {_plain(mine)} mg was reckoned again")
    return wrong


def _is_rounded(numerator: int, denominator: int, step: Fraction, drug: Drug, amount: Amount) -> bool:
    """Is this fraction of a mg the day's amount, half up to whole steps and not above the cap? No root is drawn."""
    count, rest = divmod(numerator * step.denominator, denominator * step.numerator)
    if rest:
        return False
    if drug.most_a_day is not None:
        return count == _rounded(drug, amount, step)
    power, above, below = amount
    scaled, whole = above * (2 * step.denominator) ** power, below * step.numerator**power
    low, high = (2 * count - 1) ** power * whole, (2 * count + 1) ** power * whole
    return bool(low <= scaled < high)


def _rounded(drug: Drug, amount: Amount, step: Fraction) -> int:
    """How many steps the day's amount is, half up, and not above the cap."""
    power, value = amount[0], Fraction(*amount[1:])
    units = _root(value / step**power, power)
    if drug.most_a_day is not None:
        if value > drug.most_a_day**power:
            units = _half_up(drug.most_a_day / step)
        units = min(units, drug.most_a_day // step)
    return units


def _measure(per: str, evidence: Evidence) -> tuple[int, Fraction]:
    """(n, the n-th power of the weight or the surface); of a fixed dose nothing is asked."""
    if per == _FIXED:
        return 1, Fraction(1)
    weight = Fraction(evidence.weight_kg or 0)
    if per == "kg":
        return 1, weight
    height = Fraction(evidence.height_cm or 0)
    if evidence.formula == "mosteller":
        return 2, weight * height / 3600
    return 40, Fraction(7184, 1_000_000) ** 40 * weight**17 * height**29


def _root(value: Fraction, power: int) -> int:
    """The whole number nearest to a root of `value`, half up: the greatest n with (n - 1/2)^power <= value."""
    numerator, denominator = value.numerator * 2**power, value.denominator
    low, high = 0, 1
    while (2 * high - 1) ** power * denominator <= numerator:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if (2 * middle - 1) ** power * denominator <= numerator:
            low = middle
        else:
            high = middle
    return low


def _is_decimal(value: Fraction) -> bool:
    """Can it be written out? In tenths, hundredths and so on there is nothing but twos and fives."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def _half_up(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def _dates(dosage: Node) -> list[str]:
    timing = dosage.get("timing", {})
    start = timing.get("repeat", {}).get("boundsPeriod", {}).get("start")
    dates = [*timing.get("event", ())]
    return [*dates, start] if start else dates


def _date(day_zero: date, day: int) -> str:
    return date.fromordinal(day_zero.toordinal() + day).isoformat()


def _is_calculated(dose: Node) -> bool:
    return "calculated" in [coding["code"] for coding in dose["type"]["coding"]]


def _plain(amount: Fraction) -> str:
    return f"{float(amount):.6f}".rstrip("0").rstrip(".")
