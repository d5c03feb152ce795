"""The plan as rows for a person or a spreadsheet: one row per administration day and line, all values as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from decimal import Decimal

from mappings.plan import additions
from mappings.plan.dosage import ROUTES, remarks
from mappings.plan.dosing import EXACT, Dose, rounded
from mappings.plan.sheet import Sheet
from mappings.plan.timeline import Course, DoseDay, Graft, Infusion, OpenDay, Step, day_date, label
from mappings.protocol import terms
from mappings.protocol.model import Line, OpenLine, Rest, Taper


@dataclass(frozen=True, slots=True)
class Row:
    """`exact_mg`: the daily amount after the protocol's cap, unrounded, to 4 decimals; `daily_mg`: as ordered."""

    day: str
    date: str
    action: str
    drug: str = ""
    basis_value: str = ""
    basis_unit: str = ""
    exact_mg: str = ""
    daily_mg: str = ""
    doses_per_day: str = ""
    mg_per_dose: str = ""
    route: str = ""
    status: str = ""


COLUMNS = tuple(field.name for field in fields(Row))


def rows(step: Step, sheet: Sheet) -> Iterator[Row]:
    """Rows of one step; visits and assays have none, they are no administrations."""
    clause = step.clause
    if isinstance(clause, DoseDay):
        yield _dosed(step.day or 0, step, clause.line, sheet)
    elif isinstance(clause, OpenDay):
        yield _open(step, clause.line, sheet)
    elif isinstance(clause, Course):
        last = sheet.protocol.last_full_day(clause.line)
        yield from (_dosed(day, step, clause.line, sheet) for day in range(clause.line.days.first, last + 1))
    elif isinstance(clause, Rest):
        yield from (_plain(day, step, sheet, "rest day: kept free") for day in clause.days.listed)
    elif isinstance(clause, Graft):
        yield _plain(0, step, sheet, step.title[:1].lower() + step.title[1:])
    elif isinstance(clause, Taper):
        yield from (_tapered(day, step, clause, sheet) for day in range(clause.first, clause.last + 1))
    elif isinstance(clause, Infusion):
        yield _plain(clause.of.first, step, sheet, _infusion(step, clause, sheet))


def _dosed(day: int, step: Step, line: Line, sheet: Sheet) -> Row:
    amount = sheet.doses.get(line.key)
    detail = sheet.overlay.line(line.key)
    route = detail.route or line.route
    return Row(
        day=label(day, step.cycles),
        date=_date(day, sheet),
        action=step.action,
        drug=terms.text(sheet.protocol, "drugs", line.drug),
        basis_value=str(line.dose.amount),
        basis_unit=line.dose.ucum,
        exact_mg=str(rounded(amount.exact, EXACT)) if amount else "",
        daily_mg=str(amount.ordered) if amount else "",
        doses_per_day=str(amount.doses_per_day if amount else detail.doses_per_day or line.dose.doses_per_day),
        mg_per_dose=str(amount.per_dose) if amount else "",
        route=ROUTES[route][1] if route else "",
        status=_status(step, line, amount, sheet),
    )


def _status(step: Step, line: Line, amount: Dose | None, sheet: Sheet) -> str:
    if amount is None:
        return "draft: not dosed"
    parts = ["dosed"]
    if amount.capped:
        parts.append(f"capped from {rounded(amount.uncapped, Decimal('0.1'))} mg a day")
    detail = sheet.overlay.line(line.key)
    if detail.doses_per_day:
        parts.append(f"{detail.doses_per_day} doses a day: {sheet.overlay.centre}'s")
    elif line.over_minutes:
        parts.append(f"one infusion over {line.over_minutes} minutes")
    elif line.dose.open:
        parts.append("doses a day: the centre's")
    if amount.rounding.each_dose:
        whose = f": {sheet.overlay.centre}'s" if detail.step_mg else ""
        parts.append(f"each dose to {amount.rounding.step} mg{whose}")
    parts += [f"{said}: {sheet.overlay.centre}'s" for said in (detail.infusion,) if said]
    if isinstance(step.clause, Course):
        parts.append("until tapered")
    return "; ".join([*parts, *remarks(line, sheet, short=True)])


def _tapered(day: int, step: Step, clause: Taper, sheet: Sheet) -> Row:
    drug = next(line.drug for line in sheet.protocol.lines if line.key == clause.of)
    found, amount = additions.tapered(clause, day, sheet)
    if found is None:
        status = f"open: {clause.open} Starts when its gate is confirmed"
        return _plain(day, step, sheet, status, drug)
    share = f"{found.percent} % of the full dose" if found.percent is not None else ""
    words = ", ".join(filter(None, (share, found.text)))
    row = _plain(day, step, sheet, f"step of {sheet.overlay.centre}: {words}; once the taper is confirmed", drug)
    return replace(row, daily_mg=str(amount)) if amount is not None else row


def _infusion(step: Step, clause: Infusion, sheet: Sheet) -> str:
    cells = sheet.overlay.infusions.get(step.action)
    if cells is None:
        return f"open: {clause.of.open} Not before this day, behind its gate"
    return f"{cells.amount} {cells.unit} CD3 cells: {sheet.overlay.centre}'s. Not before this day, behind its gate"


def _open(step: Step, line: OpenLine, sheet: Sheet) -> Row:
    return Row(
        day=step.label,
        date=_date(step.day or 0, sheet),
        action=step.action,
        drug=terms.text(sheet.protocol, "drugs", line.drug),
        basis_unit=line.dose,
        route=ROUTES[line.route][1] if line.route else "",
        status=f"open: {line.open}",
    )


def _plain(day: int, step: Step, sheet: Sheet, status: str, drug: str | None = None) -> Row:
    name = terms.text(sheet.protocol, "drugs", drug) if drug else ""
    return Row(label(day), _date(day, sheet), step.action, drug=name, status=status)


def _date(day: int, sheet: Sheet) -> str:
    return day_date(sheet.day_zero, day).isoformat() if sheet.day_zero else ""
