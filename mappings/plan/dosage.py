"""Dosage elements: the protocol's words as `ordered`, the patient's milligrams as `calculated`."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from mappings.canonicals import DOSE_RATE_TYPE, SNOMED
from mappings.plan.dosing import Body, Dose, rounded
from mappings.plan.timeline import Course, Step
from mappings.protocol.model import Line
from mappings.r4.build import Element, coding, concept, quantity

ROUTES = {"intravenous": ("47625008", "IV"), "oral": ("26643006", "oral")}
FREQUENCY_OPEN = "the protocol gives the daily amount; doses a day and infusion time are the centre's"
UNTIL_TAPER = "until tapered; no end date: it goes on until a clinician confirms the taper"


def for_definition(line: Line) -> Element:
    """Dosage of the ActivityDefinition: the protocol's own words, for no patient."""
    dosage: Element = {"text": in_protocol_words(line)}
    if line.over_minutes:
        dosage["timing"] = {"repeat": _infusion(line.over_minutes)}
    dosage |= _route(line)
    return dosage | {"doseAndRate": [_ordered(line)]} | _limits(line)


def for_order(step: Step, line: Line, day: date | None, dose: Dose | None, story: str) -> Element:
    """Dosage of one order; without `dose` the plan is a draft and only the protocol's words stand."""
    out: Element = {"text": story}
    timing = _course_timing(line, day) if isinstance(step.clause, Course) else _day_timing(line, day)
    if timing:
        out["timing"] = timing
    out |= _route(line)
    out["doseAndRate"] = [_ordered(line)] + ([_calculated(dose)] if dose else [])
    return out | _limits(line)


def in_protocol_words(line: Line) -> str:
    """`400 mg/m2/day`, with the infusion time and the cap where there is one."""
    basis = line.dose
    words = f"{basis.amount} {basis.ucum}/day"
    if line.over_minutes:
        words += f", one infusion over {line.over_minutes} minutes"
    if basis.at_most:
        words += f", at most {basis.at_most.amount} {basis.at_most.unit} {basis.at_most.times_a_day} times a day"
    return words


def story(step: Step, line: Line, day: date | None, dose: Dose | None, body: Body, formula: str) -> str:
    """The whole arithmetic of one order in a sentence or two."""
    when = step.label + (f" ({day})" if day else "")
    if dose is None:
        return f"{line.title}, {when}: {in_protocol_words(line)}. DRAFT: not dosed, do not use."
    parts = [f"{line.title}, {when}: {_arithmetic(line, dose, body, formula)}"]
    if dose.capped:
        parts.append(f"capped from {_plain(rounded(dose.uncapped, Decimal('0.1')))} mg a day")
    if dose.doses_per_day > 1:
        parts.append(f"{_plain(dose.per_dose)} mg {dose.doses_per_day} times a day")
    elif line.over_minutes:
        parts.append(f"one infusion over {line.over_minutes} minutes")
    else:
        parts.append(FREQUENCY_OPEN)
    if isinstance(step.clause, Course):
        parts.append(UNTIL_TAPER)
    return "; ".join(parts) + "."


def _arithmetic(line: Line, dose: Dose, body: Body, formula: str) -> str:
    weight = f"weight {body.weight_kg} kg" + (f" of {body.weight_date}" if body.weight_date else "")
    if line.dose.per == "kg":
        by, used = f"{body.weight_kg} kg", weight
    else:
        by = f"{_plain(rounded(dose.measure, Decimal('0.0001')))} m2"
        height = f"height {body.height_cm} cm" + (f" of {body.height_date}" if body.height_date else "")
        used = f"{formula}, {weight}, {height}"
    amount = rounded(dose.uncapped, Decimal("0.0001"))
    return f"{line.dose.amount} {line.dose.ucum} x {by} ({used}) = {amount} mg; ordered {_plain(dose.ordered)} mg a day"


def _plain(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _route(line: Line) -> Element:
    if line.route is None:
        return {}
    code, name = ROUTES[line.route]
    return {"route": concept(coding(SNOMED, code), text=name)}


def _ordered(line: Line) -> Element:
    """The protocol's amount: per dose where the day has one, as a daily rate where it has several."""
    basis = line.dose
    if basis.doses_per_day == 1:
        return {"type": _kind("ordered"), "doseQuantity": quantity(basis.amount, basis.ucum)}
    return {"type": _kind("ordered"), "rateQuantity": quantity(basis.amount, f"{basis.ucum}/d")}


def _calculated(dose: Dose) -> Element:
    return {"type": _kind("calculated"), "doseQuantity": quantity(dose.per_dose, "mg")}


def _kind(code: str) -> Element:
    return concept(coding(DOSE_RATE_TYPE, code))


def _limits(line: Line) -> Element:
    cap = line.dose.at_most
    if cap is None:
        return {}
    a_day = quantity(cap.amount * cap.times_a_day, cap.unit)
    period = {"numerator": a_day, "denominator": quantity(1, "d")}
    return {"maxDosePerPeriod": period, "maxDosePerAdministration": quantity(cap.amount, cap.unit)}


def _day_timing(line: Line, day: date | None) -> Element:
    out: Element = {"event": [day.isoformat()]} if day else {}
    return out | ({"repeat": _infusion(line.over_minutes)} if line.over_minutes else {})


def _infusion(minutes: int) -> Element:
    return {"duration": minutes, "durationUnit": "min"}


def _course_timing(line: Line, day: date | None) -> Element:
    repeat: Element = {"boundsPeriod": {"start": day.isoformat()}} if day else {}
    repeat |= _infusion(line.over_minutes) if line.over_minutes else {}
    return {"repeat": repeat | {"frequency": line.dose.doses_per_day, "period": 1, "periodUnit": "d"}}
