"""What is still to be delivered. Written in the transaction of the fact itself, so that neither is without the other.

Order is kept for each patient at each destination: only the row at the `front` of its patient can be leased, and with
it those that follow. A row is over when it is delivered, discarded, or parked for itself alone; one that is parked with
the whole patient (`holds`) stays at the front until a person retries or discards it. Other patients pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, false, func, insert, select, true, update

from adapter.errors import Conflict, NotFound
from adapter.store import lease
from adapter.store.delivery import HEAVY, Delivery, Said, of_row, references
from adapter.store.erased import ERASED
from adapter.store.lanes import OPEN, having, held, lane, promote
from adapter.store.lease import LEASED, PARKED, WAITING
from adapter.store.schema import enrolments, outbox
from adapter.trail import correlation, spans
from mappings.r4.build import Resource

DELIVERED, DISCARDED = "delivered", "discarded"
LAST_ID = 2**63 - 1
UNFINISHED = (WAITING, LEASED, PARKED)
_TRIED = (WAITING, PARKED)


class Outbox:
    """Rows are never removed: what was sent stays on record. `note` takes lines for the log."""

    def __init__(self, connection: Connection, note: Callable[..., None]) -> None:
        self._connection, self._note = connection, note

    def hold(self, destination: str, courses: Iterable[str]) -> None:
        """Waits for whoever else writes of these patients there. Who writes of several holds them all before."""
        lease.hold(self._connection, *(f"outbox {destination} {course}" for course in sorted(courses)))

    def add(self, destination: str, course: str, resources: Sequence[Resource], *, source: str, at: datetime) -> int:
        """Queues a change set. Its id, which is also its place in the order."""
        self.hold(destination, [course])
        who = {"destination": destination, "course": course, "source": source, "front": False, "strikes": 0}
        row = {"state": WAITING, "attempts": 0, "created": at, "due": at, "content": list(resources)}
        row |= {"correlation": correlation.current(), "trace": spans.traceparent()}
        added = self._connection.execute(insert(outbox).values(**who, **row).returning(outbox.c.id)).scalar_one()
        self._note("queued", delivery=int(added), destination=destination, resources=len(resources))
        promote(self._connection, destination, course)
        lease.call(self._connection, destination)
        return int(added)

    def lease(
        self, worker: str, *, at: datetime, lease_seconds: float, destination: str | None = None
    ) -> Delivery | None:
        """The row at the front of its patient that has been due for longest. `destination` None: of any."""
        for name in [destination] if destination is not None else self.destinations():
            rows = self._fronts(name, worker, at, lease_seconds, 1)
            if rows:
                return rows[0]
        return None

    def claim(
        self,
        destination: str,
        worker: str,
        *,
        at: datetime,
        lease_seconds: float,
        lanes: int,
        rows: int,
        among: int = 1,
    ) -> list[list[Delivery]]:
        """Leases for up to `lanes` patients what goes together: the row at the front and what may follow it.

        Who has been due for longest comes first. At most `rows` rows in all, and one of each patient at least. `among`:
        how many workers share what is due; near the end none takes more than its part.
        """
        until, found = at + timedelta(seconds=lease_seconds), []
        if among > 1 and lanes > 1:
            due = (outbox.c.front == true()) & (outbox.c.destination == destination) & (outbox.c.state == WAITING)
            ahead = select(outbox.c.id).where(due, outbox.c.due <= at).limit(lanes * among).subquery()
            ready = self._connection.scalar(select(func.count()).select_from(ahead)) or 0
            lanes = max(1, min(lanes, -(-ready // among)))
        firsts = self._fronts(destination, worker, at, lease_seconds, lanes)
        left, more = rows - len(firsts), having(self._connection, OPEN, [row.id for row in firsts])
        for first in firsts:
            after = self.follow(first, until=until, most=left) if first.course in more and left > 0 else []
            left -= len(after)
            found.append([first, *after])
        return found

    def follow(self, first: Delivery, *, until: datetime, most: int) -> list[Delivery]:
        """Leases what comes directly after a leased row of the same patient, at most `most` rows, to the same worker.

        Ends before a row that changes a resource which an earlier one changes too: each version shall arrive.
        """
        behind = lane(first.destination, first.course) & (outbox.c.front == false())
        left = behind & (outbox.c.state == LEASED)  # by whoever held the first before this worker took it over
        self._connection.execute(update(outbox).where(left).values(state=WAITING, worker=None))
        waiting = select(outbox).where(behind, outbox.c.state == WAITING, outbox.c.id > first.id)
        rows = self._connection.execute(waiting.order_by(outbox.c.id).limit(most))
        seen, taken = set(references(first.content)), []
        for row in map(of_row, rows):
            if seen & (names := set(references(row.content))):
                break
            seen |= names
            taken.append(row)
        if not taken:
            return []
        mine: dict[str, Any] = {"state": LEASED, "worker": first.worker, "due": until}
        still = lease.named(outbox, [row.id for row in taken], [WAITING])  # nobody discarded it meanwhile
        change = update(outbox).where(still).values(**mine, attempts=outbox.c.attempts + 1)
        had = set(self._connection.scalars(change.returning(outbox.c.id)))
        return [replace(row, **mine, attempts=row.attempts + 1) for row in taken if row.id in had]

    def extend(self, ids: Collection[int], worker: str, until: datetime) -> bool:
        """The worker is still at it. False: a lease was lost."""
        mine = held(ids, worker)
        return bool(self._connection.execute(update(outbox).where(mine).values(due=until)).rowcount == len(ids))

    def release(self, workers: Collection[str], at: datetime) -> int:
        """Gives back what these workers hold, because they live no more. How many rows."""
        return lease.release(self._connection, outbox, workers, at)

    def workers(self) -> list[str]:
        """Whoever holds a lease."""
        return lease.workers(self._connection, outbox)

    def delivered(self, id_: int, worker: str, at: datetime, note: str | None = None) -> bool:
        """Done. False (here and below): the lease was lost to another worker, whose word counts."""
        over = {"state": DELIVERED, "finished": at, "status": None, "outcome": None}
        return self._settle(id_, worker, front=False, error=note, **over)

    def all_delivered(
        self, destination: str, lanes: Mapping[str, Sequence[int]], worker: str, at: datetime
    ) -> set[int]:
        """Done, every one of these leased rows; `lanes`: by course. Those whose lease was not lost."""
        ids = [id_ for course in lanes.values() for id_ in course]
        over = {"state": DELIVERED, "finished": at, "status": None, "outcome": None, "error": None, "front": False}
        return self._settle_all(destination, lanes, held(ids, worker), over)

    def give_back(self, destination: str, lanes: Mapping[str, Sequence[int]], worker: str, at: datetime) -> set[int]:
        """Nothing of these leased rows was tried: they wait again as if nobody had leased them."""
        ids = [id_ for course in lanes.values() for id_ in course]
        again = {"state": WAITING, "due": at, "attempts": outbox.c.attempts - 1}
        return self._settle_all(destination, lanes, held(ids, worker), again)

    def retry(self, id_: int, worker: str, said: Said, *, due: datetime, struck: bool = False) -> bool:
        """To be tried again at `due`. `struck`: the server broke over this row."""
        strikes = outbox.c.strikes + (1 if struck else 0)
        return self._settle(id_, worker, state=WAITING, due=due, strikes=strikes, **_words(said))

    def park(self, id_: int, worker: str, said: Said, *, holds: bool = True) -> bool:
        """Refused for good: waits for a person. `holds`: with everything of this patient that comes later."""
        front = {} if holds else {"front": False}
        return self._settle(id_, worker, state=PARKED, **_words(said), **front)

    def split(self, row: Delivery, refused: Sequence[Resource], at: datetime) -> None:
        """Leaves in a leased row what was refused; what went through becomes a delivered row, for the record."""
        mine = (outbox.c.id == row.id) & (outbox.c.state == LEASED) & (outbox.c.worker == row.worker)
        if not self._connection.execute(update(outbox).where(mine).values(content=list(refused))).rowcount:
            return
        left = set(references(refused))
        told = [] if row.source == ERASED else list(zip(row.content, references(row.content), strict=True))
        through = [one for one, name in told if name not in left]
        kept = ("destination", "course", "source", "attempts", "created", "correlation", "trace")
        values = {name: getattr(row, name) for name in kept}
        over = {"state": DELIVERED, "due": at, "finished": at, "content": through, "front": False, "strikes": 0}
        self._connection.execute(insert(outbox).values(**values, **over, error=f"the rest is delivery {row.id}"))

    def supersede(self, destination: str, course: str, names: Collection[str], *, by: int, at: datetime) -> None:
        """Takes out of earlier parked rows what a later one has delivered: it must never be sent over the newer."""
        parked = lane(destination, course) & (outbox.c.state == PARKED) & (outbox.c.id < by)
        for row in map(of_row, self._connection.execute(select(outbox).where(parked)).all()):
            left = [one for one, name in zip(row.content, references(row.content), strict=True) if name not in names]
            if not left:
                over = {"state": DELIVERED, "finished": at, "front": False, "error": f"said anew by delivery {by}"}
                self._connection.execute(update(outbox).where(outbox.c.id == row.id).values(**over))
            elif len(left) < len(row.content):
                self._connection.execute(update(outbox).where(outbox.c.id == row.id).values(content=left))

    def requeue(self, ids: Iterable[int], at: datetime) -> list[int]:
        """A person says: try these again now, with a fresh count of attempts. The ids that were waiting or parked."""
        wanted = lease.named(outbox, [id_ for id_ in ids if id_ <= LAST_ID], _TRIED)
        theirs = select(outbox.c.destination, outbox.c.course).where(wanted).distinct()
        # the order in which whoever holds several patients takes them
        lanes = self._connection.execute(theirs.order_by(outbox.c.course, outbox.c.destination)).all()
        for destination, course in lanes:
            self.hold(destination, [course])
        change = update(outbox).where(wanted).values(state=WAITING, due=at, attempts=0, strikes=0)
        done = sorted(self._connection.scalars(change.returning(outbox.c.id)))
        for destination, course in lanes:
            promote(self._connection, destination, course)
            lease.call(self._connection, destination)
        return done

    def hasten(self, destination: str, centre: str | None, at: datetime) -> int:
        """What waits there for its next try may be tried now, if anything does of this centre (None: of any).

        How many patients of the centre wait.
        """
        mine = (outbox.c.destination == destination) & (outbox.c.front == true()) & (outbox.c.state == WAITING)
        wanted = mine if centre is None else mine & outbox.c.course.in_(_courses(centre))
        waiting = self._connection.scalar(select(func.count()).where(wanted)) or 0
        if waiting:
            later = update(outbox).where(mine, outbox.c.due > at).values(due=at)
            self._connection.execute(later)
            lease.call(self._connection, destination)
        return waiting

    def discard(self, id_: int, reason: str, at: datetime) -> None:
        """A person says: never send this. Raises NotFound, or Conflict while it is being sent or after it was."""
        row = self.show(id_)
        self.hold(row.destination, [row.course])
        wanted = (outbox.c.id == row.id) & outbox.c.state.in_(_TRIED)
        change = update(outbox).where(wanted).values(state=DISCARDED, finished=at, error=reason, front=False)
        if not self._connection.execute(change).rowcount:
            raise Conflict(f"delivery {id_} is {self.show(id_).state}: only a waiting or parked one can be discarded")
        promote(self._connection, row.destination, row.course)

    def show(self, id_: int) -> Delivery:
        """One row. Raises NotFound."""
        wanted = select(outbox).where(outbox.c.id == min(id_, LAST_ID))
        row = self._connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFound(f"there is no delivery {id_}")
        return of_row(row)

    def listing(
        self,
        states: Collection[str] | None = None,
        *,
        destination: str | None = None,
        centre: str | None = None,
        correlation: str | None = None,
        limit: int | None = None,
        whole: bool = True,
    ) -> list[Delivery]:
        """Rows in these states, for this destination, of this centre (None: all), oldest first, at most `limit`.

        `correlation`: only what this request brought. Not `whole`: without content and outcome, however many there are.
        """
        columns = [one for one in outbox.c if whole or one.name not in HEAVY]
        wanted = select(*columns).order_by(outbox.c.id).limit(limit)
        if states is not None:
            wanted = wanted.where(outbox.c.state.in_(states))
        if centre is not None:
            wanted = wanted.where(outbox.c.course.in_(_courses(centre)))
        if destination is not None:
            wanted = wanted.where(outbox.c.destination == destination)
        if correlation is not None:
            wanted = wanted.where(outbox.c.correlation == correlation)
        return [of_row(row, {} if whole else HEAVY) for row in self._connection.execute(wanted)]

    def for_source(self, course: str, source: str) -> list[Delivery]:
        """What a document of this course caused."""
        wanted = select(outbox).where(outbox.c.course == course, outbox.c.source == source)
        return [of_row(row) for row in self._connection.execute(wanted.order_by(outbox.c.id))]

    def of_course(self, destination: str, course: str, states: Collection[str]) -> list[Delivery]:
        """What of a course is in these states, for this destination."""
        wanted = select(outbox).where(lane(destination, course), outbox.c.state.in_(states)).order_by(outbox.c.id)
        return [of_row(row) for row in self._connection.execute(wanted)]

    def knows(self, destination: str, course: str) -> bool:
        """Was anything of this course ever queued for this destination, and not discarded?"""
        states = outbox.c.state.in_((*UNFINISHED, DELIVERED))
        return bool(self._connection.scalar(select(exists().where(lane(destination, course), states))))

    def destinations(self) -> list[str]:
        """Where something waits to be sent, by name; leaps from one to the next, however long the queue is."""
        found: list[str] = []
        while True:
            ahead = (outbox.c.front == true()) & (outbox.c.destination > (found[-1] if found else ""))
            name = self._connection.scalar(select(func.min(outbox.c.destination)).where(ahead))
            if name is None:
                return found
            found.append(name)

    def next_due(self, destination: str | None = None) -> datetime | None:
        """When the next row can be leased, None when there is none that time alone will free."""
        names = self.destinations() if destination is None else [destination]
        first = [self._first_due(name, state) for name in names for state in OPEN]
        return min(filter(None, first), default=None)

    def counts(self) -> dict[str, int]:
        """How many rows there are in each state that occurs."""
        counted = select(outbox.c.state, func.count().label("number")).group_by(outbox.c.state).order_by(outbox.c.state)
        return {row.state: row.number for row in self._connection.execute(counted)}

    def waiting(self) -> int:
        """How many rows wait; costs as much as those, whatever was delivered before."""
        return self._connection.scalar(select(func.count()).where(outbox.c.state == WAITING)) or 0

    def backlog(self) -> dict[str, tuple[int, datetime]]:
        """How many rows of each destination are not finished, and since when the oldest of them is there."""
        wanted = select(outbox.c.destination, func.count().label("number"), func.min(outbox.c.created).label("oldest"))
        rows = self._connection.execute(wanted.where(outbox.c.state.in_(UNFINISHED)).group_by(outbox.c.destination))
        return {row.destination: (row.number, row.oldest) for row in rows}

    def _first_due(self, destination: str, state: str) -> datetime | None:
        mine = (outbox.c.front == true()) & (outbox.c.destination == destination) & (outbox.c.state == state)
        found: datetime | None = self._connection.scalar(
            select(outbox.c.due).where(mine).order_by(outbox.c.due, outbox.c.id).limit(1)
        )
        return found

    def parked_in(self, ids: Collection[int]) -> set[str]:
        """The courses of these rows of one destination in which something is parked."""
        return having(self._connection, [PARKED], ids)

    def _fronts(self, destination: str, worker: str, at: datetime, seconds: float, most: int) -> list[Delivery]:
        free = (outbox.c.front == true()) & (outbox.c.destination == destination)
        rows = lease.claim(self._connection, outbox, worker, at=at, seconds=seconds, free=free, most=most)
        return [of_row(row) for row in rows]

    def _settle_all(
        self, destination: str, lanes: Mapping[str, Sequence[int]], mine: ColumnElement[bool], values: dict[str, Any]
    ) -> set[int]:
        self.hold(destination, lanes)
        change = update(outbox).where(mine).values(**values, worker=None).returning(outbox.c.id, outbox.c.source)
        done: dict[int, str] = {row.id: row.source for row in self._connection.execute(change)}
        self._forget(done, values)
        for course in having(self._connection, OPEN, [ids[0] for ids in lanes.values()]):
            promote(self._connection, destination, course)
        return set(done)

    def _forget(self, done: Mapping[int, str], values: Mapping[str, Any]) -> None:
        """What the retraction of an erased patient said goes as soon as it was told. `done`: sources by id."""
        told = [id_ for id_, source in done.items() if source == ERASED and values.get("state") == DELIVERED]
        if told:
            self._connection.execute(update(outbox).where(outbox.c.id.in_(told)).values(content=[], error=ERASED))

    def _settle(self, id_: int, worker: str, **values: Any) -> bool:
        wanted = select(outbox.c.destination, outbox.c.course, outbox.c.source).where(outbox.c.id == id_)
        row = self._connection.execute(wanted).one_or_none()
        if row is None:
            return False
        self.hold(row.destination, [row.course])
        mine = lease.settle(self._connection, outbox, id_, worker, values)
        self._forget({id_: row.source} if mine else {}, values)
        promote(self._connection, row.destination, row.course)
        return mine


def _courses(centre: str) -> Select[tuple[str]]:
    return select(enrolments.c.course).where(enrolments.c.centre == centre, enrolments.c.current)


def _words(said: Said) -> dict[str, Any]:
    return {"error": said.error, "status": said.status, "outcome": said.outcome}
