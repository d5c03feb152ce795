"""What becomes of a plan that stands when its facts change: what was begun stays, the rest follows.

An order is known by its identifier `<course>/<action>/<day>`; its id never changes, so that a new date or dose is a new
version of the same order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mappings.facts import Administration, Missing
from mappings.plan.actions import leaves
from mappings.r4.build import Element, Resource

Plan = Mapping[str, Resource]
"""The resources of a stored plan by `Type/id`."""

WITHDRAWN = {
    "CarePlan": ("status", "revoked"),
    "Goal": ("lifecycleStatus", "cancelled"),
    "MedicationRequest": ("status", "cancelled"),
    "RequestGroup": ("status", "revoked"),
    "ServiceRequest": ("status", "revoked"),
    "Task": ("status", "cancelled"),
}
"""Element and word by which each type of a plan says that it is not to be carried out."""

ORDERS = ("MedicationRequest", "ServiceRequest", "Task")
_OVER = {"cancelled", "revoked", "stopped", "completed"}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs between two states of an order, in words; `before` None: it is new."""

    reference: str
    action: str
    day: str
    what: str
    before: str | None
    after: str | None


def name_of(order: Resource) -> tuple[str, str]:
    """Second and third part of the request identifier `<course>/<action>/<day>`."""
    _, action, *day = order["identifier"][0]["value"].split("/")
    return action, day[0] if day else ""


