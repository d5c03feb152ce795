"""When a centre last handed something in about each of its patients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, union_all

from adapter.store.schema import enrolments, follow_ups, pushed


@dataclass(frozen=True, slots=True)
class LastTold:
    """`patient`: the centre's own number. `at`: its newest document, correction or retraction, of whatever kind."""

    course: str
    patient: str
    at: datetime


def last_told(connection: Connection, centre: str, course: str | None = None) -> list[LastTold]:
    """Of each course of a centre, or of one; who was told of longest ago first."""
    tables = (enrolments, follow_ups, pushed)
    told = union_all(
        *(
            select(table.c.course, table.c.patient, table.c.at).where(
                table.c.centre == centre, *([table.c.course == course] if course else [])
            )
            for table in tables
        )
    ).subquery()
    newest = func.max(told.c.at)
    wanted = select(told.c.course, told.c.patient, newest.label("at")).group_by(told.c.course, told.c.patient)
    rows = connection.execute(wanted.order_by(newest, told.c.course))
    return [LastTold(row.course, row.patient, row.at) for row in rows]
