"""The dated and dosed regimen of an enrolled patient, kept for EHRs to pull.

It is a draft until a person validates it. When day zero moves, what was not yet given moves with it; an order of which
a dose is on record stays as it was, and so does its place in the RequestGroup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from adapter.flows import signature
from mappings.facts import Administration, BodyMeasure, Enrolment, FollowUp, Measurements, Transplant
from mappings.outcomes import retract
from mappings.plan import Body, Order, apply
from mappings.protocol import load
from mappings.r4.build import Ids, Resource
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import require_valid
from mappings.terminology.units import to_unit

if TYPE_CHECKING:
    from adapter.store import Tx
    from adapter.store.resources import Stored

SOURCE = "regimen"
"""What the resources of a regimen name as their source; no document has this key."""

_IN_THE_DOCUMENT = {"day-zero": "transplant.date", "weight": "measurements.weight", "height": "measurements.height"}


@dataclass(frozen=True, slots=True)
class Planned:
    """The regimen's stand-alone resources; or none, and the facts that it still needs."""

    resources: tuple[Resource, ...]
    issues: tuple[Fault, ...]


def plan(enrolment: Enrolment, ids: Ids) -> Planned:
    """Applies the protocol to what is known. Missing or implausible facts are issues, never an error."""
    transplant = enrolment.transplant if isinstance(enrolment.transplant, Transplant) else Transplant()
    try:
        order = Order(
            protocol=load(enrolment.protocol),
            day_zero=transplant.date,
            body=body_of(enrolment),
            subject=f"Patient/{ids('patient')}",
            course=ids.course,
            centre=enrolment.centre,
            intent="plan",
            canonicals=ids.canonicals,
        )
        return Planned(apply(order).resources, ())
    except FaultyInput as found:
        return Planned((), tuple(_in_the_document(fault) for fault in found.faults))


def given(follow_ups: Sequence[FollowUp]) -> list[Administration]:
    """Every dose that is on record."""
    sections = (visit.administrations for visit in follow_ups)
    return [one for section in sections if isinstance(section, tuple) for one in section]


def settle(
    tx: Tx, planned: Planned, doses: Sequence[Administration], *, ids: Ids, centre: str, now: datetime
) -> tuple[str, ...]:
    """Stores the regimen; orders that are no longer in it become cancelled or revoked. References of what it holds."""
    before = {one.reference: one for one in tx.resources.from_source(ids.course, SOURCE)}
    kept = _begun(before, doses)
    renewed = {_reference(one): _keeping(one, before, kept) for one in planned.resources}
    standing = renewed | {reference: before[reference].content for reference in kept}
    for reference, resource in signature.upheld(tx, standing, course=ids.course, now=now).items():
        if reference not in kept:
            require_valid(resource)
            tx.resources.put(resource, centre=centre, course=ids.course, sources=[SOURCE], at=now)
    for reference, stored in before.items():
        if reference not in renewed and reference not in kept:
            gone = retract.withdrawn(stored.content)
            tx.resources.put(gone, centre=centre, course=ids.course, sources=[SOURCE], at=now)
    return tuple(dict.fromkeys((*renewed, *kept)))


def body_of(enrolment: Enrolment) -> Body:
    """Weight and height that an enrolment gives for dosing; None for each that it does not give exactly."""
    measured = enrolment.measurements if isinstance(enrolment.measurements, Measurements) else Measurements()
    weight, height = (said if isinstance(said, BodyMeasure) else None for said in (measured.weight, measured.height))
    return Body(
        weight_kg=_amount(weight, "kg"),
        height_cm=_amount(height, "cm"),
        weight_date=weight.date.exact if weight and weight.date else None,
        height_date=height.date.exact if height and height.date else None,
    )


def _amount(said: BodyMeasure | None, unit: str) -> Decimal | None:
    """None for what is no exact amount: nobody is dosed by `< 70 kg`."""
    if said is None or said.value.comparator:
        return None
    return to_unit(said.value, unit).value


def _in_the_document(fault: Fault) -> Fault:
    return Fault(_IN_THE_DOCUMENT.get(fault.path, fault.path), fault.message, fault.code, fault.severity)


def _begun(before: Mapping[str, Stored], doses: Sequence[Administration]) -> frozenset[str]:
    """Orders of which a dose is on record: that of the day, or the only order that an action has."""
    orders: dict[str, dict[str, str]] = {}
    for reference, stored in before.items():
        action, day = _action_and_day(stored.content)
        orders.setdefault(action, {})[day] = reference
    begun = set()
    for dose in doses:
        days = orders.get(dose.action, {})
        if len(days) == 1:
            begun |= set(days.values())
        else:
            begun |= {days[day] for day in _days(dose, days, before) if day in days}
    return frozenset(begun)


def _action_and_day(resource: Resource) -> tuple[str, str]:
    """Second and third part of the request identifier `<course>/<action>/<day>`."""
    _, action, *day = resource["identifier"][0]["value"].split("/")
    return action, day[0] if day else ""


def _days(dose: Administration, days: Mapping[str, str], before: Mapping[str, Stored]) -> list[str]:
    """The day that the dose names, else the day whose order is for its date."""
    if dose.day:
        return [dose.day.replace("+", "")]
    return [day for day, reference in days.items() if dose.date.isoformat() in _dates(before[reference].content)]


def _dates(order: Resource) -> list[str]:
    return [day for dosage in order.get("dosageInstruction", ()) for day in dosage.get("timing", {}).get("event", ())]


def _keeping(resource: Resource, before: Mapping[str, Stored], kept: frozenset[str]) -> Resource:
    """A CarePlan or RequestGroup that leaves what was begun at its old date."""
    stored = before.get(_reference(resource))
    if not kept or stored is None:
        return resource
    if resource["resourceType"] == "RequestGroup":
        old = {leaf["resource"]["reference"]: leaf for leaf in _leaves(stored.content["action"])}
        return resource | {"action": [_kept_action(node, old, kept) for node in resource["action"]]}
    starts = [one["period"]["start"] for one in (resource, stored.content) if "period" in one]
    return resource | ({"period": {"start": min(starts)}} if starts else {})


def _kept_action(node: dict[str, Any], old: Mapping[str, dict[str, Any]], kept: frozenset[str]) -> dict[str, Any]:
    if "action" in node:
        return node | {"action": [_kept_action(child, old, kept) for child in node["action"]]}
    target = node["resource"]["reference"]
    return old[target] if target in kept and target in old else node


def _leaves(actions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [leaf for node in actions for leaf in (_leaves(node["action"]) if "action" in node else [node])]


def _reference(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
