"""What was signed, by whom, and what ended it: rows are added, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from adapter.store.schema import validations

SIGNED, WITHDRAWN, LAPSED = "signed", "withdrawn", "lapsed"


@dataclass(frozen=True, slots=True)
class Event:
    """One row. `deed`: signed or withdrawn by a person, or lapsed because the plan became another one (`digest`)."""

    at: datetime
    course: str
    deed: str
    digest: str
    name: str | None = None
    role: str | None = None
    by: str | None = None
    reason: str | None = None


class Validations:
    """The signatures of each course, in the order in which they came."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, event: Event) -> None:
        """Written in the transaction of the deed itself."""
        row = {name: getattr(event, name) for name in Event.__slots__}
        self._connection.execute(insert(validations).values(**row))

    def of(self, course: str) -> list[Event]:
        """Everything of one course, oldest first."""
        rows = self._connection.execute(
            select(validations).where(validations.c.course == course).order_by(validations.c.id)
        )
        return [Event(*(getattr(row, name) for name in Event.__slots__)) for row in rows]

    def holding(self, course: str) -> list[Event]:
        """The signatures that nothing has ended: those after the last row that is none."""
        found: list[Event] = []
        for event in self.of(course):
            found = [*found, event] if event.deed == SIGNED else []
        return found
