"""What a person decides about a hospital's notifications that could not be read: read them again, or never."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from adapter.errors import NotFound
from adapter.flows import sentence
from adapter.store.lease import PARKED

if TYPE_CHECKING:
    from adapter.store import Store


def reread(store: Store, hospital: str, ids: Collection[int] | None, *, who: str, now: datetime) -> list[int]:
    """Has parked ones of a hospital read again, all of them where `ids` is None; which."""
    with store.transaction() as tx:
        parked = [one.id for one in tx.inbox.listing([PARKED], hospital, whole=False)]
        done = tx.inbox.reread([one for one in parked if ids is None or one in ids], now)
        for id_ in done:
            tx.audit.add(at=now, who=who, action="reread-notification", target=_named(id_), centre=None)
    return done


def ignore(store: Store, hospital: str, id_: int, reason: str, *, who: str, now: datetime) -> None:
    """Never reads it. Raises NotFound where it is not there, or not parked; Invalid without a reason."""
    reason = sentence.required(reason, "reason", "say why")
    with store.transaction() as tx:
        if id_ not in {one.id for one in tx.inbox.listing([PARKED], hospital, whole=False)}:
            raise NotFound(f"{hospital} has no parked notification {id_}")
        tx.inbox.ignore(id_, now)
        target = _named(id_)
        tx.audit.add(at=now, who=who, action="ignore-notification", target=target, centre=None, detail=reason)


def _named(id_: int) -> str:
    return f"notification/{id_}"