def reference_of(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def begun(before: Plan, doses: Sequence[Administration]) -> frozenset[str]:
    """Orders of which a dose is on record: that of the day, or the only order that an action has.

    A dose that does not say what was given is of no order that we could name; that day zero moves after it still needs
    a person's word.
    """
    orders: dict[str, dict[str, str]] = {}
    for reference, order in before.items():
        if order["resourceType"] in ORDERS:
            action, day = name_of(order)
            orders.setdefault(action, {})[day] = reference
    found: set[str] = set()
    for dose in (one for one in doses if one.performed):
        days = orders.get(dose.action, {}) if isinstance(dose.action, str) else {}
        if len(days) == 1:
            found |= set(days.values())
        else:
            found |= {days[day] for day in _days(dose, days, before) if day in days}
    return frozenset(found)


def revise(
    before: Plan, planned: Sequence[Resource], kept: Collection[str], why: str = "no longer in the plan"
) -> list[Resource]:
    """The plan as it is to stand: `planned`, but for what was begun; orders that it no longer has are withdrawn."""
    renewed = {reference_of(one): _keeping(one, before, kept) for one in planned}
    out = [_continued(before[ref], one) if ref in kept else one for ref, one in renewed.items()]
    out += [given(before[ref]) for ref in sorted(kept) if ref not in renewed]
    gone = [one for ref, one in before.items() if ref not in renewed and ref not in kept]
    return out + [withdrawn(one, why) for one in gone if one["resourceType"] in WITHDRAWN]


def effective(plans: Sequence[tuple[date | None, Sequence[Resource]]]) -> list[Resource]:
    """One plan of several that were dosed by other measures: each order of a day as of the last one that began by then.

    (first day that it holds for, resources); the first holds from the beginning. Courses and all else follow the last.
    """
    _, last = plans[-1]
    known = [(since, {reference_of(one): one for one in resources}) for since, resources in plans]
    out = [_as_of(one, known) for one in last]
    there = {reference_of(one) for one in out}
    measures = {ref: one for _, held in known for ref, one in held.items() if one["resourceType"] == "Observation"}
    return out + [one for ref, one in measures.items() if ref not in there]


def stop(planned: Sequence[Resource], kept: Collection[str], reason: str, since: date) -> list[Resource]:
    """The plan of a course that was stopped on a day: what was to come is withdrawn, a course that runs ends."""
    return [
        one if _stays(one, kept, since) else withdrawn(one, reason, begun=reference_of(one) in kept) for one in planned
    ]


def withdrawn(resource: Resource, reason: str, *, begun: bool = False) -> Resource:
    """The same part of a plan, saying that it is not to be carried out (or, `begun`, no longer), and why."""
    element, word = WITHDRAWN[resource["resourceType"]]
    if resource.get(element) in _OVER:
        return unversioned(resource)
    said: Element = {element: "stopped" if begun and resource["resourceType"] == "MedicationRequest" else word}
    if resource["resourceType"] in ("MedicationRequest", "Task"):
        said["statusReason"] = {"text": reason}
    elif resource["resourceType"] in ("ServiceRequest", "CarePlan", "RequestGroup"):
        said["note"] = [*resource.get("note", ()), {"text": f"Withdrawn: {reason}"}]
    return unversioned(resource) | said


def given(order: Resource) -> Resource:
    """An order of which a dose was given: that of one day is done, a course goes on."""
    plain = unversioned(order)
    return plain if runs(order) else plain | {"status": "completed"}


def changes(before: Resource | None, after: Resource) -> Iterator[Change]:
    """What a reader of the order would notice: its date, its dose, its state."""
    action, day = name_of(after)
    if before is None:
        yield Change(reference_of(after), action, day, "added", None, _in_words(after))
        return
    for what, read in _READ.items():
        old, new = read(before), read(after)
        if old != new:
            yield Change(reference_of(after), action, day, what, old, new)


def unversioned(resource: Resource) -> Resource:
    """Without what the store says of one version."""
    meta = {name: said for name, said in resource["meta"].items() if name not in ("versionId", "lastUpdated")}
    return resource | {"meta": meta}


def dose_of(order: Resource) -> str | None:
    """`350 mg`, or `1000 mg, 2 times a day`; None where the order has none."""
    for dosage in order.get("dosageInstruction", ()):
        for one in dosage["doseAndRate"]:
            if any(coding["code"] == "calculated" for coding in one["type"]["coding"]):
                times = dosage.get("timing", {}).get("repeat", {}).get("frequency", 1)
                amount = f"{one['doseQuantity']['value']} mg"
                return amount if times == 1 else f"{amount}, {times} times a day"
    return None


def date_of(order: Resource) -> str | None:
    """The day that an order is for, or begins on."""
    found = list(_dates(order))
    return found[0] if found else None


def _dates(order: Resource) -> Iterator[str]:
    for dosage in order.get("dosageInstruction", ()):
        timing = dosage.get("timing", {})
        yield from timing.get("event", ())
        if start := timing.get("repeat", {}).get("boundsPeriod", {}).get("start"):
            yield start
    for place in (order.get("occurrenceDateTime"), order.get("occurrencePeriod", {}).get("start")):
        if place:
            yield place
    if start := order.get("restriction", {}).get("period", {}).get("start"):
        yield start


def _status_of(order: Resource) -> str | None:
    said: str | None = order.get("status")
    return said


def _last_day(order: Resource) -> str | None:
    """The last day of a course that has an end."""
    repeats = (one.get("timing", {}).get("repeat", {}) for one in order.get("dosageInstruction", ()))
    return next((end for repeat in repeats if (end := repeat.get("boundsPeriod", {}).get("end"))), None)


def _carried_out(order: Resource) -> str | None:
    """From when to when a person says that a Task was done: `2026-04-06 to 2026-04-27`."""
    period = order.get("executionPeriod", {})
    return " to ".join(said for said in (period.get("start"), period.get("end")) if said) or None


_READ = {
    "date": date_of,
    "last day": _last_day,
    "dose": dose_of,
    "carried out": _carried_out,
    "status": _status_of,
}


def _in_words(order: Resource) -> str:
    return ", ".join(filter(None, (date_of(order), dose_of(order))))


def runs(order: Resource) -> bool:
    """Is it a course that goes on, and not one day's dose?"""
    dosages = order.get("dosageInstruction", ())
    return any("boundsPeriod" in d.get("timing", {}).get("repeat", {}) for d in dosages)


def _stays(resource: Resource, kept: Collection[str], since: date) -> bool:
    kind = resource["resourceType"]
    if kind not in WITHDRAWN:
        return True
    if kind not in ORDERS or runs(resource) or resource.get("status") == "in-progress":
        return False
    day = date_of(resource)
    return reference_of(resource) in kept or (day is not None and day < since.isoformat())


def _continued(stored: Resource, planned: Resource) -> Resource:
    """A begun order: a day's stays as it was given by; a course keeps its first day and follows the plan's dose."""
    if not runs(stored):
        return given(stored)
    (old,), (new,) = stored["dosageInstruction"], planned["dosageInstruction"]
    begun = {"start": old["timing"]["repeat"]["boundsPeriod"]["start"]}
    bounds = {"repeat": new["timing"]["repeat"] | {"boundsPeriod": begun}}
    return planned | {"dosageInstruction": [new | {"timing": bounds}]}


def _as_of(order: Resource, known: Sequence[tuple[date | None, Plan]]) -> Resource:
    day, reference = date_of(order), reference_of(order)
    if order["resourceType"] != "MedicationRequest" or runs(order) or day is None:
        return order
    held = [plan for since, plan in known if since is None or since.isoformat() <= day]
    return held[-1].get(reference, order)


def _days(dose: Administration, days: Mapping[str, str], before: Plan) -> list[str]:
    """The day that the dose names, else the day whose order is for its date."""
    if isinstance(dose.day, str):
        return [dose.day.replace("+", "")]
    if isinstance(dose.date, Missing):
        return []
    return [day for day, reference in days.items() if dose.date.text in _dates(before[reference])]


def _keeping(resource: Resource, before: Plan, kept: Collection[str]) -> Resource:
    """A CarePlan or RequestGroup that leaves what was begun at its old date."""
    stored = before.get(reference_of(resource))
    if not kept or stored is None:
        return resource
    if resource["resourceType"] == "RequestGroup":
        old = {leaf["resource"]["reference"]: leaf for leaf in leaves(stored["action"])}
        return resource | {"action": [_kept_action(node, old, kept) for node in resource["action"]]}
    starts = [one["period"]["start"] for one in (resource, stored) if "period" in one]
    return resource | ({"period": {"start": min(starts)}} if starts else {})


def _kept_action(node: Element, old: Mapping[str, Element], kept: Collection[str]) -> Element:
    if "action" in node:
        return node | {"action": [_kept_action(child, old, kept) for child in node["action"]]}
    target = node["resource"]["reference"]
    return old[target] if target in kept and target in old else node
