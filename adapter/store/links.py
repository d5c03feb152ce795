"""Under which id a hospital knows the patient of a course."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, insert, select, update

from adapter.store.schema import links


class Links:
    """One hospital Patient for each hospital and course."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, hospital: str, course: str) -> str | None:
        """Reference of the hospital's Patient (`Patient/abc`), None while it is not known."""
        found: str | None = self._connection.scalar(select(links.c.patient).where(_of(hospital, course)))
        return found

    def courses_of(self, hospital: str, patient: str) -> list[str]:
        """Courses whose patient a hospital knows by this reference (`Patient/abc`)."""
        wanted = select(links.c.course).where(links.c.hospital == hospital, links.c.patient == patient)
        return list(self._connection.scalars(wanted.order_by(links.c.course)))

    def put(self, hospital: str, course: str, patient: str) -> None:
        """Sets or changes the reference."""
        changed = self._connection.execute(update(links).where(_of(hospital, course)).values(patient=patient))
        if not changed.rowcount:
            self._connection.execute(insert(links).values(hospital=hospital, course=course, patient=patient))


def _of(hospital: str, course: str) -> ColumnElement[bool]:
    return (links.c.hospital == hospital) & (links.c.course == course)
