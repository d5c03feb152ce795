"""One FHIR request for each step: a drug on a day, a course, the graft, a rest, a visit, a decision to take.

A taper is a Task and not a MedicationRequest: the protocol gives it no dose, and an order without a dose is a danger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mappings.canonicals import Canonicals
from mappings.plan import additions, definition, dosage, measures, open_dose
from mappings.plan.sheet import Sheet
from mappings.plan.timeline import Course, DoseDay, Infusion, OpenDay, Step, day_date, steps, tree
from mappings.protocol import terms
from mappings.protocol.model import Line, Protocol, Rest, Taper
from mappings.r4.build import Element, Resource, meta, name_of, quantity
from mappings.r4.frozen import frozen

_DRUG = (DoseDay, Course)
_DECISION = (Rest, Taper, OpenDay)
_PROFILES = {
    "MedicationRequest": "engraft-medication-order",
    "ServiceRequest": "engraft-service-order",
    "Task": "engraft-task",
}


@dataclass(frozen=True, slots=True)
class Still:
    """What no patient changes in a request; all plans share it, so that it never changes.

    `instantiates`: a list, of a Task one canonical.
    """

    meta: Element
    instantiates: Any
    code: Element


def orders(sheet: Sheet) -> list[Resource]:
    """The request of every step, in the order of the plan."""
    still = _still(sheet.protocol, sheet.canonicals)
    return [_order(step, sheet, part) for step, part in zip(leaves(sheet.protocol), still, strict=True)]


@lru_cache(maxsize=16)
def leaves(protocol: Protocol) -> tuple[Step, ...]:
    """The steps of a protocol, in its order; each becomes a request."""
    return tuple(steps(tree(protocol)))


def know_ids(sheet: Sheet) -> None:
    """Makes the ids of all requests: each is asked for twice, by the request and by who refers to it."""
    for key, name in _names(sheet.protocol):
        sheet.known[key] = sheet.ids.named(name)


@lru_cache(maxsize=16)
def _names(protocol: Protocol) -> tuple[tuple[tuple[str, ...], str], ...]:
    """Item and occurrence of each request, and what its id is made from."""
    return tuple((step.key, name_of(*step.key)) for step in leaves(protocol))


@lru_cache(maxsize=16)
def _still(protocol: Protocol, canonicals: Canonicals) -> tuple[Still, ...]:
    """Of each step: its profile, its definition, its code."""
    return tuple(_of_step(step, protocol, canonicals) for step in leaves(protocol))


def _of_step(step: Step, protocol: Protocol, canonicals: Canonicals) -> Still:
    type_, clause = kind(step), step.clause
    canonical = canonicals.pinned("ActivityDefinition", definition.activity_name(step, protocol))
    if isinstance(clause, _DRUG):
        code = terms.concept(protocol, "drugs", clause.line.drug, canonicals)
    else:
        code = definition.code_of(step, protocol, canonicals)
    instantiates = canonical if type_ == "Task" else frozen([canonical])
    return Still(meta(canonicals, _PROFILES[type_]), instantiates, frozen(code))


def _order(step: Step, sheet: Sheet, still: Still) -> Resource:
    clause = step.clause
    if isinstance(clause, _DRUG):
        return _medication(step, clause.line, sheet, still)
    if isinstance(clause, _DECISION):
        return _task(step, sheet, still)
    return _service(step, sheet, still)


def kind(step: Step) -> str:
    """Resource type of a step's request."""
    if isinstance(step.clause, _DRUG):
        return "MedicationRequest"
    return "Task" if isinstance(step.clause, _DECISION) else "ServiceRequest"


