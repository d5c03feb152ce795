"""FHIR resources that a centre's own system pushed, as far as they were understood: one for each resource."""

from __future__ import annotations

from sqlalchemy import select

from adapter.store import schema
from adapter.store.submissions import Submission, Submissions


class Pushed(Submissions):
    """Kept by type and id of the resource."""

    table = schema.pushed

    def ever_of_course(self, course: str) -> list[Submission]:
        """Newest versions of everything of a course, taken back or not, in the order of their keys."""
        columns = self.table.c
        wanted = select(self.table).where((columns.course == course) & columns.current)
        return self._all(wanted.order_by(columns.key))
