"""A plan for tests to ask questions of: `a_plan(weight_kg="70").on("D+6", "mycophenolate")`."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from mappings.plan import Applied, Body, Order, Row, apply
from mappings.protocol import load
from mappings.r4.build import Resource

COURSE = "0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60"
GRAFT = date(2026, 3, 2)


def a_plan(
    weight_kg: str | None = "70",
    height_cm: str | None = "175",
    day_zero: date | None = GRAFT,
    *,
    formula: str = "mosteller",
    draft: bool = False,
    intent: str = "proposal",
    course: str = COURSE,
) -> Plan:
    weight = None if weight_kg is None else Decimal(weight_kg)
    height = None if height_cm is None else Decimal(height_cm)
    order = Order(
        protocol=load("set-haplo-pdli"),
        day_zero=day_zero,
        body=Body(weight, height),
        subject="Patient/synthetic",
        course=course,
        bsa_formula=formula,
        draft=draft,
        intent=intent,
    )
    return Plan(apply(order))


class Plan:
    """The answer of `$apply`, by day and action."""

    def __init__(self, applied: Applied) -> None:
        self.applied = applied

    def rows(self, action: str) -> list[Row]:
        return [row for row in self.applied.rows if row.action == action]

    def on(self, day: str, action: str) -> Row:
        (row,) = [row for row in self.rows(action) if row.day == day]
        return row

    def days(self, action: str) -> list[str]:
        return [row.day for row in self.rows(action)]

    def orders(self, kind: str) -> list[Resource]:
        return [resource for resource in self.applied.resources if resource["resourceType"] == kind]

    def order(self, action: str, day: str | None = None) -> Resource:
        """The one request of an action (on a day, written as identifiers do: `D-13`, `D3`)."""
        value = "/".join(filter(None, (action, day)))
        (found,) = [
            r
            for r in self.applied.resources
            if r["resourceType"] in {"MedicationRequest", "ServiceRequest", "Task"}
            and r["identifier"][0]["value"].split("/", 1)[1] == value
        ]
        return found


def calculated(order: Resource) -> Decimal:
    """Milligrams of one dose of an order."""
    (dosage,) = order["dosageInstruction"]
    (found,) = [d for d in dosage["doseAndRate"] if d["type"]["coding"][0]["code"] == "calculated"]
    assert found["doseQuantity"]["code"] == "mg"
    amount: Decimal = found["doseQuantity"]["value"]
    return amount


def ordered(order: Resource) -> tuple[Decimal, str]:
    """The protocol's own amount and unit, as the order keeps it."""
    (dosage,) = order["dosageInstruction"]
    (found,) = [d for d in dosage["doseAndRate"] if d["type"]["coding"][0]["code"] == "ordered"]
    amount = found.get("doseQuantity") or found["rateQuantity"]
    return amount["value"], amount["code"]
