"""Enrolments as they were sent: one for each patient of a centre."""

from __future__ import annotations

from sqlalchemy import select

from adapter.store import schema
from adapter.store.submissions import RECORDED, Submission, Submissions


class Enrolments(Submissions):
    """Kept by centre and patient."""

    table = schema.enrolments

    def of(self, centre: str, patient: str) -> Submission | None:
        """The enrolment of a patient, by the centre's own number."""
        return self._one((self.table.c.centre == centre) & (self.table.c.patient == patient))

    def of_centre(self, centre: str) -> list[Submission]:
        """Newest versions of what holds for a centre, by the patient's number."""
        columns = self.table.c
        holds = (columns.centre == centre) & columns.current & (columns.status == RECORDED)
        return self._all(select(self.table).where(holds).order_by(columns.patient))
