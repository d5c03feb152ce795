"""What people at the machine take out is in the audit, as what goes out by HTTP is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from adapter.flows.course import OPERATOR
from adapter.trail import journal

if TYPE_CHECKING:
    from adapter.store import Store


def taken_out(store: Store, what: str, now: datetime, detail: str) -> None:
    """`what` was taken out of the store: an entry with the action export."""
    with store.transaction() as tx:
        tx.audit.add(at=now, who=OPERATOR, action="export", target=what, centre=None, detail=detail)
    journal.note("export", caller=OPERATOR, what=what)
