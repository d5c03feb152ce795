"""What a centre's overlay adds to a plan, in words that say whose they are."""

from __future__ import annotations

from decimal import Decimal

from mappings.plan import gates, open_dose
from mappings.plan.dosing import Dose, rounded
from mappings.plan.sheet import Sheet
from mappings.plan.timeline import Infusion, OpenDay, Step, day_date, label
from mappings.protocol.model import Taper
from mappings.protocol.overlay import TaperStep

_SHOWN = Decimal("0.1")


def of_service(step: Step, sheet: Sheet) -> list[str]:
    """Notes of an infusion, a visit or an assay."""
    clause = step.clause
    if isinstance(clause, Infusion):
        cells = sheet.overlay.infusions.get(step.action)
        dose = f"{cells.amount} {cells.unit} CD3 cells, as {sheet.overlay.centre} gives it." if cells else ""
        return [f"{gates.in_words(sheet.protocol.gate(clause.of.gate))}. {dose or clause.of.open}"]
    notes = []
    if step.day is None and step.months is None:
        told = sheet.place(step)
        notes.append(
            f"The protocol gives no date for this visit; {label(sheet.overlay.visits[step.action].day or 0)} is "
            f"{sheet.overlay.centre}'s."
            if told
            else "The protocol gives no date for this visit."
        )
    return notes + window(step, sheet)


def window(step: Step, sheet: Sheet) -> list[str]:
    """The centre's window around a visit or assay, where it has one; the protocol gives none."""
    place = sheet.overlay.visits.get(step.action)
    if place is None or place.first is None or place.last is None:
        return []
    days = f"{label(place.first)} to {label(place.last)}"
    if sheet.day_zero:
        days += f" ({day_date(sheet.day_zero, place.first)} to {day_date(sheet.day_zero, place.last)})"
    return [f"Window of {sheet.overlay.centre}: {days}."]


def of_task(clause: object, sheet: Sheet) -> list[str]:
    """Notes of a decision to take: of a taper its gate and its steps, of an open dose that it is not reckoned here."""
    if isinstance(clause, OpenDay):
        return [f"{open_dose.in_protocol_words(clause.line)}: not dosed here. {clause.line.open}"]
    return _of_taper(clause, sheet) if isinstance(clause, Taper) else []


def _of_taper(clause: Taper, sheet: Sheet) -> list[str]:
    gate = gates.in_words(sheet.protocol.gate(clause.gate))
    steps = sheet.overlay.tapers.get(clause.key, ())
    if not steps:
        return [f"{gate}. {clause.open}"]
    told = "; ".join(_step(step, sheet.doses.get(clause.of)) for step in steps)
    return [f"{gate}.", f"Steps of {sheet.overlay.centre}, once the taper is confirmed: {told}."]


def tapered(clause: Taper, day: int, sheet: Sheet) -> tuple[TaperStep | None, Decimal | None]:
    """The centre's step on a day of the taper, and the day's amount in mg where the step gives a share of the dose."""
    step = next((one for one in sheet.overlay.tapers.get(clause.key, ()) if one.first <= day <= one.last), None)
    return step, _amount(step, sheet.doses.get(clause.of)) if step else None


def _step(step: TaperStep, dose: Dose | None) -> str:
    days = label(step.first) + (f" to {label(step.last)}" if step.last != step.first else "")
    parts = [f"{step.percent} % of the full dose"] if step.percent is not None else []
    amount = _amount(step, dose)
    if amount is not None:
        parts.append(f"{amount} mg a day")
    return f"{days} " + ", ".join([*parts, *([step.text] if step.text else [])])


def _amount(step: TaperStep, dose: Dose | None) -> Decimal | None:
    if step.percent is None or dose is None:
        return None
    return rounded(dose.exact * step.percent / 100, _SHOWN)
