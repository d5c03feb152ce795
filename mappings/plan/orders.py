"""One FHIR request for each step: a drug on a day, a course, the graft, a rest, a visit, a decision to take.

A taper is a Task and not a MedicationRequest: the protocol gives it no dose, and an order without a dose is a danger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from mappings.plan import definition, dosage, gates, open_dose
from mappings.plan.dosing import Body, Dose, dose
from mappings.plan.timeline import Course, DoseDay, Infusion, OpenDay, Step, day_date
from mappings.protocol import terms
from mappings.protocol.model import Line, Protocol, Rest, Taper
from mappings.r4.build import Element, Ids, Resource, reference


@dataclass(frozen=True, slots=True)
class Sheet:
    """What every order of one plan shares. `intent` is that of the leaves; `live` allows status active."""

    protocol: Protocol
    ids: Ids
    subject: str
    intent: str
    live: bool
    day_zero: date | None
    body: Body
    formula: str
    dosed: bool

    def line_dose(self, line: Line) -> Dose | None:
        """Amount of `line` a day, None in a draft."""
        return dose(line, self.body, self.formula) if self.dosed else None


def order(step: Step, sheet: Sheet) -> Resource:
    """The request of one step."""
    clause = step.clause
    if isinstance(clause, DoseDay | Course):
        return _medication(step, clause.line, sheet)
    if isinstance(clause, Rest | Taper | OpenDay):
        return _task(step, sheet)
    return _service(step, sheet)


def kind(step: Step) -> str:
    """Resource type of a step's request."""
    if isinstance(step.clause, DoseDay | Course):
        return "MedicationRequest"
    return "Task" if isinstance(step.clause, Rest | Taper | OpenDay) else "ServiceRequest"


def _medication(step: Step, line: Line, sheet: Sheet) -> Resource:
    day = step.on(sheet.day_zero)
    amount = sheet.line_dose(line)
    told = dosage.story(step, line, day, amount, sheet.body, sheet.formula)
    return {
        **_head("MedicationRequest", "engraft-medication-order", step, sheet),
        "status": "active" if sheet.live else "draft",
        "intent": sheet.intent,
        "medicationCodeableConcept": terms.concept(sheet.protocol, "drugs", line.drug, sheet.ids.canonicals),
        "subject": reference(sheet.subject),
        "instantiatesCanonical": [_instantiates(step, sheet)],
        "basedOn": [sheet.ids.ref("CarePlan", "care-plan")],
        "groupIdentifier": group_identifier(sheet.ids),
        "dosageInstruction": [dosage.for_order(step, line, day, amount, told)],
    }


def _service(step: Step, sheet: Sheet) -> Resource:
    gated = isinstance(step.clause, Infusion)
    day = step.on(sheet.day_zero)
    out: Resource = {
        **_head("ServiceRequest", "engraft-service-order", step, sheet),
        "instantiatesCanonical": [_instantiates(step, sheet)],
        "basedOn": [sheet.ids.ref("CarePlan", "care-plan")],
        "requisition": group_identifier(sheet.ids),
        "status": "active" if sheet.live and day and not gated else "draft",
        "intent": sheet.intent,
        "code": _code(step, sheet),
        "subject": reference(sheet.subject),
    }
    if day:
        out |= {"occurrencePeriod": {"start": day.isoformat()}} if gated else {"occurrenceDateTime": day.isoformat()}
    note = _note(step, sheet)
    return out | ({"note": [{"text": note}]} if note else {})


def _task(step: Step, sheet: Sheet) -> Resource:
    gated = isinstance(step.clause, Taper)
    out: Resource = {
        **_head("Task", "engraft-task", step, sheet),
        "instantiatesCanonical": _instantiates(step, sheet),
        "basedOn": [sheet.ids.ref("CarePlan", "care-plan")],
        "groupIdentifier": group_identifier(sheet.ids),
        "status": "requested" if sheet.live and not gated else "draft",
        "intent": sheet.intent,
        "code": _code(step, sheet),
        "description": _description(step),
    }
    if isinstance(step.clause, Taper):
        out["focus"] = sheet.ids.ref("MedicationRequest", step.clause.of, *_first_day(step.clause.of, sheet))
    out["for"] = reference(sheet.subject)
    if sheet.day_zero and step.day is not None and step.last_day is not None:
        start, end = (day_date(sheet.day_zero, day).isoformat() for day in (step.day, step.last_day))
        out["restriction"] = {"period": {"start": start, "end": end}}
    if isinstance(step.clause, OpenDay):
        out["input"] = open_dose.inputs(step.clause.line, sheet.protocol, sheet.ids.canonicals)
    note = _note(step, sheet)
    return out | ({"note": [{"text": note}]} if note else {})


def group_identifier(ids: Ids) -> Element:
    """What ties all requests of one course together."""
    return {"system": ids.canonicals.sid("course"), "value": ids.course}


def _head(resource_type: str, profile: str, step: Step, sheet: Sheet) -> Element:
    return {
        "resourceType": resource_type,
        "id": sheet.ids(step.action, *step.occurrence),
        "meta": sheet.ids.meta(profile),
        "identifier": [sheet.ids.identifier(step.action, *step.occurrence, system="request")],
    }


def _instantiates(step: Step, sheet: Sheet) -> str:
    return sheet.ids.canonicals.pinned("ActivityDefinition", definition.activity_name(step, sheet.protocol))


def _code(step: Step, sheet: Sheet) -> Element:
    return definition.code_of(step, sheet.protocol, sheet.ids.canonicals)


def _first_day(line_key: str, sheet: Sheet) -> tuple[str, ...]:
    first = next(line.days.first for line in sheet.protocol.lines if line.key == line_key)
    return (f"D{first}",)


def _description(step: Step) -> str:
    if isinstance(step.clause, OpenDay):
        return f"{step.title}: {open_dose.in_protocol_words(step.clause.line)}; the dose is not calculated here"
    return step.title


def _note(step: Step, sheet: Sheet) -> str | None:
    clause = step.clause
    if isinstance(clause, Taper):
        return f"{gates.in_words(sheet.protocol.gate(clause.gate))}. {clause.open}"
    if isinstance(clause, Infusion):
        return f"{gates.in_words(sheet.protocol.gate(clause.of.gate))}. {clause.of.open}"
    if isinstance(clause, OpenDay):
        return f"{open_dose.in_protocol_words(clause.line)}: not dosed here. {clause.line.open}"
    if step.day is None and step.months is None:
        return "The protocol gives no date for this visit."
    return None
