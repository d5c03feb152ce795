"""Draft orders as an EHR sends them, held against the stored plan of a synthetic patient of 70 kg and 175 cm."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from mappings.canonicals import DEFAULT
from mappings.plan import order_check, order_reading, readiness
from mappings.plan.advice import Advice
from mappings.plan.order_check import Bench
from mappings.plan.record import Record
from mappings.terminology import codes
from tests.lib.plans import a_plan
from tests.lib.records import D122, a_record

UCUM = "http://unitsofmeasure.org"


def mass(value: str | int, unit: str = "mg") -> dict[str, Any]:
    return {"value": Decimal(value), "unit": unit, "system": UCUM, "code": unit}


def on(*days: str, **repeat: Any) -> dict[str, Any]:
    return {"event": list(days)} | ({"repeat": repeat} if repeat else {})


def every_day(start: str, end: str | None = None, frequency: int = 1, **more: Any) -> dict[str, Any]:
    bounds = {"start": start} | ({"end": end} if end else {})
    return {"repeat": {"boundsPeriod": bounds, "frequency": frequency, "period": 1, "periodUnit": "d", **more}}


def dosage(amount: dict[str, Any] | None, timing: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    out: dict[str, Any] = dict(more)
    if timing is not None:
        out["timing"] = timing
    if amount is not None:
        out["doseAndRate"] = [{"doseQuantity": amount}]
    return out


def draft(drug: str, *dosages: dict[str, Any], id_: str = "d1", **more: Any) -> dict[str, Any]:
    """A MedicationRequest of a drug of our terminology, or (`concept`) of any other."""
    concept = more.pop("concept", None) or codes.concept("drugs", drug, DEFAULT)
    return {
        "resourceType": "MedicationRequest",
        "id": id_,
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": concept,
        "subject": {"reference": "Patient/ehr-1"},
        "dosageInstruction": list(dosages),
        **more,
    }


def read(*requests: dict[str, Any], linked: dict[str, Any] | None = None) -> list[order_reading.Order]:
    return [order_reading.read(one, DEFAULT, linked) for one in requests]


def bench(record: Record | None = None, *, today: date = D122, signing: bool = True, planned: bool = True) -> Bench:
    """The bench of a patient with (or without) a stored plan."""
    known = record or a_record()
    orders = read(*a_plan(intent="plan").orders("MedicationRequest")) if planned else []
    return Bench(orders, known, lambda day: readiness.standings(known, day), today, signing)


def advised(
    *requests: dict[str, Any], record: Record | None = None, chosen: Sequence[str] | None = None, **more: Any
) -> list[Advice]:
    """What is said about draft orders."""
    drafts = read(*requests)
    wanted = [one.reference for one in drafts] if chosen is None else chosen
    return order_check.check(drafts, wanted, bench(record, **more))


def keys(advice: Sequence[Advice]) -> list[str]:
    return [one.key for one in advice]
