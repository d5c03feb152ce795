"""Under which id a hospital knows the patient of a course."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, Connection, select

from adapter.store import upsert
from adapter.store.schema import links


class Links:
    """One hospital Patient for each hospital and course."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, hospital: str, course: str) -> str | None:
        """Reference of the hospital's Patient (`Patient/abc`), None while it is not known."""
        found: str | None = self._connection.scalar(select(links.c.patient).where(_of(hospital, course)))
        return found

    def of(self, hospital: str, courses: Collection[str]) -> dict[str, str]:
        """The same for several courses, as far as it is known."""
        wanted = select(links.c.course, links.c.patient).where(links.c.hospital == hospital)
        rows = self._connection.execute(wanted.where(links.c.course.in_(courses)))
        return {row.course: row.patient for row in rows}

    def courses_of(self, hospital: str, patient: str) -> list[str]:
        """Courses whose patient a hospital knows by this reference (`Patient/abc`)."""
        wanted = select(links.c.course).where(links.c.hospital == hospital, links.c.patient == patient)
        return list(self._connection.scalars(wanted.order_by(links.c.course)))

    def patients(self, hospital: str) -> frozenset[str]:
        """References of every Patient of ours that a hospital knows."""
        return frozenset(self._connection.scalars(select(links.c.patient).where(links.c.hospital == hospital)))

    def put(self, hospital: str, course: str, patient: str) -> None:
        """Sets or changes the reference."""
        self.put_all(hospital, {course: patient})

    def put_all(self, hospital: str, patients: Mapping[str, str]) -> None:
        """The same for several courses: references by course."""
        rows = [{"hospital": hospital, "course": course, "patient": patient} for course, patient in patients.items()]
        upsert.put(self._connection, links, rows)


def _of(hospital: str, course: str) -> ColumnElement[bool]:
    return (links.c.hospital == hospital) & (links.c.course == course)
