"""Forms of visits that a person has begun and not sent: one for each visit of a patient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from adapter.store.schema import drafts


@dataclass(frozen=True, slots=True)
class Draft:
    """`fields` as the form has them, by name; `by`: the account that saved them."""

    course: str
    visit: str
    fields: dict[str, str]
    by: str
    at: datetime


class Drafts:
    """Whoever saves last is whose draft it is; nothing else is made from one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, course: str, visit: str) -> Draft | None:
        """The draft of one visit."""
        row = self._connection.execute(select(drafts).where(*_which(course, visit))).one_or_none()
        return Draft(*(getattr(row, name) for name in Draft.__slots__)) if row else None

    def visits(self, course: str) -> tuple[str, ...]:
        """Visits of a course of which there is a draft."""
        wanted = select(drafts.c.visit).where(drafts.c.course == course).order_by(drafts.c.visit)
        return tuple(self._connection.scalars(wanted))

    def save(self, draft: Draft) -> None:
        """Keeps it in place of the one before."""
        self.drop(draft.course, draft.visit)
        values = {name: getattr(draft, name) for name in Draft.__slots__}
        self._connection.execute(insert(drafts).values(**values))

    def drop(self, course: str, visit: str) -> None:
        """Forgets it, where there is one."""
        self._connection.execute(delete(drafts).where(*_which(course, visit)))


def _which(course: str, visit: str) -> tuple[ColumnElement[bool], ...]:
    return drafts.c.course == course, drafts.c.visit == visit
