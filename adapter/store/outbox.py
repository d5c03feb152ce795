"""What is still to be delivered. Written in the transaction of the fact itself, so that neither is without the other.

Order is kept for each patient at each destination: a row waits until every earlier one of the same patient is
delivered or discarded. A parked row holds the later ones back too, because they may build on what it carries: a person
retries or discards it. Other patients pass.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, func, insert, select, update

from adapter.errors import Conflict, NotFound
from adapter.store import lease
from adapter.store.lease import LEASED, PARKED, WAITING
from adapter.store.schema import outbox
from mappings.r4.build import Resource

DELIVERED, DISCARDED = "delivered", "discarded"
LAST_ID = 2**63 - 1
UNFINISHED = (WAITING, LEASED, PARKED)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One change set of one patient for one destination.

    `due`: when it may be tried, or, while leased, when the lease ends. `attempts` counts the leases. `status`, `error`,
    `outcome` (OperationOutcome) are what the other server said last. `source` is the key of the document behind it.
    """

    id: int
    destination: str
    course: str
    state: str
    attempts: int
    created: datetime
    due: datetime
    content: list[Resource]
    status: int | None
    error: str | None
    outcome: Resource | None
    source: str
    worker: str | None = None
    finished: datetime | None = None


class Outbox:
    """Rows are never removed: what was sent stays on record."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, destination: str, course: str, resources: Sequence[Resource], *, source: str, at: datetime) -> int:
        """Queues a change set. Its id, which is also its place in the order."""
        who = {"destination": destination, "course": course, "source": source}
        row = {"state": WAITING, "attempts": 0, "created": at, "due": at, "content": list(resources)}
        added = self._connection.execute(insert(outbox).values(**who, **row).returning(outbox.c.id))
        return int(added.scalar_one())

    def lease(self, worker: str, *, at: datetime, lease_seconds: float) -> Delivery | None:
        """The row that has been due for longest and that no earlier row of its patient holds back."""
        row = lease.claim(self._connection, outbox, worker, at=at, seconds=lease_seconds, free=_unblocked())
        return _delivery(row) if row else None

    def delivered(self, id_: int, worker: str, at: datetime) -> bool:
        """Done. False (here and below): the lease was lost to another worker, whose word counts."""
        return self._settle(id_, worker, state=DELIVERED, finished=at, error=None, status=None, outcome=None)

    def retry(
        self,
        id_: int,
        worker: str,
        *,
        due: datetime,
        error: str,
        status: int | None = None,
        outcome: Resource | None = None,
    ) -> bool:
        """To be tried again at `due`."""
        return self._settle(id_, worker, state=WAITING, due=due, error=error, status=status, outcome=outcome)

    def park(
        self, id_: int, worker: str, *, error: str, status: int | None = None, outcome: Resource | None = None
    ) -> bool:
        """Refused for good: waits for a person."""
        return self._settle(id_, worker, state=PARKED, error=error, status=status, outcome=outcome)

    def requeue(self, ids: Iterable[int], at: datetime) -> list[int]:
        """A person says: try these again now, with a fresh count of attempts. The ids that were waiting or parked."""
        wanted = outbox.c.id.in_([id_ for id_ in ids if id_ <= LAST_ID]) & outbox.c.state.in_((WAITING, PARKED))
        change = update(outbox).where(wanted).values(state=WAITING, due=at, attempts=0)
        return sorted(self._connection.scalars(change.returning(outbox.c.id)))

    def discard(self, id_: int, reason: str, at: datetime) -> None:
        """A person says: never send this. Raises NotFound, or Conflict while it is being sent or after it was."""
        wanted = (outbox.c.id == min(id_, LAST_ID)) & outbox.c.state.in_((WAITING, PARKED))
        change = update(outbox).where(wanted).values(state=DISCARDED, finished=at, error=reason)
        if not self._connection.execute(change).rowcount:
            raise Conflict(f"delivery {id_} is {self.show(id_).state}: only a waiting or parked one can be discarded")

    def show(self, id_: int) -> Delivery:
        """One row. Raises NotFound."""
        wanted = select(outbox).where(outbox.c.id == min(id_, LAST_ID))
        row = self._connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFound(f"there is no delivery {id_}")
        return _delivery(row)

    def listing(self, states: Collection[str] | None = None, *, limit: int | None = None) -> list[Delivery]:
        """Rows in these states (None: all), oldest first, at most `limit`."""
        wanted = select(outbox).order_by(outbox.c.id).limit(limit)
        if states is not None:
            wanted = wanted.where(outbox.c.state.in_(states))
        return [_delivery(row) for row in self._connection.execute(wanted)]

    def for_source(self, course: str, source: str) -> list[Delivery]:
        """What a document of this course caused."""
        wanted = select(outbox).where(outbox.c.course == course, outbox.c.source == source)
        return [_delivery(row) for row in self._connection.execute(wanted.order_by(outbox.c.id))]

    def knows(self, destination: str, course: str) -> bool:
        """Was anything of this course ever queued for this destination, and not discarded?"""
        mine = (outbox.c.destination == destination) & (outbox.c.course == course)
        return bool(self._connection.scalar(select(exists().where(mine, outbox.c.state.in_((*UNFINISHED, DELIVERED))))))

    def next_due(self) -> datetime | None:
        """When the next row can be leased, None when there is none that time alone will free."""
        first = [self._first_due(state) for state in (LEASED, WAITING)]
        return min(filter(None, first), default=None)

    def counts(self) -> dict[str, int]:
        """How many rows there are in each state that occurs."""
        counted = select(outbox.c.state, func.count().label("number")).group_by(outbox.c.state).order_by(outbox.c.state)
        return {row.state: row.number for row in self._connection.execute(counted)}

    def _first_due(self, state: str) -> datetime | None:
        due = select(outbox.c.due).where(outbox.c.state == state, _unblocked())
        found: datetime | None = self._connection.scalar(due.order_by(outbox.c.due, outbox.c.id).limit(1))
        return found

    def _settle(self, id_: int, worker: str, **values: Any) -> bool:
        return lease.settle(self._connection, outbox, id_, worker, values)


def _unblocked() -> ColumnElement[bool]:
    earlier = outbox.alias("earlier")
    same = (earlier.c.destination == outbox.c.destination) & (earlier.c.course == outbox.c.course)
    return ~exists().where(same, earlier.c.state.in_(UNFINISHED), earlier.c.id < outbox.c.id)


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(**{name: getattr(row, name) for name in Delivery.__slots__})
