"""Doses that a hospital's own record tells of, each by its MedicationAdministration there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select

from adapter.store import upsert
from adapter.store.schema import hospital_doses


@dataclass(frozen=True, slots=True)
class HospitalDose:
    """`action` and `day` of our order (`thiotepa`, `D-13`; or no day); `given`: a FHIR Quantity."""

    hospital: str
    id: str
    course: str
    action: str
    day: str | None
    date: str
    given: dict[str, Any] | None
    at: datetime


class HospitalDoses:
    """The newest word on each."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, dose: HospitalDose) -> None:
        """In place of what was known of this administration."""
        upsert.put(self._connection, hospital_doses, [{name: getattr(dose, name) for name in HospitalDose.__slots__}])

    def remove(self, hospital: str, id_: str) -> str | None:
        """What is gone, not done or entered in error was no dose. The course that had it, None where none did."""
        course: str | None = self._connection.scalar(select(hospital_doses.c.course).where(_one(hospital, id_)))
        self._connection.execute(delete(hospital_doses).where(_one(hospital, id_)))
        return course

    def of(self, course: str) -> list[HospitalDose]:
        """Every dose of a course, by its date."""
        wanted = select(hospital_doses).where(hospital_doses.c.course == course)
        rows = self._connection.execute(wanted.order_by(hospital_doses.c.date, hospital_doses.c.id))
        return [HospitalDose(*(getattr(row, name) for name in HospitalDose.__slots__)) for row in rows]


def _one(hospital: str, id_: str) -> ColumnElement[bool]:
    return (hospital_doses.c.hospital == hospital) & (hospital_doses.c.id == id_)
