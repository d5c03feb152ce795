"""Tapers that a person confirmed: from the first day of one on the full dose is over, and its Task tells who said so.

The steps of a taper are the centre's, so nothing here gives an amount; what was given before stays as it was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from mappings.plan import dosage, gate_status
from mappings.plan.revision import Plan, name_of, reference_of, unversioned
from mappings.r4.build import Element, Resource

_CALLED_OFF = ("cancelled", "stopped")


@dataclass(frozen=True, slots=True)
class Confirmed:
    """`first`: the first day below the full dose; `last`: the last day of the taper, None while it goes on.

    `by`: who confirmed it; `why`: in words, with how its gate stood; `deviation`: why it began against its gate.
    """

    first: date
    last: date | None
    by: str
    why: str
    deviation: str | None = None


def tapered(standing: Sequence[Resource], before: Plan, confirmed: Mapping[str, Confirmed]) -> list[Resource]:
    """The plan about to be stored, with what was confirmed of its tapers, by their keys. `before`: as it is stored."""
    ended: dict[str, Confirmed] = {}
    out = []
    for one in standing:
        said = confirmed.get(name_of(one)[0]) if one["resourceType"] == "Task" else None
        if said is None or one.get("status") in _CALLED_OFF:
            out.append(one)
            continue
        ended[one["focus"]["reference"]] = said
        out.append(one | _carried_out(said))
    return [_ended(one, before, ended[ref]) if (ref := reference_of(one)) in ended else one for one in out]


def last_full_day(said: Confirmed) -> date:
    """The day before the taper begins."""
    return said.first - timedelta(days=1)


def _carried_out(said: Confirmed) -> Element:
    period = {"start": said.first.isoformat()} | ({"end": said.last.isoformat()} if said.last else {})
    return {
        "status": "completed" if said.last else "in-progress",
        "statusReason": {"text": f"Confirmed by {said.by}. {said.why}"},
        **({"businessStatus": {"text": gate_status.against(said.deviation)}} if said.deviation else {}),
        "executionPeriod": period,
    }


def _ended(order: Resource, before: Plan, said: Confirmed) -> Resource:
    """The full dose as it was to its last day. What ended so before is not dosed anew."""
    if order.get("status") in _CALLED_OFF:
        return order
    end = last_full_day(said).isoformat()
    stored = before.get(reference_of(order))
    if stored is not None and stored.get("status") == "completed" and _end(stored) == end:
        return unversioned(stored)
    why = f"Full dose until {end}: tapered from {said.first}, confirmed by {said.by}"
    if said.deviation:
        why += f". {gate_status.against(said.deviation)}"
    return order | {
        "status": "completed",
        "statusReason": {"text": why},
        "dosageInstruction": [_until(one, end) for one in order["dosageInstruction"]],
    }


def _until(said: Element, end: str) -> Element:
    repeat = said["timing"]["repeat"]
    bounded = repeat | {"boundsPeriod": repeat.get("boundsPeriod", {}) | {"end": end}}
    text = said["text"].replace(dosage.UNTIL_TAPER, f"until {end}, then tapered")
    return said | {"text": text, "timing": said["timing"] | {"repeat": bounded}}


def _end(order: Resource) -> str | None:
    (said,) = order["dosageInstruction"]
    end: str | None = said["timing"]["repeat"].get("boundsPeriod", {}).get("end")
    return end
