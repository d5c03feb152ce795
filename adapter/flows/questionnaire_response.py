"""A form that was filled in with our Questionnaire, as a FHIR resource: a follow-up, and the resource itself."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from adapter.config import Settings
from adapter.errors import Invalid, NotAllowed
from adapter.flows import course, follow_up, pushed_subject
from adapter.flows.pushed import Kept
from mappings.intake import questionnaire
from mappings.r4.build import Ids, Resource
from mappings.r4.faults import Fault

if TYPE_CHECKING:
    from adapter.store import Store, Tx
    from adapter.store.clients import Client

KIND = "QuestionnaireResponse"


def record(resource: Resource, *, sender: Client, store: Store, settings: Settings, now: datetime) -> Kept:
    """Records the follow-up and keeps the resource. Raises Invalid naming what is not understood, NotAllowed."""
    centre = sender.centre
    if centre is None:
        raise NotAllowed("this token belongs to no centre")
    with course.refusing(), store.reading() as tx:
        name = pushed_subject.course_of(tx, resource, centre, {}, settings)
        (enrolled,) = tx.enrolments.of_course(name)
    read = questionnaire.entry(resource, settings.canonicals, lambda _: (centre, enrolled.patient))
    if read.faults or read.document is None:
        raise Invalid(read.faults or (Fault(KIND, "tells nothing", "required"),))
    if "visit" not in read.document:
        raise Invalid([Fault(KIND, "is no follow-up: an enrolment goes to /enrolments", "not-supported")])
    receipt = follow_up.record(read.document, sender=sender, store=store, settings=settings, now=now)
    with store.transaction() as tx:
        return _keep(tx, resource, receipt.id, Ids(name, settings.canonicals), centre, now)


def _keep(tx: Tx, resource: Resource, follow_up_id: str, ids: Ids, centre: str, now: datetime) -> Kept:
    """One for each visit, a version for each of its corrections; its patient is ours."""
    known = tx.resources.get(KIND, id_ := ids(KIND, follow_up_id))
    subject = {"subject": ids.ref("Patient", "patient")}
    said = {name: value for name, value in resource.items() if name not in ("id", "meta", "text", "contained")}
    tx.resources.put(said | {"id": id_} | subject, centre=centre, course=ids.course, sources=["questionnaire"], at=now)
    stored = tx.resources.get(KIND, id_)
    assert stored is not None
    return Kept(stored, created=known is None)
