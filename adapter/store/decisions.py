"""What people decided about a course that no document of the centre says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from adapter.store.schema import decisions

REDOSE, STOP, TAPER, TAPER_WITHDRAWN = "redose", "stop", "taper", "taper-withdrawn"


@dataclass(frozen=True, slots=True)
class Decision:
    """`kind`: one of the four above; `content`: its facts; `by`: the client that handed it in."""

    course: str
    kind: str
    content: dict[str, Any]
    reason: str
    confirmed_by: str | None
    by: str
    at: datetime


class Decisions:
    """In the order in which they were taken."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, decision: Decision) -> None:
        """Written in the transaction of what it changes."""
        values = {name: getattr(decision, name) for name in Decision.__slots__}
        self._connection.execute(insert(decisions).values(**values))

    def of(self, course: str) -> list[Decision]:
        """Every decision about a course, oldest first."""
        wanted = select(decisions).where(decisions.c.course == course).order_by(decisions.c.id)
        rows = self._connection.execute(wanted)
        return [Decision(*(getattr(row, name) for name in Decision.__slots__)) for row in rows]
