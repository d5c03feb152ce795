"""One FHIR request for each step: a drug on a day, a course, the graft, a rest, a visit, a decision to take.

A taper is a Task and not a MedicationRequest: the protocol gives it no dose, and an order without a dose is a danger.
"""

from __future__ import annotations

from collections.abc import Sequence

from mappings.plan import additions, definition, dosage, measures
from mappings.plan.sheet import Sheet
from mappings.plan.timeline import Course, DoseDay, Infusion, Step, day_date
from mappings.protocol.model import Line, Rest, Taper
from mappings.r4.build import Element, Ids, Resource, quantity
from mappings.terminology import codes


def order(step: Step, sheet: Sheet) -> Resource:
    """The request of one step."""
    clause = step.clause
    if isinstance(clause, DoseDay | Course):
        return _medication(step, clause.line, sheet)
    if isinstance(clause, Rest | Taper):
        return _task(step, sheet)
    return _service(step, sheet)


def kind(step: Step) -> str:
    """Resource type of a step's request."""
    if isinstance(step.clause, DoseDay | Course):
        return "MedicationRequest"
    return "Task" if isinstance(step.clause, Rest | Taper) else "ServiceRequest"


def _medication(step: Step, line: Line, sheet: Sheet) -> Resource:
    day = step.on(sheet.day_zero)
    out: Resource = {
        **_head("MedicationRequest", "engraft-medication-order", step, sheet),
        "status": "active" if sheet.live else "draft",
        "intent": sheet.intent,
        "medicationCodeableConcept": _drug(line, sheet),
        "subject": sheet.subject,
        "instantiatesCanonical": [_instantiates(step, sheet)],
        **sheet.based_on(),
        "groupIdentifier": group_identifier(sheet.ids),
        "dosageInstruction": [dosage.for_order(step, line, day, sheet)],
    }
    used = measures.used(line.dose.per, sheet)
    if used:
        out["extension"] = [dosage.normalization(line)]
        out["supportingInformation"] = used
    return out | _notes([*dosage.remarks(line, sheet), *sheet.flags])


def _drug(line: Line, sheet: Sheet) -> Element:
    """The substance; where the centre has a product of its own, that product's code stands beside it."""
    drug = codes.concept("drugs", line.drug, sheet.canonicals)
    product = sheet.overlay.line(line.key).product
    if product is None:
        return drug
    added = [{"system": system, "code": code} for system, code in product.codes]
    text = f"{drug['text']}: {product.text} (product of {sheet.overlay.centre})"
    return drug | {"coding": drug["coding"] + added, "text": text}


def _service(step: Step, sheet: Sheet) -> Resource:
    gated = isinstance(step.clause, Infusion)
    day = sheet.place(step)
    out: Resource = {
        **_head("ServiceRequest", "engraft-service-order", step, sheet),
        "instantiatesCanonical": [_instantiates(step, sheet)],
        **sheet.based_on(),
        "requisition": group_identifier(sheet.ids),
        "status": "active" if sheet.live and day and not gated else "draft",
        "intent": sheet.intent,
        "code": _code(step, sheet),
        "subject": sheet.subject,
    }
    cells = sheet.overlay.infusions.get(step.action)
    if cells:
        out["quantityQuantity"] = quantity(cells.amount, cells.unit)
    if day:
        out |= {"occurrencePeriod": {"start": day.isoformat()}} if gated else {"occurrenceDateTime": day.isoformat()}
    return out | _notes(additions.of_service(step, sheet))


def _task(step: Step, sheet: Sheet) -> Resource:
    gated = isinstance(step.clause, Taper)
    out: Resource = {
        **_head("Task", "engraft-task", step, sheet),
        "instantiatesCanonical": _instantiates(step, sheet),
        **sheet.based_on(),
        "groupIdentifier": group_identifier(sheet.ids),
        "status": "requested" if sheet.live and not gated else "draft",
        "intent": sheet.intent,
        "code": _code(step, sheet),
        "description": step.title,
    }
    if isinstance(step.clause, Taper):
        out["focus"] = sheet.to("MedicationRequest", step.clause.of, *_first_day(step.clause.of, sheet))
    out["for"] = sheet.subject
    if sheet.day_zero and step.day is not None and step.last_day is not None:
        start, end = (day_date(sheet.day_zero, day).isoformat() for day in (step.day, step.last_day))
        out["restriction"] = {"period": {"start": start, "end": end}}
    return out | _notes(additions.of_taper(step.clause, sheet) if isinstance(step.clause, Taper) else [])


def _notes(texts: Sequence[str]) -> Element:
    return {"note": [{"text": text} for text in texts]} if texts else {}


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
    return definition.code_of(step, sheet.ids.canonicals)


def _first_day(line_key: str, sheet: Sheet) -> tuple[str, ...]:
    first = next(line.days.first for line in sheet.protocol.lines if line.key == line_key)
    return (f"D{first}",)
