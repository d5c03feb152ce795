"""What a person decides about deliveries that wait: look, see exactly what would be sent, try again, never send."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from adapter.errors import NotFound
from adapter.flows import sentence
from adapter.flows.delivery import TRY_NOW, Policy, rehearse
from adapter.store import Store
from adapter.store.delivery import Delivery
from adapter.store.lease import PARKED
from adapter.store.outbox import UNFINISHED
from mappings.r4.build import Resource

MOST = 500
"""Rows of one page."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One delivery with the number by which its centre knows the patient; `kinds`: how many resources of which type."""

    row: Delivery
    patient: str
    kinds: tuple[tuple[str, int], ...]


def of_centre(store: Store, centre: str) -> list[Waiting]:
    """What is not finished of a centre's own patients, the oldest first."""
    with store.reading() as tx:
        numbers = {one.course: one.patient for one in tx.enrolments.of_centre(centre)}
        rows = tx.outbox.listing(UNFINISHED, centre=centre, limit=MOST)
    return [Waiting(row, numbers[row.course], _kinds(row)) for row in rows]


def retry(
    store: Store,
    ids: Collection[int] | None,
    *,
    who: str,
    centre: str | None,
    now: datetime,
    destination: str | None = None,
) -> list[int]:
    """Tries again now what is parked or waits. `ids` None: whatever is parked, for this destination alone where one is
    named. `centre`: of its own patients; None: the operator, of any. Which it were.
    """
    with store.transaction() as tx:
        wanted = ids or ()
        if ids is None or centre is not None:
            states = [PARKED] if ids is None else UNFINISHED
            rows = tx.outbox.listing(states, destination=destination, centre=centre, whole=False)
            wanted = [row.id for row in rows if ids is None or row.id in ids]
        done = tx.outbox.requeue(wanted, now)
        for id_ in done:
            tx.audit.add(at=now, who=who, action="retry-delivery", target=f"delivery/{id_}", centre=centre)
    return done


def try_now(store: Store, destination: str, *, who: str, centre: str | None, now: datetime) -> int:
    """Has a hospital or registry asked at once by one request, whatever silence it had; how many patients wait.

    Where it answers, the rest follows; where it does not, the next wait is as long as it would have been.
    Raises NotFound where nothing waits there; `centre`: of this centre's own patients.
    """
    with store.transaction() as tx:
        waiting = tx.outbox.hasten(destination, centre, now)
        if not waiting:
            raise NotFound(f"nothing waits for {destination[:64]}")
        tx.sent.learn(destination, TRY_NOW, now.isoformat())
        tx.audit.add(at=now, who=who, action="try-now", target=destination, centre=centre)
    return waiting


def discard(store: Store, id_: int, reason: str, *, who: str, centre: str | None, now: datetime) -> None:
    """Never sends it. `centre` None: the operator. Raises NotFound, also for another centre's, Invalid without a
    reason, Conflict while it is being sent.
    """
    reason = sentence.required(reason, "reason", "say why it is not to be sent")
    with store.transaction() as tx:
        row = tx.outbox.show(id_)
        if centre is not None and row.course not in {one.course for one in tx.enrolments.of_centre(centre)}:
            raise NotFound(f"there is no delivery {id_}")
        tx.outbox.discard(id_, reason, now)
        target = f"delivery/{id_}"
        tx.audit.add(at=now, who=who, action="discard-delivery", target=target, centre=centre, detail=reason)


def request_of(store: Store, id_: int, policies: Mapping[str, Policy]) -> Resource:
    """The transaction as it would be sent now. Nothing is sent, nobody is asked. Raises NotFound."""
    with store.reading() as tx:
        row = tx.outbox.show(id_)
    return rehearse(store, row, policies)


def _kinds(row: Delivery) -> tuple[tuple[str, int], ...]:
    kinds = [resource["resourceType"] for resource in row.content]
    return tuple((kind, kinds.count(kind)) for kind in dict.fromkeys(kinds))
