"""Dosage elements: the protocol's words as `ordered`, the patient's milligrams as `calculated`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from mappings.canonicals import DOSE_RATE_TYPE, EXT_NORMALIZATION_BASIS, SNOMED
from mappings.plan.amounts import plain
from mappings.plan.dosing import PLAIN, SURFACES, Dose, rounded
from mappings.plan.inputs import FLAGGED_BMI
from mappings.plan.sheet import Shared, Sheet
from mappings.plan.timeline import Course, Step
from mappings.protocol.model import FIXED, Line, Protocol
from mappings.r4.build import Element, coding, concept, quantity
from mappings.r4.frozen import frozen

ROUTES = {"intravenous": ("47625008", "IV"), "oral": ("26643006", "oral")}
_BASES = {"kg": "363804004", "m2": "301898006", FIXED: "1157245009"}
"""Codes of mCODE's value set of normalization bases: body weight, body surface area, a fixed dose."""

FREQUENCY_OPEN = "the protocol gives the daily amount; doses a day and infusion time are the centre's"
UNTIL_TAPER = "until tapered; no end date: it goes on until a clinician confirms the taper"


def for_definition(line: Line) -> Element:
    """Dosage of the ActivityDefinition: the protocol's own words, for no patient."""
    dosage: Element = {"text": in_protocol_words(line)}
    repeat = _infusion(line.over_minutes) if line.over_minutes else {}
    if line.dose.times_a_day:
        repeat |= _times(line.dose.times_a_day)
    if repeat:
        dosage["timing"] = {"repeat": repeat}
    dosage |= _route(line.route)
    return dosage | {"doseAndRate": [_ordered(line, line.dose.doses_per_day)]} | _limits(line)


def for_order(step: Step, line: Line, day: str, shared: Shared) -> Element:
    """Dosage of one order on a day (empty: not known); in a draft only the protocol's words stand."""
    out: Element = {"extension": shared.calculation} if shared.amount else {}
    when = f"{step.label} ({day})" if day else step.label
    out["text"] = f"{line.title}, {when}: {shared.words}"
    times, course = shared.times, isinstance(step.clause, Course)
    timing = _course_timing(line, times, day) if course else _day_timing(line, times, day)
    if timing:
        out["timing"] = timing
    out |= shared.how
    out["doseAndRate"] = [shared.ordered, _calculated(shared.amount)] if shared.amount else [shared.ordered]
    out |= shared.limits
    return out


def in_protocol_words(line: Line) -> str:
    """`400 mg/m2/day`, with the infusion time and the cap where there is one."""
    basis = line.dose
    words = f"{plain(basis.amount) if basis.times_a_day else basis.amount} {basis.ucum}/day"
    if basis.times_a_day:
        words += f" in {basis.times_a_day} doses"
    if line.over_minutes:
        words += f", one infusion over {line.over_minutes} minutes"
    if basis.at_most:
        words += f", at most {basis.at_most.amount} {basis.at_most.unit} {basis.at_most.times_a_day} times a day"
    return words


@dataclass(frozen=True, slots=True)
class Still:
    """What no patient changes in the dosages of a line: the protocol's amount once and several times a day, its cap."""

    once: Element
    several: Element
    limits: Element


@lru_cache(maxsize=16)
def _still(protocol: Protocol) -> dict[str, Still]:
    """By the key of the line; of two with one key, which `protocol check` refuses, the first, as everywhere."""
    return {
        line.key: Still(frozen(_ordered(line, 1)), frozen(_ordered(line, 2)), frozen(_limits(line)))
        for line in reversed(protocol.lines)
    }


def shared_by(step: Step, line: Line, sheet: Sheet) -> Shared:
    """What the orders of a line have in common."""
    found = sheet.shared.get(line.key)
    if found is None:
        found = sheet.shared[line.key] = _shared(step, line, sheet)
    return found


