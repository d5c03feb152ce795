"""A course changes on the ward: redosed after a new weight, stopped, and what changed when and why, also beforehand.

What people decide is kept as a decision; the regimen is then reckoned anew from everything that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from adapter.config import Settings
from adapter.errors import Conflict, Invalid
from adapter.flows import course, regimen, renewal
from adapter.flows.access import OPERATOR
from adapter.store.decisions import REDOSE, STOP, Decision
from mappings.facts import PartialDate
from mappings.intake import schema
from mappings.plan import revision
from mappings.plan.revision import Change, Plan
from mappings.r4.faults import Fault

if TYPE_CHECKING:
    from adapter.store import Store, Tx
    from adapter.store.clients import Client
    from adapter.store.submissions import Submission

_REDOSE = ("weight", "since", "reason", "confirmed_by")
_STOP = ("date", "reason", "confirmed_by")
_GOING_ON = ("draft", "active")


def redose(
    id_: str, document: Any, *, sender: Client | None, store: Store, settings: Settings, now: datetime
) -> dict[str, Any]:
    """Doses what is still to be given by another weight: the one in the document, or the newest that a visit told of.

    `{"weight": {"value": 66.5, "unit": "kg", "date": DATE}, "since": DATE, "reason": TEXT, "confirmed_by": NAME}`;
    `since` (today): the first day that it holds for. Raises NotFound, Invalid naming the field, Conflict where the
    course was stopped.
    """
    today = course.day_of(now)
    said = read(document, _REDOSE)
    with course.refusing(), store.transaction() as tx:
        enrolled = held_at(tx, id_, sender)
        known = known_at(tx, enrolled, settings, now)
        since = _first_day(tx, enrolled.course, "since", day(said, "since", today), today)
        content: dict[str, Any] = {"since": since.isoformat(), **_weight(said, known, today)}
        return decide(tx, enrolled, known, REDOSE, content, said, sender)


def stop(
    id_: str, document: Any, *, sender: Client | None, store: Store, settings: Settings, now: datetime
) -> dict[str, Any]:
    """Withdraws what was to be given from a day on: `{"date": DATE, "reason": TEXT, "confirmed_by": NAME}`.

    Raises NotFound, Invalid naming the field, Conflict where it was stopped before.
    """
    said = read(document, _STOP)
    with course.refusing(), store.transaction() as tx:
        enrolled = held_at(tx, id_, sender)
        known = known_at(tx, enrolled, settings, now)
        today = course.day_of(now)
        content = {"date": _first_day(tx, enrolled.course, "date", day(said, "date", today), today).isoformat()}
        return decide(tx, enrolled, known, STOP, content, said, sender)


def history(id_: str, *, sender: Client | None, store: Store) -> dict[str, Any]:
    """Every change of the regimen, newest first: when, who, why, and each order that changed. Raises NotFound."""
    with store.reading() as tx:
        enrolled = enrolled_at(tx, id_, sender)
        moments: dict[datetime, list[Change]] = {}
        for at, change in _changes(tx, enrolled.course):
            moments.setdefault(at, []).append(change)
        reasons = _reasons(tx, enrolled)
    entries = [
        {"at": at.isoformat(), **reasons.get(at, {"who": None, "why": None}), "changes": list(map(asdict, found))}
        for at, found in sorted(moments.items(), reverse=True)
    ]
    return {"course": enrolled.course, "history": entries}


def preview(store: Store, course_: str, act: Callable[[Store], object]) -> list[Change]:
    """What `act` would change in the regimen of a course; nothing of it remains. `act` is given a store to do it in."""
    with store.rehearsing() as rehearsal:
        before = _standing(rehearsal, course_)
        act(rehearsal)
        return compare(before, _standing(rehearsal, course_))


def compare(before: Plan, after: Plan) -> list[Change]:
    """What differs between two states of the orders of one regimen."""
    orders = {ref: one for ref, one in after.items() if one["resourceType"] in revision.ORDERS}
    return [change for ref, one in orders.items() for change in revision.changes(before.get(ref), one)]


def course_of(tx: Tx, id_: str, sender: Client | None) -> str:
    """The course that `id_` names: its own uuid, its CarePlan's id, or its enrolment's. Raises NotFound."""
    return enrolled_at(tx, id_, sender).course


def decide(
    tx: Tx,
    enrolled: Submission,
    known: regimen.Known,
    kind: str,
    content: dict[str, Any],
    said: Mapping[str, Any],
    sender: Client | None,
) -> dict[str, Any]:
    """Keeps a decision and reckons the regimen anew; what changed."""
    if any(one.kind == STOP for one in known.decisions):
        raise Conflict("this course was stopped")
    before = _plan(tx, enrolled.course)
    by = sender.name if sender else OPERATOR
    decision = Decision(enrolled.course, kind, content, said["reason"], said["confirmed_by"], by, known.now)
    tx.decisions.add(decision)
    course.note(tx, kind, enrolled, sender, known.now, f"{said['reason']} (confirmed by {said['confirmed_by']})")
    planned = renewal.renew(tx, known.enrolment, known.follow_ups, known.settings, known.now)
    if planned.issues:
        raise Invalid(planned.issues)
    found = compare(before, _plan(tx, enrolled.course))
    return nothing(enrolled, kind, content) | {"changes": list(map(asdict, found))}


def nothing(enrolled: Submission, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a decision that was taken before: it changes nothing."""
    return {"course": enrolled.course, "decision": kind, **content, "changes": []}