def _medication(step: Step, line: Line, sheet: Sheet, still: Still) -> Resource:
    day = sheet.place(step)
    out: Resource = {
        **_head("MedicationRequest", step, sheet, still),
        "status": "active" if sheet.live else "draft",
        "intent": sheet.intent,
        "medicationCodeableConcept": _drug(line, sheet, still.code),
        "subject": sheet.subject,
        "instantiatesCanonical": still.instantiates,
        **sheet.based_on(),
        "groupIdentifier": sheet.group,
        "dosageInstruction": [dosage.for_order(step, line, day, sheet)],
    }
    shared = dosage.shared_by(step, line, sheet)
    used = measures.used(line.dose.per, sheet)
    if sheet.dosed:
        out["extension"] = shared.basis
    if used:
        out["supportingInformation"] = used
    notes = (*shared.remarks, *sheet.flags)
    return out | _notes(notes) if notes else out


def _drug(line: Line, sheet: Sheet, drug: Element) -> Element:
    """The substance; where the centre has a product of its own, that product's code stands beside it."""
    product = sheet.overlay.line(line.key).product
    if product is None:
        return drug
    added = [{"system": system, "code": code} for system, code in product.codes]
    text = f"{drug['text']}: {product.text} (product of {sheet.overlay.centre})"
    return drug | {"coding": drug["coding"] + added, "text": text}


def _service(step: Step, sheet: Sheet, still: Still) -> Resource:
    gated = isinstance(step.clause, Infusion)
    day = sheet.place(step)
    out: Resource = {
        **_head("ServiceRequest", step, sheet, still),
        "instantiatesCanonical": still.instantiates,
        **sheet.based_on(),
        "requisition": sheet.group,
        "status": "active" if sheet.live and day and not gated else "draft",
        "intent": sheet.intent,
        "code": still.code,
        "subject": sheet.subject,
    }
    cells = sheet.overlay.infusions.get(step.action)
    if cells:
        out["quantityQuantity"] = quantity(cells.amount, cells.unit)
    if day:
        out |= {"occurrencePeriod": {"start": day.isoformat()}} if gated else {"occurrenceDateTime": day.isoformat()}
    return out | _notes(additions.of_service(step, sheet))


def _task(step: Step, sheet: Sheet, still: Still) -> Resource:
    gated = isinstance(step.clause, Taper)
    out: Resource = {
        **_head("Task", step, sheet, still),
        "instantiatesCanonical": still.instantiates,
        **sheet.based_on(),
        "groupIdentifier": sheet.group,
        "status": "requested" if sheet.live and not gated else "draft",
        "intent": sheet.intent,
        "code": still.code,
        "description": _description(step),
    }
    if isinstance(step.clause, Taper):
        out["focus"] = sheet.to("MedicationRequest", step.clause.of, *_first_day(step.clause.of, sheet))
    out["for"] = sheet.subject
    if sheet.day_zero and step.day is not None and step.last_day is not None:
        start, end = (day_date(sheet.day_zero, day).isoformat() for day in (step.day, step.last_day))
        out["restriction"] = {"period": {"start": start, "end": end}}
    if isinstance(step.clause, OpenDay):
        out["input"] = open_dose.inputs(step.clause.line, sheet.protocol, sheet.canonicals)
    return out | _notes(additions.of_task(step.clause, sheet))


def _description(step: Step) -> str:
    if isinstance(step.clause, OpenDay):
        return f"{step.title}: {open_dose.in_protocol_words(step.clause.line)}; the dose is not calculated here"
    return step.title


def _notes(texts: Sequence[str]) -> Element:
    return {"note": [{"text": text} for text in texts]} if texts else {}


def _head(resource_type: str, step: Step, sheet: Sheet, still: Still) -> Element:
    value = "/".join((sheet.ids.course, *step.key))
    return {
        "resourceType": resource_type,
        "id": sheet.id(*step.key),
        "meta": still.meta,
        "identifier": [{"system": sheet.request_system, "value": value}],
    }


def _first_day(line_key: str, sheet: Sheet) -> tuple[str, ...]:
    first = next(line.days.first for line in sheet.protocol.lines if line.key == line_key)
    return (f"D{first}",)
