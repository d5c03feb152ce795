"""A pharmacist or physician signs the stored plan of a patient, or takes the signature back.

Until then the plan is a draft. What was signed is kept as a digest of its doses and dates; `signature` ends it when
they change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from adapter.config import Settings
from adapter.errors import Conflict, Invalid
from adapter.flows import course, regimen, renewal, sentence
from adapter.store.validations import SIGNED, WITHDRAWN, Event
from mappings.facts import Enrolment
from mappings.intake import schema
from mappings.plan import signature
from mappings.plan.signature import ROLES
from mappings.r4.build import Ids, Resource
from mappings.r4.faults import Fault
from mappings.r4.validate import require_valid

if TYPE_CHECKING:
    from adapter.store import Store, Tx
    from adapter.store.submissions import Submission

SOURCE = "validation"
"""What a Provenance of ours names as its source; no document has this key, and a new regimen leaves it alone."""

LONGEST_NAME = 200
OPEN = "open"
"""Status of a course that has no dated plan yet; else it is the CarePlan's."""
SIGNABLE = ("draft", "active")


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: the name and role that stand under the plan, and which client or account said so (`by`)."""

    name: str
    role: str
    by: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A plan as it is stored now. `events`: every signature and what ended it; `holding`: those that nothing ended.

    `digest` is None where no plan is stored; `issues` say why it cannot be signed.
    """

    enrolment: Enrolment
    ids: Ids
    status: str
    digest: str | None
    resources: tuple[Resource, ...]
    events: tuple[Event, ...]
    holding: tuple[Event, ...]
    issues: tuple[Fault, ...]


def state(id_: str, *, centre: str, store: Store, settings: Settings, now: datetime) -> Standing:
    """How the plan of a course stands. `id_`: the course's uuid or its CarePlan's id. Raises NotFound."""
    with store.reading() as tx:
        return standing(tx, course.enrolled_as(tx, id_, centre), settings, now)


def validate(
    id_: str,
    signer: Signer,
    *,
    shown: str | None,
    centre: str,
    store: Store,
    settings: Settings,
    now: datetime,
) -> Standing:
    """Signs what is stored now; from then on it is active. The same signature again writes nothing.

    `shown` is the digest of what the signer saw. Raises NotFound, also for another centre's; Invalid for a name that is
    none and for a plan that cannot be signed yet; Conflict where what was shown is not what stands, or was called off.
    """
    _require_signer(signer)
    with store.transaction() as tx:
        plan = _held(tx, id_, centre, settings, now)
        _require_signable(plan, shown)
        assert plan.digest is not None
        if any((one.name, one.role) == (signer.name.strip(), signer.role) for one in plan.holding):
            return plan
        _note(tx, SIGNED, signer, plan, now)
        _store(tx, signature.signed(plan.resources), plan, now)
        tx.resources.put(_provenance(tx, plan), centre=centre, course=plan.ids.course, sources=[SOURCE], at=now)
        return _again(tx, plan, settings, now)


def withdraw(
    id_: str, signer: Signer, reason: str, *, centre: str, store: Store, settings: Settings, now: datetime
) -> Standing:
    """Ends every signature of the plan: it is a draft again. Raises as `validate`; Conflict where nobody has signed."""
    _require_signer(signer)
    reason = sentence.required(reason, "reason", "say why the signature is taken back")
    with store.transaction() as tx:
        plan = _held(tx, id_, centre, settings, now)
        if not plan.holding:
            raise Conflict("this plan is not signed")
        _note(tx, WITHDRAWN, signer, plan, now, reason)
        _store(tx, [signature.drafted(one) for one in plan.resources], plan, now)
        return _again(tx, plan, settings, now)


def standing(tx: Tx, submission: Submission, settings: Settings, now: datetime) -> Standing:
    """How the plan of an enrolled patient stands, within a transaction."""
    enrolment = schema.enrolment(submission.content, course.day_of(now))
    ids = course.ids_of(enrolment, settings)
    resources = tuple(one.content for one in tx.resources.from_source(ids.course, regimen.SOURCE))
    plans = [one for one in resources if one["resourceType"] == "CarePlan"]
    status = plans[0]["status"] if plans else OPEN
    issues: tuple[Fault, ...] = ()
    if status not in SIGNABLE:  # a plan that stands was reckoned from everything when it was stored
        visits = course.follow_ups_of(tx, ids.course, course.day_of(now))
        issues = regimen.plan(renewal.known_of(tx, enrolment, visits, settings, now)).issues
    return Standing(
        enrolment=enrolment,
        ids=ids,
        status=status,
        digest=signature.digest(resources) if plans else None,
        resources=resources,
        events=tuple(tx.validations.of(ids.course)),
        holding=tuple(tx.validations.holding(ids.course)),
        issues=issues or (tuple(signature.unsigned(resources)) if plans else ()),
    )


def _held(tx: Tx, id_: str, centre: str, settings: Settings, now: datetime) -> Standing:
    tx.hold(course.enrolled_as(tx, id_, centre).key)
    # read again: who held it before may have changed it
    return standing(tx, course.enrolled_as(tx, id_, centre), settings, now)


def _again(tx: Tx, plan: Standing, settings: Settings, now: datetime) -> Standing:
    return standing(tx, course.enrolled_as(tx, plan.ids.course, plan.enrolment.centre), settings, now)


def _require_signer(signer: Signer) -> None:
    faults = []
    name = signer.name.strip()
    if sum(letter.isalpha() for letter in name) < 2 or not name.isprintable() or len(name) > LONGEST_NAME:
        faults.append(Fault("name", f"is the name of a person, at most {LONGEST_NAME} characters", "value"))
    if signer.role not in ROLES:
        faults.append(Fault("role", f"a plan is signed by a {' or a '.join(ROLES)}", "code-invalid"))
    if faults:
        raise Invalid(faults)


def _require_signable(plan: Standing, shown: str | None) -> None:
    if plan.issues:
        raise Invalid(plan.issues)
    if plan.status not in SIGNABLE:
        raise Conflict(f"this plan is {plan.status}: there is nothing to sign")
    if shown is not None and shown != plan.digest:
        raise Conflict("the plan is not the one that was shown: look at it again")


def _note(tx: Tx, deed: str, signer: Signer, plan: Standing, now: datetime, reason: str | None = None) -> None:
    """Kept twice: with the plan, and in the audit of everything."""
    name, of = signer.name.strip(), plan.ids.course
    tx.validations.add(Event(now, of, deed, plan.digest or "", name, signer.role, signer.by, reason))
    detail = f"{name}, {signer.role}" + (f": {reason}" if reason else "")
    tx.audit.add(at=now, who=signer.by, action=deed, target=of, centre=plan.enrolment.centre, detail=detail)


def _store(tx: Tx, resources: Iterable[Resource], plan: Standing, now: datetime) -> None:
    for resource in resources:
        require_valid(resource)
        tx.resources.put(
            resource, centre=plan.enrolment.centre, course=plan.ids.course, sources=[regimen.SOURCE], at=now
        )


def _provenance(tx: Tx, plan: Standing) -> Resource:
    signatures: Sequence[Event] = [one for one in tx.validations.of(plan.ids.course) if one.deed == SIGNED]
    last = signatures[-1]
    signed = tx.resources.get("CarePlan", plan.ids("care-plan"))
    assert signed is not None
    assert last.name is not None
    assert last.role is not None
    told = signature.Signature(len(signatures), last.name, last.role, last.at, last.digest)
    resource = signature.provenance(told, f"{signed.reference}/_history/{signed.version}", plan.ids)
    require_valid(resource)
    return resource
