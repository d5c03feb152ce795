"""What the store holds of a course is what its documents say: mapped anew as a whole whenever one of them changes.

So corrections, retractions and episodes that span visits come out by construction, and nothing is patched by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from adapter.config import Settings
from adapter.errors import Invalid, NotAllowed, NotFound
from adapter.flows import push, regimen
from adapter.flows.access import OPERATOR
from adapter.store.submissions import RETRACTED
from adapter.trail import journal
from adapter.version import software
from mappings.canonicals import Canonicals
from mappings.facts import Enrolment, FollowUp
from mappings.intake import schema
from mappings.outcomes import map_course, origin, retract
from mappings.r4.build import Element, Ids, Resource, course_id
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import require_valid
from mappings.registry import pushed

if TYPE_CHECKING:
    from adapter.store import Tx
    from adapter.store.clients import Client
    from adapter.store.delivery import Delivery
    from adapter.store.stored import Stored
    from adapter.store.submissions import Submission

DELIVERED = (
    *("Patient", "Condition", "Procedure", "Observation"),
    *("MedicationStatement", "MedicationAdministration"),
)
"""Types that a hospital gets, in this order. Consent stays with us, and plans are pulled by the EHR."""


BESIDE = "beside"
"""Source of results that are shown beside the doses, and nothing else."""

ORIGIN = "origin"
"""What a Provenance of a document names as its source; no document has this key."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a centre gets for a document.

    `created`: it was new; `changed`: something was written now. `resources`: what is stored because of it, as
    `Type/id`. `regimen_issues`: why an enrolment has no dated regimen yet.
    """

    id: str
    version: int
    created: bool
    course: str
    resources: tuple[str, ...]
    changed: bool = True
    regimen_issues: tuple[Fault, ...] = ()


def in_brief(receipt: Receipt) -> dict[str, journal.Told]:
    """What the log says of it."""
    return {"version": receipt.version, "changed": receipt.changed, "resources": len(receipt.resources)}


@contextmanager
def refusing() -> Iterator[None]:
    """The pure side's FaultyInput as the refusal that a caller sees."""
    try:
        yield
    except FaultyInput as error:
        raise Invalid(error.faults) from error


def day_of(now: datetime) -> date:
    """Calendar day of submission, where this process runs."""
    return now.astimezone().date()


def admit(centre: str, sender: Client | None, settings: Settings) -> None:
    """Raises NotAllowed where `sender` speaks for another centre, Invalid for a centre that the settings do not know.

    `sender` None is the operator at the machine itself.
    """
    if sender is not None and sender.centre != centre:
        raise NotAllowed("this token does not speak for that centre")
    if settings.centres and centre not in settings.centres:
        raise Invalid([Fault("centre", f"centre {centre} is not in the configuration", "code-invalid")])


def ids_of(enrolment: Enrolment, settings: Settings) -> Ids:
    """Ids of the enrolment's course."""
    names = (enrolment.centre, enrolment.patient, enrolment.protocol)
    return Ids(course_id(settings.canonicals, *names), settings.canonicals)


def ids_in(tx: Tx, enrolment: Enrolment, settings: Settings) -> Ids:
    """The same, with the ids under which the centre's own system brought some of its things."""
    ids = ids_of(enrolment, settings)
    known = (one.content for one in tx.pushed.ever_of_course(ids.course))
    return replace(ids, adopted={said["item"]: said["id"] for said in known if said["item"] != said["id"]})


def follow_ups_of(tx: Tx, course: str, today: date) -> tuple[FollowUp, ...]:
    """Every follow-up that holds, and what was pushed as FHIR, each resource as a visit of its own."""
    forms = (schema.follow_up(one.content, today) for one in tx.follow_ups.of_course(course))
    return (*forms, *(visit_of_pushed(one) for one in tx.pushed.of_course(course)))


def visit_of_pushed(row: Submission) -> FollowUp:
    """The facts of one pushed resource."""
    said = row.content
    return pushed.visit_of(
        said["resource"],
        said["about"],
        key=(row.centre, row.patient, row.key.removeprefix(f"{row.centre}/{row.patient}/")),
        on=date.fromisoformat(said["on"]),
        canonicals=Canonicals(said["base"]),
        own=said.get("own"),
    )


def require_fit(follow_ups: Sequence[FollowUp], enrolment: Enrolment, within: str = "") -> None:
    """Raises FaultyInput where a follow-up contradicts the enrolment. `within` is put before its visit in each path."""
    faults = [
        Fault(f"{within}{visit.visit}.{fault.path}", fault.message, fault.code) if within else fault
        for visit in follow_ups
        for fault in schema.cross_check(visit, enrolment)
        if fault.severity == "error"
    ]
    if faults:
        raise FaultyInput(faults)


