"""What people at the machine look at and take out is in the audit, as what goes out by HTTP is.

What is whole before it is shown is one entry with its number. What is written piece by piece is an entry before and one
when it is done; an export without its end did not come to it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from adapter.trail import journal

if TYPE_CHECKING:
    from adapter.store import Store

OPERATOR = "operator"
"""Who the audit names where no client called: the person at the machine."""

READ, EXPORT, DONE = "read", "export", "export-done"


def taken_out(store: Store, what: str, now: datetime, detail: str, *, who: str = OPERATOR) -> None:
    """`what` is about to be taken out of the store."""
    _note(store, EXPORT, what, now, detail, who)


def done(store: Store, what: str, now: datetime, count: int, of: str, *, who: str = OPERATOR) -> None:
    """So many of them were."""
    _note(store, DONE, what, now, f"{count} {of}", who)


def looked_at(store: Store, what: str, now: datetime, count: int, of: str, *, who: str = OPERATOR) -> None:
    """`what`, so many of them, is about to be shown to a person or a program at the machine."""
    _note(store, READ, what, now, f"{count} {of}", who)


def _note(store: Store, action: str, what: str, now: datetime, detail: str, who: str) -> None:
    with store.transaction() as tx:
        tx.audit.add(at=now, who=who, action=action, target=what, centre=None, detail=detail)
    # what was read may be a course, whose id can be guessed from its patient; who it was stands in the audit
    told = {} if action == READ else {"what": what}
    journal.note("access" if action == READ else action, role=OPERATOR, **told)
