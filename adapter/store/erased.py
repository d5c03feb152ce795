"""What was erased, under the pseudonyms by which a recipient knew it, so that it can be told that it is gone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, insert, select

from adapter.store import settled
from adapter.store.erased_schema import erased

ERASED = "the patient was erased"
"""Source of a delivery of who was erased since, and its error where it was not sent, or what it said is gone."""

Name = tuple[str, str]
"""(type, pseudonym)."""


class Erased:
    """By recipient. Rows are added, never changed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, recipient: str, place: str, names: Iterable[Name], at: datetime) -> None:
        """Of one course, whose pseudonym is `place`."""
        settled.hold(self._connection)
        rows = {"recipient": recipient, "place": place, "at": settled.dated(self._connection, at)}
        if values := [rows | {"kind": kind, "pseudonym": name} for kind, name in names]:
            self._connection.execute(insert(erased), values)

    def since(self, recipient: str, since: datetime, until: datetime | None = None) -> list[tuple[str, Name]]:
        """What was erased then or later, and not after `until`, with the pseudonym of its course."""
        wanted = select(erased.c.place, erased.c.kind, erased.c.pseudonym).distinct()
        wanted = wanted.where(erased.c.recipient == recipient, erased.c.at >= since)
        if until:
            wanted = wanted.where(erased.c.at <= until)
        order = (erased.c.place, erased.c.kind, erased.c.pseudonym)
        return [(row.place, (row.kind, row.pseudonym)) for row in self._connection.execute(wanted.order_by(*order))]
