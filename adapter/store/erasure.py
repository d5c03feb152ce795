"""A course is taken out of every table that says something of the patient. The audit stays: it says who did what."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, select, tuple_, update

from adapter.errors import Conflict
from adapter.store import batches
from adapter.store.erased import ERASED
from adapter.store.inbound_schema import hospital_copies
from adapter.store.lease import LEASED, PARKED, WAITING
from adapter.store.outbox import DISCARDED
from adapter.store.schema import enrolments, inbox, links, metadata, outbox, sent
from adapter.store.schema import resource_heads as heads
from mappings.r4.build import Resource

AT_ONCE = 400


def erase(
    connection: Connection, course: str, keep: Callable[[list[Resource]], bool], hospital: str | None = None
) -> int:
    """How many resources went. `keep`: what of the outbox stays as it is (retractions); of the rest the content goes.
    `hospital`: whose Patient the enrolment may name.

    Raises Conflict while something of this course is being sent, or a batch of its centre taken in.
    """
    lane = outbox.c.course == course
    if connection.scalar(select(outbox.c.id).where(lane, outbox.c.state == LEASED).limit(1)):
        raise Conflict("something of this patient is being sent: try again in a few minutes")
    numbers = select(enrolments.c.centre, enrolments.c.patient).where(enrolments.c.course == course).distinct()
    for centre, patient in connection.execute(numbers).all():
        batches.erase(connection, centre, patient)
    found = connection.execute(select(heads.c.key, heads.c.kind, heads.c.id).where(heads.c.course == course)).all()
    for where, patient in _known_there(connection, course, hospital):
        _forget_there(connection, where, patient)
    ours = [(row.kind, row.id) for row in found]
    for begin in range(0, len(ours), AT_ONCE):
        some = ours[begin : begin + AT_ONCE]
        connection.execute(delete(inbox).where(tuple_(inbox.c.kind, inbox.c.resource_id).in_(some)))
        connection.execute(delete(sent).where(tuple_(sent.c.kind, sent.c.id).in_(some)))
    for table in metadata.sorted_tables:
        if "course" in table.c and table not in (outbox, heads):
            connection.execute(delete(table).where(table.c.course == course))
    keys = [row.key for row in found]
    keyed = [one for one in metadata.sorted_tables if one.name.startswith("resource_") and "key" in one.c]
    for begin in range(0, len(keys), AT_ONCE):
        for table in reversed(keyed):  # what points to the heads before the heads
            connection.execute(delete(table).where(table.c.key.in_(keys[begin : begin + AT_ONCE])))
    connection.execute(update(outbox).where(lane).values(source=ERASED))  # a source names the centre's number
    for row in connection.execute(select(outbox.c.id, outbox.c.state, outbox.c.content).where(lane)).all():
        if not keep(row.content):
            _empty(connection, row.id, row.state)
    return len(keys)


def _known_there(connection: Connection, course: str, hospital: str | None) -> set[tuple[str, str]]:
    """(hospital, its Patient): found there, or named by an enrolment before anything was sent."""
    linked = select(links.c.hospital, links.c.patient).where(links.c.course == course)
    told = select(enrolments.c.content).where(enrolments.c.course == course)
    named = {said.get("hospital_patient") for said in connection.scalars(told)} if hospital else set()
    known = {(row.hospital, row.patient) for row in connection.execute(linked)}
    return known | {(hospital, one) for one in named if hospital and isinstance(one, str)}


def _forget_there(connection: Connection, hospital: str, patient: str) -> None:
    """What a hospital told of its Patient (`Patient/abc`), and what was read there.

    By hospital, type and id: another one may count its own from 1 too. What waits or is parked is known by the
    reference in it, too. A Bundle that tells of others as well goes whole: the hospital is asked what changed anyway.
    """
    kind, _, id_ = patient.partition("/")
    copies = hospital_copies.c
    mine = (copies.hospital == hospital) & copies.patient.in_((patient, id_))
    read = select(copies.kind, copies.id).where(mine)
    named = tuple_(inbox.c.kind, inbox.c.resource_id)
    about = ((inbox.c.kind == kind) & (inbox.c.resource_id == id_)) | named.in_(read)
    theirs = inbox.c.hospital == hospital
    refers = re.compile(rb"(?<![\w.-])" + kind.encode() + rb"\\?/" + re.escape(id_.encode()) + rb"(?![\w.-])")
    unread = select(inbox.c.id, inbox.c.body).where(theirs, inbox.c.body != b"")
    ids = [row.id for row in connection.execute(unread) if refers.search(row.body)]
    connection.execute(delete(inbox).where(theirs & about))
    for begin in range(0, len(ids), AT_ONCE):
        connection.execute(delete(inbox).where(inbox.c.id.in_(ids[begin : begin + AT_ONCE])))
    connection.execute(delete(hospital_copies).where(mine))


def _empty(connection: Connection, id_: int, state: str) -> None:
    """That there was a delivery stays on record, what it said does not; nor the server's words, which may quote it."""
    said: dict[str, Any] = {"content": [], "outcome": None, "error": ERASED}
    over: dict[str, Any] = {"state": DISCARDED, "front": False} if state in (WAITING, PARKED) else {}
    connection.execute(update(outbox).where(outbox.c.id == id_).values(**said, **over))