def known_at(tx: Tx, enrolled: Submission, settings: Settings, now: datetime) -> regimen.Known:
    """Everything that the regimen is reckoned from."""
    today = course.day_of(now)
    enrolment = schema.enrolment(enrolled.content, today)
    return renewal.known_of(tx, enrolment, course.follow_ups_of(tx, enrolled.course, today), settings, now)


def _first_day(tx: Tx, course_: str, name: str, first: date, today: date) -> date:
    """The day itself, or Invalid: an order that goes on has one dose and one end, which would change today already."""
    orders = [one for one in _plan(tx, course_).values() if revision.runs(one) and one["status"] in _GOING_ON]
    between = [one for one in orders if (revision.date_of(one) or "") < first.isoformat()]
    if first > today and between:
        running = ", ".join(sorted(revision.name_of(one)[0] for one in between))
        told = f"has not come, and {running} would change at once: ask for it on that day, or from an earlier one"
        raise Invalid([Fault(name, told)])
    return first


def _weight(said: Mapping[str, Any], known: regimen.Known, today: date) -> dict[str, Any]:
    if "weight" not in said:
        newest = regimen.latest_weight(known)
        if newest is None or newest.taken is None:
            raise Invalid([Fault("weight", "missing: no visit has told of a weight with its day", "required")])
        return {"weight_kg": str(newest.value), "date": newest.taken.isoformat(), "source": newest.source}
    kilograms, day = schema.weight(said["weight"], today)
    return {"weight_kg": str(kilograms), "date": day.isoformat()}


def read(document: Any, known: tuple[str, ...], needed: tuple[str, ...] = ("reason", "confirmed_by")) -> dict[str, Any]:
    """The document of a decision, its texts without space around. Raises Invalid with every fault."""
    if not isinstance(document, dict):
        raise Invalid([Fault("$", "expected one JSON object", "structure")])
    told = f"unknown key; known: {', '.join(known)}"
    faults = [Fault(str(key)[:80], told, "structure") for key in sorted(document.keys() - set(known))]
    for name in needed:
        if not isinstance(document.get(name), str) or not document[name].strip():
            who = "the name of who confirms it" if name == "confirmed_by" else "why it is changed"
            faults.append(Fault(name, f"is needed: {who}", "required"))
    if faults:
        raise Invalid(faults)
    return {key: value.strip() if isinstance(value, str) else value for key, value in document.items()}


def day(said: Mapping[str, Any], name: str, default: date) -> date:
    """A field that is one day. Raises Invalid."""
    if name not in said:
        return default
    try:
        found = PartialDate(said[name]).exact if isinstance(said[name], str) else None
    except ValueError:
        found = None
    if found is None:
        raise Invalid([Fault(name, "is not a day: write YYYY-MM-DD")])
    return found


def enrolled_at(tx: Tx, id_: str, sender: Client | None) -> Submission:
    """The enrolment that a regimen belongs to. Raises NotFound."""
    return course.enrolled_as(tx, id_, sender.centre if sender else None)


def held_at(tx: Tx, id_: str, sender: Client | None) -> Submission:
    """The same to be changed: nobody else hands anything in about this patient until the transaction ends."""
    tx.hold(enrolled_at(tx, id_, sender).key)
    return enrolled_at(tx, id_, sender)  # read again: who held it before may have changed it


def _plan(tx: Tx, course_: str) -> Plan:
    return {one.reference: one.content for one in tx.resources.from_source(course_, regimen.SOURCE)}


def _standing(store: Store, course_: str) -> Plan:
    with store.reading() as tx:
        return _plan(tx, course_)


def _changes(tx: Tx, course_: str) -> Iterable[tuple[datetime, Change]]:
    for stored in tx.resources.from_source(course_, regimen.SOURCE):
        if stored.kind not in revision.ORDERS:
            continue
        versions = sorted(tx.resources.history(stored.kind, stored.id), key=lambda one: one.version)
        before = None
        for one in versions:
            yield from ((one.at, change) for change in revision.changes(before, one.content))
            before = one.content


def _reasons(tx: Tx, enrolled: Submission) -> dict[datetime, dict[str, Any]]:
    """Who did what at each moment, from the audit of the course's documents."""
    targets = [enrolled.id, *(visit.id for visit in tx.follow_ups.of_course(enrolled.course))]
    deeds = [deed for target in targets for deed in tx.audit.of(target)]
    return {deed.at: {"who": deed.who, "did": deed.action, "why": deed.detail} for deed in deeds}
