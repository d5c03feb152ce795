"""Enrolments as they were sent: one for each patient of a centre."""

from __future__ import annotations

from adapter.store import schema
from adapter.store.submissions import Submission, Submissions


class Enrolments(Submissions):
    """Kept by centre and patient."""

    table = schema.enrolments

    def of(self, centre: str, patient: str) -> Submission | None:
        """The enrolment of a patient, by the centre's own number."""
        return self._one((self.table.c.centre == centre) & (self.table.c.patient == patient))
