"""What a pharmacist or physician signs, as one short digest; what signing changes; and the Provenance of it.

The digest is over doses and dates and nothing else: a corrected title does not ask for a new signature, a milligram
does. It is over what is stored, read back, so that it is the same for everybody who can read the plan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from mappings.canonicals import PROVENANCE_PARTICIPANT
from mappings.plan.reading import Item, Kind, read
from mappings.r4.build import Element, Ids, Resource, coding, concept, reference
from mappings.r4.faults import Fault

ROLES = ("pharmacist", "physician")
"""Who may sign a plan."""

_LIVE = {"CarePlan": "active", "RequestGroup": "active", "MedicationRequest": "active", "ServiceRequest": "active"} | {
    "Task": "requested"
}
"""The status of each type of a plan once it is signed; before, all are `draft`."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed what, and when (aware UTC). `number` counts the signatures of one course from 1."""

    number: int
    name: str
    role: str
    at: datetime
    digest: str


def digest(resources: Iterable[Resource]) -> str:
    """SHA-256 in hex of `lines`, joined by line ends."""
    return hashlib.sha256("\n".join(lines(read(resources))).encode()).hexdigest()


def lines(items: Iterable[Item]) -> list[str]:
    """What is signed: `action|day|first date|last date|mg|doses a day|route` of every item, sorted; empty: not given.

    Amounts are written without trailing zeros, because 350.0 mg and 350 mg are one dose.
    """
    return sorted("|".join(map(_said, _parts(item))) for item in items)


def unsigned(resources: Iterable[Resource]) -> list[Fault]:
    """Why the plan cannot be signed yet: each drug without a date or an amount, by its action and day."""
    drugs = [item for item in read(resources) if item.kind in (Kind.DOSE, Kind.COURSE)]
    faults = [] if drugs else [Fault("regimen", "no drug of the plan is dated and dosed yet", "required")]
    for item in drugs:
        place = "/".join(filter(None, (item.action, item.day)))
        if item.first is None:
            faults.append(Fault(place, "has no date", "required"))
        if item.mg is None:
            faults.append(Fault(place, "has no amount: a draft that is not dosed", "required"))
    return faults


def signed(resources: Sequence[Resource]) -> list[Resource]:
    """The same plan after a signature: what is dated, dosed and waits for no gate is no longer a draft."""
    ready = {item.reference for item in read(resources) if _is_ready(item)}
    return [_live(one) if _may_live(one, ready) else one for one in resources]


def drafted(resource: Resource) -> Resource:
    """The same part of a plan as nobody has signed it."""
    live = _LIVE.get(resource["resourceType"])
    return resource | {"status": "draft"} if live and resource.get("status") == live else resource


def provenance(signature: Signature, care_plan: str, ids: Ids) -> Resource:
    """R4 Provenance of a validation. `care_plan` is the signed version, `CarePlan/<id>/_history/<version>`."""
    shown = {"system": ids.canonicals.sid("plan-digest"), "value": signature.digest}
    return {
        "resourceType": "Provenance",
        "id": ids("validation", signature.number),
        "meta": ids.meta("engraft-validation"),
        "target": [reference(care_plan)],
        "recorded": signature.at.isoformat(timespec="seconds"),
        "agent": [_verifier(signature)],
        "entity": [
            {"role": "source", "what": {"identifier": shown, "display": "SHA-256 of the doses and dates shown"}}
        ],
    }


def _verifier(signature: Signature) -> Element:
    return {
        "type": concept(coding(PROVENANCE_PARTICIPANT, "verifier")),
        "role": [concept(text=signature.role)],
        "who": {"display": f"{signature.name}, {signature.role}"},
    }


def _parts(item: Item) -> tuple[object, ...]:
    return (item.action, item.day, item.first, item.last, item.mg, item.doses, item.route)


def _said(part: object) -> str:
    if part is None:
        return ""
    return f"{part.normalize():f}" if isinstance(part, Decimal) else str(part)


def _is_ready(item: Item) -> bool:
    dosed = item.mg is not None or item.kind not in (Kind.DOSE, Kind.COURSE)
    return item.first is not None and dosed and not item.gate


def _may_live(resource: Resource, ready: set[str]) -> bool:
    whole = resource["resourceType"] in ("CarePlan", "RequestGroup")
    named = f"{resource['resourceType']}/{resource['id']}" in ready
    return resource.get("status") == "draft" and (whole or named)


def _live(resource: Resource) -> Resource:
    return resource | {"status": _LIVE[resource["resourceType"]]}
