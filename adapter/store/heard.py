"""How far the numbered notifications (R5 Backport) of each Subscription have come, and when it spoke last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select

from adapter.store import lease
from adapter.store.schema import hospital_subscriptions


@dataclass(frozen=True, slots=True)
class Heard:
    """`last`: the highest event number up to which nothing is missing; `heartbeat_seconds`: the longest silence."""

    hospital: str
    subscription: str
    last: int | None
    said: str
    status: str | None
    heartbeat_seconds: int | None
    at: datetime

    def is_silent(self, now: datetime) -> bool:
        """Has it said nothing for longer than it promised?"""
        return self.heartbeat_seconds is not None and now - self.at > timedelta(seconds=self.heartbeat_seconds)


class HeardOf:
    """One row for each Subscription from which a numbered notification ever came."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, hospital: str, subscription: str) -> Heard | None:
        """How far it has come."""
        wanted = select(hospital_subscriptions).where(_one(hospital, subscription))
        row = self._connection.execute(wanted).one_or_none()
        return _heard(row) if row else None

    def put(self, heard: Heard) -> None:
        """Keeps what was heard. Notifications come in any order: only a handshake, which begins anew, counts back."""
        lease.hold(self._connection, f"heard/{heard.hospital}/{heard.subscription}")
        known = self.get(heard.hospital, heard.subscription)
        if known and known.at > heard.at:
            heard = replace(heard, at=known.at, said=known.said, status=known.status)
        if known:
            begins = heard.said == "handshake" and heard.at >= known.at
            numbers = [one for one in (None if begins else known.last, heard.last) if one is not None]
            beat = known.heartbeat_seconds if heard.heartbeat_seconds is None else heard.heartbeat_seconds
            heard = replace(heard, last=max(numbers, default=None), heartbeat_seconds=beat)
        self._connection.execute(delete(hospital_subscriptions).where(_one(heard.hospital, heard.subscription)))
        values = {name: getattr(heard, name) for name in Heard.__slots__}
        self._connection.execute(insert(hospital_subscriptions).values(**values))

    def of(self, hospital: str) -> list[Heard]:
        """Every one of a hospital."""
        wanted = select(hospital_subscriptions).where(hospital_subscriptions.c.hospital == hospital)
        return [_heard(row) for row in self._connection.execute(wanted.order_by(hospital_subscriptions.c.subscription))]


def _one(hospital: str, subscription: str) -> ColumnElement[bool]:
    columns = hospital_subscriptions.c
    return (columns.hospital == hospital) & (columns.subscription == subscription)


def _heard(row: Row[Any]) -> Heard:
    return Heard(**{name: getattr(row, name) for name in Heard.__slots__})