def _shared(step: Step, line: Line, sheet: Sheet) -> Shared:
    amount, detail, warned = sheet.doses.get(line.key), sheet.overlay.line(line.key), tuple(remarks(line, sheet))
    times = amount.doses_per_day if amount else detail.doses_per_day or line.dose.doses_per_day
    still = _still(sheet.protocol)[line.key]
    how = _route(detail.route or line.route)
    if detail.infusion:
        how["additionalInstruction"] = [concept(text=f"{detail.infusion} ({_centre(sheet)})")]
    return Shared(
        words=_sum(step, line, warned, sheet),
        remarks=warned,
        amount=amount,
        times=times,
        calculation=[_calculation(line, amount, sheet)] if amount else [],
        ordered=still.once if times == 1 else still.several,
        how=how,
        limits=still.limits,
        basis=_normalization(line.dose.per),
    )


def _sum(step: Step, line: Line, warned: tuple[str, ...], sheet: Sheet) -> str:
    amount = sheet.doses.get(line.key)
    if amount is None:
        return f"{in_protocol_words(line)}. DRAFT: not dosed, do not use."
    parts = [_arithmetic(line, amount, sheet)]
    if amount.capped:
        parts.append(f"capped from {plain(rounded(amount.uncapped, Decimal('0.1')))} mg a day")
    if amount.doses_per_day > 1:
        parts.append(f"{plain(amount.per_dose)} mg {amount.doses_per_day} times a day")
    elif line.over_minutes:
        parts.append(f"one infusion over {line.over_minutes} minutes")
    else:
        parts.append(FREQUENCY_OPEN)
    if isinstance(step.clause, Course):
        parts.append(UNTIL_TAPER)
    return ". ".join(["; ".join(parts), *warned]) + "."


def remarks(line: Line, sheet: Sheet, *, short: bool = False) -> list[str]:
    """What a reader must not overlook: a body mass index that is flagged, a deviation of the centre."""
    out = []
    bmi = sheet.bmi
    if bmi is not None and bmi > FLAGGED_BMI and line.key in sheet.doses:
        told = f"Body mass index {bmi} kg/m2 is above {FLAGGED_BMI}: dosed on the actual weight, not adjusted"
        out.append(f"BMI {bmi} above {FLAGGED_BMI}" if short else told)
    deviation = sheet.overlay.deviation(line.key)
    if deviation:
        out.append(f"DEVIATION of {sheet.overlay.centre} from the protocol: {deviation.reason}")
    return out


@lru_cache(maxsize=8)
def _normalization(per: str) -> list[Element]:
    """mCODE's extension for what a dose is reckoned by. Its contexts are the request and other extensions."""
    return frozen([{"url": EXT_NORMALIZATION_BASIS, "valueCodeableConcept": concept(coding(SNOMED, _BASES[per]))}])


def _calculation(line: Line, amount: Dose, sheet: Sheet) -> Element:
    """The arithmetic for a machine, in the words of our StructureDefinition `dose-calculation`.

    What was multiplied stands in `doseAndRate` as ordered, what came of it as calculated; here is what lies between.
    """
    per = line.dose.per
    parts: list[Element] = [
        *([] if per == FIXED else [{"url": "measure", "valueQuantity": quantity(amount.shown_measure, per)}]),
        {"url": "unroundedMg", "valueDecimal": amount.shown_uncapped},
        _CAPPED if amount.capped else _NOT_CAPPED,
        _ROUNDED_PLAIN if amount.rounding is PLAIN else _rounded_to(amount.rounding.step),
        {"url": "dailyMg", "valueDecimal": amount.ordered},
    ]
    if per == "m2":
        parts.append(_FORMULAS[sheet.formula])
    return {"url": sheet.canonicals.extension("dose-calculation"), "extension": parts}


def _rounded_to(step: Decimal) -> Element:
    return {"url": "roundedToMg", "valueDecimal": step}


