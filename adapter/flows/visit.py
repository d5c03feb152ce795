"""A person of a centre fills in a visit's form: begins it, keeps it as a draft, sends it, sees what came of it.

What is sent goes the way of every follow-up (`follow_up.record`). A draft is no fact, and nothing is made from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from adapter.config import Settings
from adapter.errors import Conflict, Invalid, NotFound
from adapter.flows import course, follow_up, ward
from adapter.flows.course import Receipt
from adapter.store.clients import Client
from adapter.store.drafts import Draft
from adapter.store.submissions import RECORDED
from mappings.intake import filled, schema
from mappings.intake.asked import SETTLED
from mappings.intake.words import VISITS
from mappings.outcomes.in_words import Line, in_words
from mappings.r4.faults import Fault, FaultyInput

if TYPE_CHECKING:
    from adapter.store import Store, Tx
    from adapter.store.submissions import Submission

UNSCHEDULED = "unscheduled"
OTHER_FORM = "this visit says what no field of the form can: it is corrected the way it was sent"
_DATED = re.compile(rf"{UNSCHEDULED}-(?P<date>\d{{4}}(-\d{{2}}(-\d{{2}})?)?)")


@dataclass(frozen=True, slots=True)
class Form:
    """One visit's form. `name` is its last part of the address: a visit, or `unscheduled-<date>` of one that was told.

    `fields`: the draft, or else what was told. `seen` names what they were made from. `told`: the document that holds.
    """

    number: str
    patient: str
    course: str
    name: str
    visit: str
    date: str | None
    fields: Mapping[str, str]
    seen: str
    draft: Draft | None
    told: Submission | None


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a visit that was sent: its resources in words, and where they went."""

    form: Form
    lines: tuple[Line, ...]
    state: Mapping[str, Any]


def opened(id_: str, name: str, *, centre: str, store: Store, settings: Settings, now: datetime) -> Form:
    """The form of a visit, with its draft or with what was told. Raises NotFound, also for another centre's patient.

    Raises Conflict where a document says what the form cannot show: sent again from here it would be lost.
    """
    with store.reading() as tx:
        form = _form(tx, id_, name, centre, settings, now)
    if form.told is not None and not _whole(form.told, course.day_of(now)):
        raise Conflict(OTHER_FORM)
    return form


def save(
    form: Form, fields: Mapping[str, str], seen: str, *, by: str, store: Store, settings: Settings, now: datetime
) -> Form:
    """Keeps what is filled in so far. Raises Conflict where somebody else saved or sent the form meanwhile."""
    with store.transaction() as tx:
        tx.hold(form.course)
        there = _form(tx, form.patient, form.name, None, settings, now)
        _require_same(there, seen)
        if seen != there.seen and there.draft is not None and there.draft.by != by:
            raise Conflict(f"{there.draft.by} has saved a draft meanwhile: saving what you see replaces it")
        tx.drafts.save(Draft(form.course, form.name, dict(fields), by, now))
        return _form(tx, form.patient, form.name, None, settings, now)


def discard(form: Form, *, store: Store) -> None:
    """Forgets the draft; what was told stays."""
    with store.transaction() as tx:
        tx.drafts.drop(form.course, form.name)


def send(
    form: Form, fields: Mapping[str, str], *, centre: str, by: str, store: Store, settings: Settings, now: datetime
) -> Receipt:
    """Hands the visit in, and forgets the draft. `form`: as `save` gave it.

    Raises Conflict where it was handed in since then; Invalid, each fault by the name of its field. The draft is kept
    then.
    """
    try:
        nested = filled.document({**fields, "date": form.date or fields.get("date", "")})
    except FaultyInput as error:
        raise Invalid(error.faults) from error
    whose = {"centre": centre, "patient": form.number, "visit": form.visit}
    protocol = {"protocol": form.told.content["protocol"]} if form.told and "protocol" in form.told.content else {}
    sender = Client(by, "centre", centre)
    document = whose | protocol | nested.document
    how: dict[str, Any] = {"settings": settings, "now": now}
    with store.together() as one:
        with one.transaction() as tx:
            tx.hold(f"{centre}/{form.number}")
            _require_same(_form(tx, form.patient, form.name, None, settings, now), form.seen)
            if form.name == UNSCHEDULED:
                _require_new(tx, form, document.get("date"), settings, now)
        try:
            receipt = follow_up.record(document, sender=sender, store=one, **how)
        except Invalid as error:
            raise Invalid([_at(fault, nested.told(fault.path)) for fault in error.faults]) from error
        discard(form, store=one)
    return receipt


def stored(id_: str, name: str, *, centre: str, store: Store, settings: Settings, now: datetime) -> Stored:
    """What came of a visit. Raises NotFound where it was not told."""
    with store.reading() as tx:
        form = _form(tx, id_, name, centre, settings, now)
        if form.told is None:
            raise NotFound("this visit was not told yet")
        resources = tx.resources.from_source(form.course, form.told.key)
    state = follow_up.state(form.told.id, sender=Client("", "centre", centre), store=store)
    return Stored(form, tuple(in_words(one.content) for one in resources), state)


def name_of(visit: str, day: str | None) -> str:
    """The name of a visit's form in an address."""
    return f"{UNSCHEDULED}-{day}" if visit == UNSCHEDULED and day else visit


def _require_same(there: Form, seen: str) -> None:
    """Nothing was handed in since it was `seen`; a draft in between loses nobody's word."""
    if there.seen.partition("/")[0] != seen.partition("/")[0]:
        raise Conflict("this visit was handed in meanwhile: sending what you see replaces it")


def _require_new(tx: Tx, form: Form, day: Any, settings: Settings, now: datetime) -> None:
    """A second unscheduled visit on one day would replace the first."""
    try:
        _form(tx, form.patient, f"{UNSCHEDULED}-{day}", None, settings, now)
    except NotFound:
        return
    raise Invalid([Fault("date", f"an unscheduled visit of {day} was told already: open that one", "duplicate")])


def _form(tx: Tx, id_: str, name: str, centre: str | None, settings: Settings, now: datetime) -> Form:
    enrolled = ward.enrolled(tx, id_, centre)
    dated = _DATED.fullmatch(name)
    visit, day = (UNSCHEDULED, dated["date"]) if dated else (name, None)
    if visit not in VISITS:
        raise NotFound("no such visit")
    ids = course.ids_of(schema.enrolment(enrolled.content, course.day_of(now)), settings)
    occurrence = (visit, day) if visit == UNSCHEDULED else (visit,)
    found = tx.follow_ups.get(ids("follow-up", *occurrence)) if visit != UNSCHEDULED or day else None
    told = found if found and found.status == RECORDED else None
    if dated and told is None:
        raise NotFound("no such visit")
    draft = tx.drafts.of(ids.course, name)
    made_from = f"{found.version if found else 0}/{draft.at.isoformat() if draft else ''}"
    fields = draft.fields if draft else filled.fields(told.content) if told else {}
    return Form(enrolled.patient, id_, ids.course, name, visit, day, fields, made_from, draft, told)


def _whole(told: Submission, today: date) -> bool:
    """Does the form show everything that the document says?"""
    settled = {key: told.content[key] for key in SETTLED if key in told.content}
    try:
        again = settled | filled.document(filled.fields(told.content)).document
        return schema.follow_up(again, today) == schema.follow_up(told.content, today)
    except FaultyInput:
        return False


def _at(fault: Fault, path: str) -> Fault:
    return Fault(path, fault.message, fault.code)
