"""Where a plan came from: one Provenance with its inputs, the protocol's version and the software's."""

from __future__ import annotations

from datetime import datetime

from mappings.canonicals import DATA_OPERATION, PROVENANCE_PARTICIPANT
from mappings.plan.sheet import Sheet
from mappings.r4.build import Element, Resource, coding, concept, reference
from mappings.r4.frozen import frozen

_CREATED = frozen(concept(coding(DATA_OPERATION, "CREATE")))
_ASSEMBLER = frozen(concept(coding(PROVENANCE_PARTICIPANT, "assembler")))


def provenance(sheet: Sheet, made: datetime, software: str) -> Resource:
    """`made`: aware moment; `software`: name and version of what reckoned, e.g. `Engraft 0.1.0`."""
    return {
        "resourceType": "Provenance",
        "id": sheet.ids("provenance"),
        "meta": sheet.ids.meta("engraft-plan-provenance"),
        "target": [sheet.to("RequestGroup", "request-group"), *([] if sheet.contained else [_plan(sheet)])],
        "recorded": made.isoformat(timespec="seconds"),
        "activity": _CREATED,
        "agent": [{"type": _ASSEMBLER, "who": {"display": software}}],
        "entity": [{"role": "source", "what": what} for what in _sources(sheet)],
    }


def _plan(sheet: Sheet) -> Element:
    return sheet.to("CarePlan", "care-plan")


def _sources(sheet: Sheet) -> list[Element]:
    canonical = sheet.canonicals.pinned("PlanDefinition", sheet.protocol.key)
    definition = {"system": "urn:ietf:rfc:3986", "value": canonical}
    day_zero = f"day zero {sheet.day_zero}" if sheet.day_zero else "day zero not known"
    out: list[Element] = [{"identifier": definition, "display": f"protocol {canonical}"}, {"display": day_zero}]
    if sheet.overlay.centre:
        out.append({"display": f"overlay of centre {sheet.overlay.centre}"})
    if sheet.dosed and sheet.body.weight_kg is not None:
        out.append(reference(sheet.weight))
        if sheet.by_surface:
            out += [reference(sheet.height), reference(sheet.surface, sheet.formula)]
    return out
