"""What each hospital was last given of each resource, and what was found out about the hospital by trying."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select

from adapter.store import upsert
from adapter.store.schema import sent, traits

MOST_NAMES = 400
"""Resources of one question: SQLite's limit of bound values is some thousand."""


@dataclass(frozen=True, slots=True)
class Given:
    """One resource as a destination has it from us.

    `there`: its id at the destination. `hash`: of what was sent. `version`: which version that became there, None where
    the destination does not say.
    """

    kind: str
    id: str
    there: str
    hash: str
    version: str | None

    @property
    def reference(self) -> str:
        """By our own id."""
        return f"{self.kind}/{self.id}"


class Sent:
    """One row for each destination and resource, and a few words about each destination."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def known(self, destination: str, names: Iterable[tuple[str, str]]) -> dict[str, Given]:
        """What the destination has of these (type, id), by reference."""
        wanted = sorted(set(names))
        found: dict[str, Given] = {}
        for begin in range(0, len(wanted), MOST_NAMES):
            these = set(wanted[begin : begin + MOST_NAMES])
            # kinds and ids apart, which is half the work of naming them in pairs; ids are of one resource anyway
            kinds, ids = {kind for kind, _ in these}, [id_ for _, id_ in these]
            named = (sent.c.destination == destination) & sent.c.kind.in_(kinds) & sent.c.id.in_(ids)
            rows = self._connection.execute(select(sent).where(named))
            found |= {
                f"{row.kind}/{row.id}": Given(row.kind, row.id, row.there, row.hash, row.version)
                for row in rows
                if (row.kind, row.id) in these
            }
        return found

    def put(self, destination: str, given: Iterable[Given], at: datetime) -> None:
        """Keeps what the destination has now."""
        rows = list({one.reference: one for one in given}.values())
        upsert.put(self._connection, sent, [{"destination": destination, "at": at, **_values(one)} for one in rows])

    def forget(self, destination: str, names: Iterable[tuple[str, str]]) -> None:
        """The destination does not have these (type, id) as we thought: they are sent as if for the first time."""
        for kind, id_ in names:
            mine = (sent.c.destination == destination) & (sent.c.kind == kind) & (sent.c.id == id_)
            self._connection.execute(delete(sent).where(mine))

    def trait(self, destination: str, name: str) -> str | None:
        """What was found out, None while it was not tried."""
        found: str | None = self._connection.scalar(select(traits.c.value).where(_trait(destination, name)))
        return found

    def take(self, destination: str, name: str) -> str | None:
        """What was found out, which is then forgotten: of several who ask at once one is told."""
        gone = delete(traits).where(_trait(destination, name)).returning(traits.c.value)
        found: str | None = self._connection.scalar(gone)
        return found

    def learn(self, destination: str, name: str, value: str) -> None:
        """Keeps what was found out."""
        upsert.put(self._connection, traits, [{"destination": destination, "name": name, "value": value}])


def _values(one: Given) -> Mapping[str, Any]:
    return {"kind": one.kind, "id": one.id, "there": one.there, "hash": one.hash, "version": one.version}


def _trait(destination: str, name: str) -> ColumnElement[bool]:
    return (traits.c.destination == destination) & (traits.c.name == name)
