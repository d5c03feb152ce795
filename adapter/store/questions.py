"""What a hospital says of a patient that only people can judge: asked once, answered with a reason or lapsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from adapter.errors import NotFound
from adapter.store import lease
from adapter.store.schema import questions

OPEN, ANSWERED, LAPSED = "open", "answered", "lapsed"


@dataclass(frozen=True, slots=True)
class Question:
    """`about`: the hospital's resource; `kind`: deceased, merged or gone; `content`: what it says there.

    `state`: open; answered by `who` with an `answer`; or lapsed, because the hospital says so no more.
    """

    id: int
    hospital: str
    course: str
    about: str
    kind: str
    content: dict[str, Any]
    state: str
    at: datetime
    who: str | None
    answer: str | None
    ended: datetime | None


class Questions:
    """One for each thing that a hospital says; asked again only when it says something else."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def settle(
        self, hospital: str, course: str, about: str, standing: Mapping[str, dict[str, Any]], at: datetime
    ) -> None:
        """`standing`: everything that is to be asked about a resource now, by kind. The rest lapses."""
        lease.hold(self._connection, f"questions {hospital} {course}")  # asked once, however many heard of it
        known = {one.kind: one for one in self._of(hospital, course, about) if one.state != LAPSED}
        for kind, one in known.items():
            if standing.get(kind) != one.content:
                lapsed = update(questions).where(questions.c.id == one.id).values(state=LAPSED, ended=at)
                self._connection.execute(lapsed)
        for kind, content in standing.items():
            if kind not in known or known[kind].content != content:
                row = {"hospital": hospital, "course": course, "about": about, "kind": kind, "content": content}
                self._connection.execute(insert(questions).values(**row, state=OPEN, at=at))

    def answer(self, id_: int, *, who: str, answer: str, at: datetime) -> Question:
        """A person has decided. Raises NotFound where no such question is open."""
        found = self._connection.execute(select(questions).where(questions.c.id == id_)).one_or_none()
        # asked of the row itself once more: on PostgreSQL two people may answer at once, and the first word counts
        still = (questions.c.id == id_) & (questions.c.state == OPEN)
        change = update(questions).where(still).values(state=ANSWERED, ended=at, who=who, answer=answer)
        if found is None or not self._connection.execute(change).rowcount:
            raise NotFound(f"there is no open question {id_}")
        return _question(found)

    def open_of(self, courses: list[str] | None = None) -> list[Question]:
        """What nobody has answered, the oldest first; of these courses, None: of all."""
        wanted = select(questions).where(questions.c.state == OPEN).order_by(questions.c.id)
        found = [_question(row) for row in self._connection.execute(wanted)]
        return found if courses is None else [one for one in found if one.course in set(courses)]

    def counts(self) -> dict[str, int]:
        """How many are open, of each kind that occurs."""
        number = func.count().label("number")
        counted = select(questions.c.kind, number).where(questions.c.state == OPEN).group_by(questions.c.kind)
        return {row.kind: row.number for row in self._connection.execute(counted.order_by(questions.c.kind))}

    def _of(self, hospital: str, course: str, about: str) -> list[Question]:
        columns = questions.c
        mine = (columns.hospital == hospital) & (columns.course == course) & (columns.about == about)
        return [_question(row) for row in self._connection.execute(select(questions).where(mine).order_by(columns.id))]


def _question(row: Row[Any]) -> Question:
    return Question(**{name: getattr(row, name) for name in Question.__slots__})
