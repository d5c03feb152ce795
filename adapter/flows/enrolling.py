"""A person of a centre enrols a patient by a form, or corrects what was said then; sees what came of it, what is next.

What is sent goes the way of every enrolment (`enrolment.enrol`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from adapter.config import Settings
from adapter.errors import Conflict, Invalid
from adapter.flows import course, enrolment, validation, ward
from adapter.flows.course import Receipt
from adapter.flows.enrolment import CONFIRMED_BY
from adapter.flows.validation import Standing
from adapter.store.clients import Client
from mappings.intake import filled, schema
from mappings.intake.asked import WHO
from mappings.outcomes.in_words import Line, in_words
from mappings.r4.faults import Fault, FaultyInput

if TYPE_CHECKING:
    from adapter.store import Store
    from adapter.store.submissions import Submission

OTHER_FORM = "this enrolment says what no field of the form can: it is corrected the way it was sent"


@dataclass(frozen=True, slots=True)
class Form:
    """The form of an enrolment. `patient`: id of the Patient, and `told` what holds; neither of somebody new."""

    fields: Mapping[str, str]
    patient: str = ""
    told: Submission | None = None

    @property
    def number(self) -> str:
        return self.told.patient if self.told else ""

    @property
    def version(self) -> int:
        return self.told.version if self.told else 0


NEW = Form({})


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an enrolment: how its plan stands, its resources in words, where they went, the next visit."""

    patient: str
    told: Submission
    plan: Standing
    lines: tuple[Line, ...]
    deliveries: list[dict[str, Any]]
    visit: str


def opened(id_: str, *, centre: str, store: Store, now: datetime) -> Form:
    """The form with what was told, by the id of the Patient. Raises NotFound, also for another centre's.

    Raises Conflict where the document says what the form cannot show: sent again from here it would be lost.
    """
    with store.reading() as tx:
        told = ward.enrolled(tx, id_, centre)
    if not _whole(told.content, course.day_of(now)):
        raise Conflict(OTHER_FORM)
    return Form(filled.fields(told.content), id_, told)


def send(
    form: Form,
    fields: Mapping[str, str],
    *,
    seen: int,
    confirmed_by: str,
    by: str,
    centre: str,
    store: Store,
    settings: Settings,
    now: datetime,
) -> Receipt:
    """Enrols or corrects. `seen`: the version that the person saw; `confirmed_by`: who confirmed a new graft date.

    Raises Invalid, each fault by the name of its field; Conflict (412 corrected meanwhile; 409 as `enrol` does).
    """
    try:
        nested = filled.document(fields, "enrolment")
    except FaultyInput as error:
        raise Invalid(error.faults) from error
    whose = {name: form.told.content[name] for name in WHO} if form.told else {}
    more = {CONFIRMED_BY: confirmed_by} if confirmed_by else {}
    document = {"centre": centre} | nested.document | whose | more
    call: dict[str, Any] = {"sender": Client(by, "centre", centre), "settings": settings, "now": now}
    with store.together() as one:
        if form.told is None:
            _require_new(document, centre, one)
        else:
            call |= {"expected_id": form.told.id, "expected_version": seen}
        try:
            return enrolment.enrol(document, store=one, **call)
        except Invalid as error:
            raise Invalid([_at(fault, nested.told(fault.path)) for fault in error.faults]) from error


def stored(id_: str, *, centre: str, store: Store, settings: Settings, now: datetime) -> Stored:
    """What came of an enrolment, by the id of the Patient. Raises NotFound, also for another centre's."""
    with store.reading() as tx:
        told = ward.enrolled(tx, id_, centre)
        plan = validation.standing(tx, told, settings, now)
        resources = tx.resources.from_source(told.course, told.key)
    state = enrolment.state(told.id, sender=Client("", "centre", centre), store=store)
    return Stored(id_, told, plan, tuple(in_words(one.content) for one in resources), state["deliveries"], _FIRST)


_FIRST = "baseline"


def _require_new(document: Mapping[str, Any], centre: str, store: Store) -> None:
    """A second enrolment under one number would be a correction of the first, which nobody saw."""
    number = document.get("patient")
    with store.transaction() as tx:
        if isinstance(number, str):
            tx.hold(f"{centre}/{number}")
            if tx.enrolments.of(centre, number):
                raise Invalid([Fault("patient", "is enrolled already: correct that enrolment", "duplicate")])


def _whole(said: Mapping[str, Any], today: date) -> bool:
    """Does the form show everything that the document says?"""
    whose = {name: said[name] for name in ("centre", *WHO)}
    try:
        again = whose | filled.document(filled.fields(said), "enrolment").document
        return schema.enrolment(again, today) == schema.enrolment(said, today)
    except FaultyInput:
        return False


def _at(fault: Fault, path: str) -> Fault:
    """At its field; what a visit contradicts has none here, and says where it is."""
    if path.startswith("follow-up "):
        return Fault("", f"{path}: {fault.message}", fault.code)
    return Fault(path, fault.message, fault.code)
