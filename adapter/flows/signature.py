"""Does what was signed still stand? Asked whenever a regimen is stored, so that no change slips under a signature."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from adapter.store.validations import LAPSED, Event
from mappings.plan import signature
from mappings.r4.build import Resource

if TYPE_CHECKING:
    from adapter.store import Tx


def upheld(tx: Tx, standing: Mapping[str, Resource], *, course: str, now: datetime) -> dict[str, Resource]:
    """The whole plan as it will stand, by reference, with the statuses that its signatures give it.

    It is live while its doses and dates are those that were signed. The first change ends the signatures for good:
    going back to what was signed once asks again.
    """
    holding = tx.validations.holding(course)
    if not holding:
        return dict(standing)
    digest = signature.digest(standing.values())
    if digest != holding[-1].digest:
        tx.validations.add(Event(now, course, LAPSED, digest))
        return dict(standing)
    return dict(zip(standing, signature.signed(list(standing.values())), strict=True))
