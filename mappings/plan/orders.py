"""One FHIR request for each step: a drug on a day, a course, the graft, a rest, a visit, a decision to take.

A taper is a Task and not a MedicationRequest: the protocol gives it no dose, and an order without a dose is a danger.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

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

    `item`: its identifier behind the course; `name`: what its id is made from; `instantiates`: a list, of a Task one
    canonical.
    """

    kind: str
    item: str
    name: str
    meta: Element
    instantiates: Any
    code: Element


class Placed(NamedTuple):
    """A step in the plan of one patient: the id of its request, and its date as FHIR writes it (empty: not known)."""

    step: Step
    still: Still
    id: str
    day: str


def placed(sheet: Sheet) -> list[Placed]:
    """Every step of the protocol, in the order of the plan."""
    return [_placed(step, still, sheet) for step, still in _still(sheet.protocol, sheet.canonicals)]


def _placed(step: Step, still: Still, sheet: Sheet) -> Placed:
    day = sheet.place(step)
    return Placed(step, still, sheet.ids.named(still.name), day.isoformat() if day else "")


def orders(steps: Iterable[Placed], sheet: Sheet) -> list[Resource]:
    """The request of every step. What doses were reckoned from is referred to by one list for each basis."""
    used = {per: measures.used(per, sheet) for per in {line.dose.per for line in sheet.protocol.lines}}
    return [_order(one, used, sheet) for one in steps]


@lru_cache(maxsize=16)
def leaves(protocol: Protocol) -> tuple[Step, ...]:
    """The steps of a protocol, in its order; each becomes a request."""
    return tuple(steps(tree(protocol)))


@lru_cache(maxsize=16)
def _still(protocol: Protocol, canonicals: Canonicals) -> tuple[tuple[Step, Still], ...]:
    """Each step with its profile, its definition, its code."""
    return tuple((step, _of_step(step, protocol, canonicals)) for step in leaves(protocol))


def _of_step(step: Step, protocol: Protocol, canonicals: Canonicals) -> Still:
    type_, clause = kind(step), step.clause
    canonical = canonicals.pinned("ActivityDefinition", definition.activity_name(step, protocol))
    if isinstance(clause, _DRUG):
        code = terms.concept(protocol, "drugs", clause.line.drug, canonicals)
    else:
        code = definition.code_of(step, protocol, canonicals)
    instantiates = canonical if type_ == "Task" else frozen([canonical])
    return Still(
        kind=type_,
        item="/".join(step.key),
        name=name_of(*step.key),
        meta=meta(canonicals, _PROFILES[type_]),
        instantiates=instantiates,
        code=frozen(code),
    )


def _order(one: Placed, used: dict[str, list[Element]], sheet: Sheet) -> Resource:
    clause = one.step.clause
    if isinstance(clause, _DRUG):
        return _medication(one, clause.line, used[clause.line.dose.per], sheet)
    return _task(one, sheet) if isinstance(clause, _DECISION) else _service(one, sheet)


def kind(step: Step) -> str:
    """Resource type of a step's request."""
    if isinstance(step.clause, _DRUG):
        return "MedicationRequest"
    return "Task" if isinstance(step.clause, _DECISION) else "ServiceRequest"


def _medication(one: Placed, line: Line, used: list[Element], sheet: Sheet) -> Resource:
    still = one.still
    shared = dosage.shared_by(one.step, line, sheet)
    out: Resource = {
        **_head(one, sheet),
        "status": "active" if sheet.live else "draft",
        "intent": sheet.intent,
        "medicationCodeableConcept": _drug(line, sheet, still.code),
        "subject": sheet.subject,
        "instantiatesCanonical": still.instantiates,
        **sheet.based_on(),
        "groupIdentifier": sheet.group,
        "dosageInstruction": [dosage.for_order(one.step, line, one.day, shared)],
    }
    if sheet.dosed:
        out["extension"] = shared.basis
    if used:
        out["supportingInformation"] = used
    notes = (*shared.remarks, *_flags(one, sheet)) if sheet.flags else shared.remarks
    return out | _notes(notes) if notes else out


def _flags(one: Placed, sheet: Sheet) -> tuple[str, ...]:
    """A day before the facts that the flags tell of is not dosed by them any more; a course goes on."""
    since = sheet.flagged_from.isoformat() if sheet.flagged_from else ""
    over = isinstance(one.step.clause, DoseDay) and one.day and one.day < since
    return () if over else sheet.flags


def _drug(line: Line, sheet: Sheet, drug: Element) -> Element:
    """The substance; where the centre has a product of its own, that product's code stands beside it."""
    product = sheet.overlay.line(line.key).product
    if product is None:
        return drug
    added = [{"system": system, "code": code} for system, code in product.codes]
    text = f"{drug['text']}: {product.text} (product of {sheet.overlay.centre})"
    return drug | {"coding": drug["coding"] + added, "text": text}


def _service(one: Placed, sheet: Sheet) -> Resource:
    step, still, day = one.step, one.still, one.day
    gated = isinstance(step.clause, Infusion)
    out: Resource = {
        **_head(one, sheet),
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
        out |= {"occurrencePeriod": {"start": day}} if gated else {"occurrenceDateTime": day}
    return out | _notes(additions.of_service(step, sheet))


def _task(one: Placed, sheet: Sheet) -> Resource:
    step, still = one.step, one.still
    gated = isinstance(step.clause, Taper)
    out: Resource = {
        **_head(one, sheet),
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


def _head(one: Placed, sheet: Sheet) -> Element:
    still = one.still
    return {
        "resourceType": still.kind,
        "id": one.id,
        "meta": still.meta,
        "identifier": [{"system": sheet.request_system, "value": f"{sheet.ids.course}/{still.item}"}],
    }


def _first_day(line_key: str, sheet: Sheet) -> tuple[str, ...]:
    first = next(line.days.first for line in sheet.protocol.lines if line.key == line_key)
    return (f"D{first}",)
