"""What a plan says, read back from its FHIR form: one item for each dose, course, rest, gate, visit.

The calendar, the signature and the tables of a terminal are all made from this one reading, so that what a person sees
and signs is what is stored and pulled, and not what the code once meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

from mappings.plan.actions import leaves
from mappings.r4.build import Element, Resource

WITHDRAWN = frozenset({"cancelled", "revoked", "entered-in-error", "stopped", "rejected"})
"""Statuses of a request that is not to be carried out, whatever it says."""

REQUESTS = ("MedicationRequest", "ServiceRequest", "Task")


class Kind(Enum):
    """What is done with an item: a drug on a day, a drug from a day on, a thing to do, days kept free, a decision."""

    DOSE = "dose"
    COURSE = "course"
    PROCEDURE = "procedure"
    VISIT = "visit"
    REST = "rest"
    TAPER = "taper"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a plan says.

    `day` is the protocol's own (`D-13`, `D+6`), empty where it counts by months or gives no date; `last` is there for
    what has an end. `mg` is one dose, `doses` how many a day; None where the plan gives none. `gate` is the condition
    that must hold first, in words; `text` the order's own words; `follows` the reference of what a taper ends. `begun`
    and `over`: the first and the last day of a taper, as a person confirmed them; `against`: that it began against the
    protocol, and why.
    """

    reference: str
    action: str
    kind: Kind
    title: str
    day: str = ""
    first: date | None = None
    last: date | None = None
    drug: str = ""
    mg: Decimal | None = None
    doses: int | None = None
    route: str = ""
    gate: str = ""
    text: str = ""
    follows: str = ""
    status: str = ""
    begun: date | None = None
    over: date | None = None
    against: str = ""


def read(resources: Iterable[Resource], *, withdrawn: bool = False) -> tuple[Item, ...]:
    """Every item that is to be carried out (or, `withdrawn`, that no longer is), in the order of the RequestGroup; what
    it does not name comes last.
    """
    held = list(resources)
    named_by = _by_request(held)
    requests = {_reference(one): one for one in held if one["resourceType"] in REQUESTS}
    named = [*(ref for ref in named_by if ref in requests), *(ref for ref in requests if ref not in named_by)]
    wanted = ((ref, requests[ref]) for ref in named if (requests[ref].get("status") in WITHDRAWN) is withdrawn)
    tapered = {one["focus"]["reference"] for one in held if one["resourceType"] == "Task" and "focus" in one}
    return tuple(
        item for ref, request in wanted for item in _items(ref, request, named_by.get(ref, {}), ref in tapered)
    )


def as_people_write(day: str) -> str:
    """`D+3` for the `D3` of an identifier; any other day as it is."""
    return f"D+{day[1:]}" if day[1:].isdigit() and day != "D0" else day


def _by_request(resources: Sequence[Resource]) -> dict[str, Element]:
    """Leaf actions by the request that they name."""
    groups = (one for one in resources if one["resourceType"] == "RequestGroup")
    found = (leaf for group in groups for leaf in leaves(group["action"]))
    return {leaf["resource"]["reference"]: leaf for leaf in found if "resource" in leaf}


def _items(reference: str, request: Resource, leaf: Element, tapered: bool) -> Iterator[Item]:
    action, day = _action_and_day(request)
    # a column of its own has the day
    title = leaf.get("title", "").removesuffix(f", {day}")
    common = {
        "reference": reference,
        "action": action,
        "day": day,
        "title": title or request.get("description") or _words(request.get("code", {})) or action,
        "gate": _gate(leaf),
        "status": request.get("status", ""),
    }
    match request["resourceType"]:
        case "MedicationRequest":
            yield from _drug(request, common, tapered)
        case "Task":
            yield _task(request, common)
        case _:
            yield _service(request, common)


def _drug(request: Resource, common: Mapping[str, Any], tapered: bool) -> Iterator[Item]:
    """`tapered`: a taper ends it, so that it is a course, which a draft without dates does not show."""
    drug = _words(request.get("medicationCodeableConcept", {}))
    for dosage in request.get("dosageInstruction") or [{}]:
        timing = dosage.get("timing", {})
        repeat = timing.get("repeat", {})
        bounds = repeat.get("boundsPeriod", {})
        # days that are counted out are doses, also where an infusion's minutes or a number a day stand beside them
        dose = "event" in timing or not (tapered or bounds)
        days = [_day(said) for said in timing.get("event", ())] or [_day(bounds.get("start"))]
        for first in days:
            yield Item(
                **common,
                kind=Kind.DOSE if dose else Kind.COURSE,
                drug=drug,
                first=first,
                last=_day(bounds.get("end")),
                mg=_calculated(dosage),
                doses=repeat.get("frequency", 1),
                route=_words(dosage.get("route", {})),
                text=dosage.get("text", ""),
            )


def _task(request: Resource, common: Mapping[str, Any]) -> Item:
    window = request.get("restriction", {}).get("period", {})
    follows = request.get("focus", {}).get("reference", "")
    done = request.get("executionPeriod", {})
    return Item(
        **common,
        kind=Kind.TAPER if follows else Kind.REST,
        first=_day(window.get("start")),
        last=_day(window.get("end")),
        text=_notes(request),
        follows=follows,
        begun=_day(done.get("start")),
        over=_day(done.get("end")),
        against=_words(request.get("businessStatus", {})),
    )


def _service(request: Resource, common: Mapping[str, Any]) -> Item:
    period = request.get("occurrencePeriod", {})
    visit = str(common["action"]).startswith(("visit-", "assay-"))
    return Item(
        **common,
        kind=Kind.VISIT if visit else Kind.PROCEDURE,
        first=_day(request.get("occurrenceDateTime") or period.get("start")),
        last=_day(period.get("end")),
        text=_notes(request),
    )


def _action_and_day(request: Resource) -> tuple[str, str]:
    """Of the request identifier `<course>/<action>/<day>`."""
    _, action, *rest = request["identifier"][0]["value"].split("/")
    return action, as_people_write(rest[0]) if rest else ""


def _calculated(dosage: Element) -> Decimal | None:
    """Milligrams of one dose; the protocol's own amount (`ordered`, mg/kg) is no amount for a patient."""
    for amount in dosage.get("doseAndRate", ()):
        kinds = {coding.get("code") for coding in amount.get("type", {}).get("coding", ())}
        dose = amount.get("doseQuantity", {})
        if "calculated" in kinds and dose.get("code") == "mg":
            return Decimal(dose["value"])
    return None


def _gate(leaf: Element) -> str:
    """Conditions of kind `start`, in words."""
    conditions = (one for one in leaf.get("condition", ()) if one.get("kind") == "start")
    return "; ".join(one["expression"].get("description", "") for one in conditions if "expression" in one)


def _notes(request: Resource) -> str:
    return " ".join(note["text"] for note in request.get("note", ()))


def _words(concept: Element) -> str:
    return str(concept.get("text", ""))


def _day(said: str | None) -> date | None:
    return date.fromisoformat(said[:10]) if said else None


def _reference(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