_CAPPED, _NOT_CAPPED = (frozen({"url": "capped", "valueBoolean": said}) for said in (True, False))
_ROUNDED_PLAIN = frozen(_rounded_to(PLAIN.step))
_FORMULAS = {formula: frozen({"url": "formula", "valueCode": formula}) for formula in SURFACES}


def _arithmetic(line: Line, amount: Dose, sheet: Sheet) -> str:
    body, basis = sheet.body, line.dose
    rule = f"rounded half up to {amount.rounding.step} mg"
    if amount.rounding.each_dose:
        rule += f" a dose ({_centre(sheet)})" if sheet.overlay.line(line.key).step_mg else " a dose"
    if basis.per == FIXED:
        return (
            f"{in_protocol_words(line)}, the same for every patient; ordered {plain(amount.ordered)} mg a day, {rule}"
        )
    weight = f"weight {body.weight_kg} kg" + (f" of {body.weight_date}" if body.weight_date else "")
    if line.dose.per == "kg":
        by, used = f"{body.weight_kg} kg", weight
    else:
        by = f"{plain(amount.shown_measure)} m2"
        height = f"height {body.height_cm} cm" + (f" of {body.height_date}" if body.height_date else "")
        used = f"{sheet.formula}, {weight}, {height}"
    sum_ = f"{line.dose.amount} {line.dose.ucum} x {by} ({used}) = {amount.shown_uncapped} mg"
    return f"{sum_}; ordered {plain(amount.ordered)} mg a day, {rule}"


def _centre(sheet: Sheet) -> str:
    return f"as {sheet.overlay.centre} gives it"


def _route(route: str | None) -> Element:
    return {} if route is None else {"route": _coded_route(route)}


@lru_cache(maxsize=16)
def _coded_route(route: str) -> Element:
    code, name = ROUTES[route]
    return frozen(concept(coding(SNOMED, code), text=name))


def _ordered(line: Line, times: int) -> Element:
    """The protocol's amount: per dose where the day has one, as a daily rate where it has several."""
    basis = line.dose
    if times == 1:
        return {"type": _kind("ordered"), "doseQuantity": quantity(basis.amount, basis.ucum)}
    return {"type": _kind("ordered"), "rateQuantity": quantity(basis.amount, f"{basis.ucum}/d")}


def _calculated(dose: Dose) -> Element:
    return {"type": _kind("calculated"), "doseQuantity": quantity(dose.per_dose, "mg")}


@lru_cache(maxsize=4)
def _kind(code: str) -> Element:
    return frozen(concept(coding(DOSE_RATE_TYPE, code)))


def _limits(line: Line) -> Element:
    cap = line.dose.at_most
    if cap is None:
        return {}
    a_day = quantity(cap.amount * cap.times_a_day, cap.unit)
    period = {"numerator": a_day, "denominator": quantity(1, "d")}
    return {"maxDosePerPeriod": period, "maxDosePerAdministration": quantity(cap.amount, cap.unit)}


def _day_timing(line: Line, times: int, day: str) -> Element:
    out: Element = {"event": [day]} if day else {}
    repeat = _repeat(line.over_minutes, times)
    if repeat:
        out["repeat"] = repeat
    return out


@lru_cache(maxsize=64)
def _repeat(minutes: int | None, times: int) -> Element:
    """Of a day: how long an infusion takes, and how often it is given."""
    return frozen((_infusion(minutes) if minutes else {}) | (_times(times) if times > 1 else {}))


def _course_timing(line: Line, times: int, day: str) -> Element:
    repeat: Element = {"boundsPeriod": {"start": day}} if day else {}
    repeat |= _infusion(line.over_minutes) if line.over_minutes else {}
    return {"repeat": repeat | _times(times)}


def _times(times: int) -> Element:
    return {"frequency": times, "period": 1, "periodUnit": "d"}


def _infusion(minutes: int) -> Element:
    return {"duration": minutes, "durationUnit": "min"}
