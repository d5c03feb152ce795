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

    def listing(
        self,
        *,
        centre: str | None = None,
        who: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[Deed]:
        """The newest deeds that are all of this, newest first, at most `limit`. None: whatever it is."""
        same = {"centre": centre, "who": who, "action": action}
        wanted = select(audit).where(*(audit.c[name] == value for name, value in same.items() if value is not None))
        if since is not None:
            wanted = wanted.where(audit.c.at >= since)
        rows = self._connection.execute(wanted.order_by(audit.c.id.desc()).limit(limit))
        return [Deed(*(getattr(row, name) for name in Deed.__slots__)) for row in rows]

    def of(self, target: str) -> list[Deed]:
        """Everything done to one document."""
        rows = self._connection.execute(select(audit).where(audit.c.target == target).order_by(audit.c.id))
        return [Deed(*(getattr(row, name) for name in Deed.__slots__)) for row in rows]
