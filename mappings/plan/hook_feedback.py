"""What became of cards, as an EHR reports it (CDS Hooks 2.0.1, feedback)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mappings.plan.elements import element, elements, text
from mappings.r4.build import Element
from mappings.r4.faults import Fault, FaultyInput

OUTCOMES = ("accepted", "overridden")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})")


@dataclass(frozen=True, slots=True)
class Feedback:
    """`reason`: `system|code` of an override reason; `comment`: the user's own words."""

    card: str
    outcome: str
    at: str
    suggestions: tuple[str, ...] = ()
    reason: str | None = None
    comment: str | None = None


def read(document: Any) -> tuple[Feedback, ...]:
    """Every entry. Raises FaultyInput with the path of every fault; then none of them was taken."""
    entries = element(document).get("feedback")
    if not isinstance(entries, list) or not entries:
        raise FaultyInput([Fault("feedback", "is a list of at least one entry", "required")])
    faults = [fault for place, one in enumerate(entries) for fault in _faults(element(one), f"feedback[{place}]")]
    if faults:
        raise FaultyInput(faults)
    return tuple(map(_feedback, entries))


def _faults(said: Element, at: str) -> Iterator[Fault]:
    if not text(said.get("card")):
        yield Fault(f"{at}.card", "is the uuid of a card", "required")
    if said.get("outcome") not in OUTCOMES:
        yield Fault(f"{at}.outcome", f"is one of {', '.join(OUTCOMES)}", "code-invalid")
    if not _is_instant(text(said.get("outcomeTimestamp"))):
        yield Fault(f"{at}.outcomeTimestamp", "is a moment: 2026-03-02T08:00:00Z", "value")
    accepted = elements(said.get("acceptedSuggestions"))
    if said.get("outcome") == "accepted" and not (accepted and all(text(one.get("id")) for one in accepted)):
        yield Fault(f"{at}.acceptedSuggestions", "names each suggestion that was accepted", "required")
    if "overrideReason" in said and not isinstance(said["overrideReason"], dict):
        yield Fault(f"{at}.overrideReason", "is an object", "structure")


def _is_instant(said: str) -> bool:
    try:
        return bool(_INSTANT.fullmatch(said) and datetime.fromisoformat(said.upper().replace("Z", "+00:00")))
    except ValueError:
        return False


def _feedback(said: Element) -> Feedback:
    why = element(said.get("overrideReason"))
    reason = element(why.get("reason"))
    return Feedback(
        card=said["card"],
        outcome=said["outcome"],
        at=said["outcomeTimestamp"],
        suggestions=tuple(text(one.get("id")) for one in elements(said.get("acceptedSuggestions"))),
        reason=f"{text(reason.get('system'))}|{text(reason.get('code'))}" if reason else None,
        comment=text(why.get("userComment")) or None,
    )
