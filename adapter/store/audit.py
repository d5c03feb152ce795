"""Who did what to which document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from adapter.store.schema import audit


@dataclass(frozen=True, slots=True)
class Deed:
    """`who`: name of the client; `action`: a verb; `target`: id of the document; `detail`: a reason."""

    at: datetime
    who: str
    action: str
    target: str
    centre: str | None
    detail: str | None


class Audit:
    """Deeds in the order in which they were done."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self, *, at: datetime, who: str, action: str, target: str, centre: str | None, detail: str | None = None
    ) -> None:
        """Written in the transaction of the deed itself, so that neither is there without the other."""
        deed = {"at": at, "who": who, "action": action, "target": target, "centre": centre, "detail": detail}
        self._connection.execute(insert(audit).values(**deed))

    def of(self, target: str) -> list[Deed]:
        """Everything done to one document."""
        rows = self._connection.execute(select(audit).where(audit.c.target == target).order_by(audit.c.id))
        return [Deed(*(getattr(row, name) for name in Deed.__slots__)) for row in rows]
