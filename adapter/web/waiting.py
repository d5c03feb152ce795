"""A delivery as an operator sees it, on the command line and over HTTP: everything but the patient's content."""

from __future__ import annotations

from datetime import datetime

from adapter.store.delivery import Delivery
from adapter.store.outbox import DELIVERED, DISCARDED, UNFINISHED

__all__ = ["STATES", "UNFINISHED", "row"]

STATES = (*UNFINISHED, DELIVERED, DISCARDED)


def row(one: Delivery) -> dict[str, object]:
    """One delivery."""
    return {
        "id": one.id,
        "destination": one.destination,
        "course": one.course,
        "source": one.source,
        "state": one.state,
        "attempts": one.attempts,
        "created": one.created.isoformat(),
        "due": one.due.isoformat(),
        "status": one.status,
        "error": one.error,
        "correlation": one.correlation,
    }


def age(since: datetime, now: datetime) -> str:
    """How long something waits, for a person."""
    seconds = (now - since).total_seconds()
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "less than a minute"
