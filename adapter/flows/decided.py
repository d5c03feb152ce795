"""What people decided about the tapers of a course, as it stands after all their decisions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from adapter.store.decisions import TAPER, TAPER_WITHDRAWN, Decision
from mappings.plan.tapered import Confirmed


def tapers(decisions: Iterable[Decision]) -> dict[str, Confirmed]:
    """Confirmed tapers by their keys; `decisions`: of one course, oldest first. What was taken back is not there."""
    found: dict[str, Confirmed] = {}
    for one in decisions:
        if one.kind == TAPER:
            found[one.content["action"]] = _confirmed(one, found.get(one.content["action"]))
        elif one.kind == TAPER_WITHDRAWN:
            found.pop(one.content["action"], None)
    return found


def _confirmed(one: Decision, begun: Confirmed | None) -> Confirmed:
    """`begun`: what was said of its begin before, which stays beside what is said of its end."""
    said, by = one.content, one.confirmed_by or one.by
    last = date.fromisoformat(said["last_day"]) if "last_day" in said else None
    if begun:
        why = f"{begun.why} Over, confirmed by {by}. {one.reason}"
        return Confirmed(begun.first, last, begun.by, why, begun.deviation)
    return Confirmed(date.fromisoformat(said["first_day"]), last, by, one.reason, said.get("deviation"))