def settle(
    tx: Tx,
    enrolment: Enrolment,
    follow_ups: Sequence[FollowUp],
    *,
    documents: Sequence[Submission],
    settings: Settings,
    now: datetime,
) -> None:
    """Stores what changed in the course because of the `documents`, and queues it for the centre's hospital."""
    ids = ids_in(tx, enrolment, settings)
    names = {one.content["id"]: one.content["identifiers"] for one in tx.pushed.of_course(ids.course)}
    mapped = map_course(enrolment, follow_ups, ids)
    said = [(_also_named(one.resource, names), one.sources) for one in mapped]
    gone = _gone(tx, enrolment, ids.course, {_reference(resource) for resource, _ in said})
    before = {one.key: tx.resources.from_source(ids.course, one.key) for one in documents}
    # most of a course is as it was, and was looked at when it was stored
    news = tx.resources.news((*said, *gone), centre=enrolment.centre, course=ids.course)
    for resource, _ in news:
        require_valid(resource)
    stored = tx.resources.put_all(news, centre=enrolment.centre, course=ids.course, at=now)
    changed = [resource for (resource, _), written in zip(news, stored, strict=True) if written]
    for document in documents:
        targets = (*before[document.key], *tx.resources.from_source(ids.course, document.key))
        _note_origin(tx, document, sorted({one.reference for one in targets}), ids, now)
    _queue(tx, enrolment.centre, ids.course, changed, source=documents[0].key, settings=settings, now=now)
    push.follow_consent(tx, ids.course, changed, settings.registries, now)


def _also_named(resource: Resource, names: Mapping[str, list[Element]]) -> Resource:
    """With the identifiers by which the centre's own system knows it."""
    more = [one for one in names.get(resource["id"], ()) if one not in resource["identifier"]]
    return resource | {"identifier": [*resource["identifier"], *more]} if more else resource


def _note_origin(tx: Tx, document: Submission, targets: Sequence[str], ids: Ids, now: datetime) -> None:
    """Writes down what the document says, or said and takes back."""
    reason = (document.reason or "") if document.status == RETRACTED else None
    said = origin.Document(document.key, document.version, document.centre, reason)
    made = origin.provenance(said, targets, ids, recorded=now, software=software())
    if made:
        require_valid(made)
        tx.resources.put(made, centre=document.centre, course=ids.course, sources=[ORIGIN], at=now)


def _gone(tx: Tx, enrolment: Enrolment, course: str, said: set[str]) -> list[tuple[Resource, tuple[str, ...]]]:
    """What the documents of this course said once and no longer say."""
    sources = tx.resources.sources_of_course(course)
    return [
        (retract.entered_in_error(one.content), sources[one.reference])
        for one in tx.resources.of_course(course)
        if one.reference not in said and any(_ours(source, enrolment) for source in sources.get(one.reference, ()))
    ]


def _ours(source: str, enrolment: Enrolment) -> bool:
    """A document's key, not `regimen` or a hospital."""
    return source == enrolment.key or source.startswith(f"{enrolment.key}/")


def _queue(
    tx: Tx, centre: str, course: str, changed: list[Resource], *, source: str, settings: Settings, now: datetime
) -> None:
    hospital = settings.centres[centre].hospital if centre in settings.centres else None
    if not hospital:
        return
    if not tx.outbox.knows(hospital, course):
        # the hospital may have been configured after the enrolment: without the Patient nothing could be stored there
        here = kept_here(tx, course)
        told = [one for one in tx.resources.of_course(course) if one.reference not in here]
        changed = [retract.unversioned(one.content) for one in told]
    sent = sorted((one for one in changed if one["resourceType"] in DELIVERED), key=_rank)
    if sent:
        tx.outbox.add(hospital, course, sent, source=source, at=now)


def kept_here(tx: Tx, course: str) -> set[str]:
    """References of what no hospital is sent: the plan, which it pulls, and results that came from its laboratory."""
    return {one.reference for source in (regimen.SOURCE, BESIDE) for one in tx.resources.from_source(course, source)}


def _rank(resource: Resource) -> int:
    return DELIVERED.index(resource["resourceType"])


def _reference(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def enrolled_as(tx: Tx, id_: str, centre: str | None) -> Submission:
    """The enrolment of a course, by the course's uuid, its CarePlan's id or its own. `centre` None: of any.

    Raises NotFound, also for another centre's.
    """
    plan, enrolled = tx.resources.get("CarePlan", id_), tx.enrolments.get(id_)
    found = tx.enrolments.of_course((plan and plan.course) or (enrolled and enrolled.course) or id_)
    if not found or centre not in (None, found[-1].centre):
        raise NotFound("no such regimen")
    return found[-1]


def held(tx: Tx, course: str) -> Submission | None:
    """The enrolment of a course; nobody else hands anything in about this patient until the transaction ends."""
    for one in tx.enrolments.of_course(course):
        tx.hold(one.key)
    found = tx.enrolments.of_course(course)  # read again: who held it before may have changed it
    return found[-1] if found else None


def note(
    tx: Tx, action: str, submission: Submission, sender: Client | None, now: datetime, detail: str | None = None
) -> None:
    """Writes down who did it, in the transaction of the deed."""
    who = sender.name if sender else OPERATOR
    tx.audit.add(at=now, who=who, action=action, target=submission.id, centre=submission.centre, detail=detail)


def told(submission: Submission, resources: Sequence[Stored], deliveries: Sequence[Delivery]) -> dict[str, Any]:
    """What became of a document, as JSON."""
    return {
        "id": submission.id,
        "version": submission.version,
        "status": submission.status,
        "reason": submission.reason,
        "received": submission.at.isoformat(),
        "correlation": submission.correlation,
        "course": submission.course,
        "resources": [
            {"reference": one.reference, "version": one.version, "status": retract.standing(one.content)}
            for one in resources
        ],
        "deliveries": [_delivery(one) for one in deliveries],
    }


def _delivery(one: Delivery) -> dict[str, Any]:
    shown = ("id", "destination", "state", "attempts", "status", "error", "outcome", "correlation")
    return {name: getattr(one, name) for name in shown} | {"due": one.due.isoformat()}
