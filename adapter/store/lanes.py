"""A lane: the rows of one patient for one destination, of which the one at the front is sent first."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, bindparam, exists, false, func, select, true, update

from adapter.store import lease
from adapter.store.lease import LEASED, PARKED, WAITING
from adapter.store.schema import outbox

OPEN = (WAITING, LEASED)

_OTHER = outbox.alias()
_OTHERS = exists().where(
    _OTHER.c.destination == outbox.c.destination,
    _OTHER.c.course == outbox.c.course,
    _OTHER.c.front.in_([true(), false()]),
    _OTHER.c.state.in_(bindparam("states", expanding=True)),
    _OTHER.c.id.not_in(bindparam("but", expanding=True)),
)
_WITH = select(outbox.c.course).where(outbox.c.id.in_(bindparam("ids", expanding=True)), _OTHERS)
"""Of which of these rows' patients another row, there, is in one of these states. Built once: it is asked often."""


def lane(destination: str, course: str) -> ColumnElement[bool]:
    """Its rows."""
    return (outbox.c.destination == destination) & (outbox.c.course == course)


def held(ids: Collection[int], worker: str) -> ColumnElement[bool]:
    """Those of these rows that the worker has leased."""
    return lease.named(outbox, ids, [LEASED]) & (outbox.c.worker == worker)


def having(connection: Connection, states: Collection[str], ids: Collection[int]) -> set[str]:
    """The courses of these rows of one destination in whose lanes another row is in one of the states."""
    if not ids:
        return set()
    return set(connection.scalars(_WITH, {"ids": list(ids), "but": list(ids), "states": list(states)}))


def promote(connection: Connection, destination: str, course: str) -> None:
    """Puts the first row of the patient that is to be sent at the front, once the one that stood there is over."""
    rows = lane(destination, course)
    now = connection.execute(select(outbox.c.id, outbox.c.state).where(rows, outbox.c.front == true())).first()
    if now and now.state in (LEASED, PARKED):
        return
    behind = rows & (outbox.c.front == false())
    waiting = [
        connection.scalar(select(func.min(outbox.c.id)).where(behind, outbox.c.state == state)) for state in OPEN
    ]
    first = min([id_ for id_ in (*waiting, now and now.id) if id_ is not None], default=None)
    if now and now.id != first:
        connection.execute(update(outbox).where(outbox.c.id == now.id).values(front=False))
    if first is not None and (now is None or now.id != first):
        connection.execute(update(outbox).where(outbox.c.id == first).values(front=True))
