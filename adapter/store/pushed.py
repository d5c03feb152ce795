"""FHIR resources that a centre's own system pushed, as far as they were understood: one for each resource."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from adapter.store import schema
from adapter.store.submissions import RECORDED, Submission, Submissions


class Pushed(Submissions):
    """Kept by type and id of the resource. What it read of a course it reads once, until something is written."""

    table = schema.pushed

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._read: dict[str, list[Submission]] = {}

    def ever_of_course(self, course: str) -> list[Submission]:
        """Newest versions of everything of a course, taken back or not, in the order of their keys."""
        if course not in self._read:
            columns = self.table.c
            wanted = select(self.table).where((columns.course == course) & columns.current)
            self._read[course] = self._all(wanted.order_by(columns.key))
        return list(self._read[course])

    def of_course(self, course: str) -> list[Submission]:
        """Those that hold."""
        return [one for one in self.ever_of_course(course) if one.status == RECORDED]

    def _add(self, known: Row[Any] | None, *rest: Any, **values: Any) -> Submission:
        self._read.clear()
        return super()._add(known, *rest, **values)
