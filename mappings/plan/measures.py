"""The measures that a plan was dosed by, as Observations that each order points to.

Where the caller named the Observation that it has, that one is pointed to and none is made. The body surface is always
ours: nobody else knows by which formula the plan reckoned it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache

from mappings.canonicals import OBSERVATION_CATEGORY, Canonicals
from mappings.plan.dosing import EXACT, SURFACES, rounded
from mappings.plan.sheet import Sheet
from mappings.protocol.model import FIXED
from mappings.r4.build import Element, Resource, coding, concept, quantity, reference
from mappings.r4.frozen import frozen
from mappings.terminology import codes

FORMULAS = {
    "mosteller": "Mosteller: sqrt(kg x cm / 3600)",
    "dubois": "Du Bois: 0.007184 x kg^0.425 x cm^0.725",
}


_METHODS = {formula: frozen(concept(text=said)) for formula, said in FORMULAS.items()}
_NOTE = frozen([{"text": "Shown to 4 decimals; doses are reckoned with the surface unrounded."}])


def observations(sheet: Sheet) -> list[Resource]:
    """Weight, height and surface as far as they were used and nobody else holds them."""
    return [*_told(sheet), *_surface(sheet)] if sheet.dosed else []


def used(per: str, sheet: Sheet) -> list[Element]:
    """References to what a dose per `kg` or per `m2` was reckoned from; a fixed one is reckoned from nothing."""
    if not sheet.dosed or per == FIXED:
        return []
    used = (sheet.weight,) if per == "kg" else (sheet.weight, sheet.height, sheet.surface)
    return [reference(one) for one in used]


def _told(sheet: Sheet) -> Iterator[Resource]:
    body = sheet.body
    if body.weight_kg is not None and not body.weight_source:
        yield _body("weight", body.weight_kg, body.weight_date, sheet)
    if sheet.by_surface and body.height_cm is not None and not body.height_source:
        yield _body("height", body.height_cm, body.height_date, sheet)


def _body(name: str, value: Decimal, taken: date | None, sheet: Sheet) -> Resource:
    """R4 has the codes of vital signs with a day only (vs-1): without one the measure has a code of ours."""
    out = _head(f"plan-{name}", value, sheet)
    out |= {
        "status": "final",
        "category": _category("vital-signs" if taken else "exam"),
        "code": _code(name if taken else f"{name}-undated", sheet.canonicals),
        "subject": sheet.subject,
    }
    if taken:
        out["effectiveDateTime"] = taken.isoformat()
    return out | {"valueQuantity": quantity(value, codes.unit("observables", name))}


def _surface(sheet: Sheet) -> Iterator[Resource]:
    body = sheet.body
    if not sheet.by_surface or body.weight_kg is None or body.height_cm is None:
        return
    surface = SURFACES[sheet.formula](body.weight_kg, body.height_cm)
    yield _head("plan-bsa", sheet.surface_of, sheet) | {
        "status": "final",
        "category": _category("exam"),
        "code": _code("bsa", sheet.canonicals),
        "subject": sheet.subject,
        "valueQuantity": quantity(rounded(surface, EXACT), "m2"),
        "note": _NOTE,
        "method": _METHODS[sheet.formula],
        "derivedFrom": [reference(sheet.weight), reference(sheet.height)],
    }


@lru_cache(maxsize=4)
def _category(code: str) -> list[Element]:
    return frozen([concept(coding(OBSERVATION_CATEGORY, code))])


@lru_cache(maxsize=32)
def _code(name: str, canonicals: Canonicals) -> Element:
    return frozen(codes.concept("observables", name, canonicals))


def _head(item: str, of: object, sheet: Sheet) -> Resource:
    return {
        "resourceType": "Observation",
        "id": sheet.ids(item, of),
        "meta": sheet.ids.meta("engraft-body-measure"),
        "identifier": [sheet.ids.identifier(item, of, system="plan")],
    }
