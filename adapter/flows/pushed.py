"""FHIR resources that a centre's own system pushes: understood as facts, kept beside its forms, all of them or none.

Each is kept as a document of its own (`adapter.store.pushed`) and joins the course as a visit that tells one thing, so
that a form and a resource that tell of the same thing are one item, and gates, endpoints and pages see both alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from adapter.config import Settings
from adapter.errors import Conflict, Invalid, NotAllowed
from adapter.flows import course, pushed_beside, pushed_item, pushed_subject, received, renewal, sentence
from adapter.flows.pushed_item import Known
from adapter.flows.pushed_subject import Places
from adapter.store.criteria import Criterion
from adapter.store.paging import Window
from adapter.trail import journal
from mappings.intake import schema
from mappings.outcomes.retract import standing
from mappings.r4.build import Element, Resource
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import validate
from mappings.registry import pushed

if TYPE_CHECKING:
    from adapter.store import Store, Tx
    from adapter.store.clients import Client
    from adapter.store.stored import Stored
    from adapter.store.submissions import Submission

TAKEN_BACK = {"entered-in-error", "refuted", "cancelled"}
_BY_SENDER = "taken back by the system that pushed it"
_LATER = ("Observation",)
"""Read after what they may name."""


@dataclass(frozen=True, slots=True)
class Change:
    """One resource as it was sent. `place`: its FHIRPath in what was sent.

    `target`: the id that is updated; `chosen_by`: what chooses it (conditional update); `unless`: what must not be
    there (`If-None-Exist`); `expected`: the version that is replaced; `full_url`: what others in the Bundle name it by.
    """

    place: str
    resource: Resource
    target: str | None = None
    chosen_by: tuple[Criterion, ...] = ()
    unless: tuple[Criterion, ...] = ()
    expected: int | None = None
    full_url: str | None = None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A resource to be taken back, by its id or by the one match of a search. `place`: where that was asked."""

    place: str
    kind: str
    target: str | None = None
    chosen_by: tuple[Criterion, ...] = ()
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a Change: the resource as it stands; `created`: it was not there; `found`: nothing was asked."""

    stored: Stored
    created: bool
    found: bool = False


def _in_brief(kept: list[Kept]) -> dict[str, journal.Told]:
    return {"resources": len(kept), "created": sum(one.created for one in kept)}


@received.noted("fhir", _in_brief)
def take(changes: Sequence[Change], *, sender: Client, store: Store, settings: Settings, now: datetime) -> list[Kept]:
    """Takes in every change, or none. In the order of the changes. Durable when this returns.

    Raises Invalid with the place of each fault, Conflict (409, 412), NotAllowed.
    """
    if sender.centre is None:
        raise NotAllowed("this token belongs to no centre")
    _require_sound(changes)
    with course.refusing(), store.transaction() as tx:
        this = _Taking(tx, sender, sender.centre, settings, now)
        order = sorted(range(len(changes)), key=lambda n: changes[n].resource["resourceType"] in _LATER)
        placed = {n: this.place(changes[n]) for n in order}
        if this.faults:
            raise Invalid(this.faults)
        this.settle()
        return [this.kept(placed[n]) for n in range(len(changes))]


def take_back(
    withdrawals: Sequence[Withdrawal], *, reason: str, sender: Client, store: Store, settings: Settings, now: datetime
) -> list[Stored | None]:
    """Takes back what the centre's own system pushed: each becomes entered-in-error unless a form tells it too.

    The resources as they stand then; None where the centre has none. Repeating it writes nothing.
    Raises Conflict where only a form tells it (409), or for another version or several matches (412).
    """
    if sender.centre is None:
        raise NotAllowed("this token belongs to no centre")
    reason = sentence.required(reason or _BY_SENDER, "reason", "say why it is taken back")
    with course.refusing(), store.transaction() as tx:
        this = _Taking(tx, sender, sender.centre, settings, now)
        places = [this.withdraw(one, reason) for one in withdrawals]
        this.settle()
        return [tx.resources.get(*place) if place else None for place in places]


def _require_sound(changes: Sequence[Change]) -> None:
    """R4 and, where a resource names one, our profile."""
    faults = [
        _at(change.place, fault)
        for change in changes
        for fault in validate(change.resource)
        if fault.severity == "error"
    ]
    if faults:
        raise Invalid(faults, status=400 if all(fault.code == "structure" for fault in faults) else 422)


def _at(place: str, fault: Fault) -> Fault:
    """The same fault with the place of its resource in what was sent."""
    return Fault(place + fault.path[len(fault.path.partition(".")[0]) :], fault.message, fault.code, fault.severity)


@dataclass(frozen=True, slots=True)
class _Placed:
    kind: str
    id: str
    created: bool = field(default=False, compare=False)
    found: bool = field(default=False, compare=False)


@dataclass(slots=True)
class _Taking:
    """One request on its way into the store."""

    tx: Tx
    sender: Client
    centre: str
    settings: Settings
    now: datetime
    faults: list[Fault] = field(default_factory=list)
    places: Places = field(default_factory=dict)
    placed: list[_Placed] = field(default_factory=list)
    courses: dict[str, Known] = field(default_factory=dict)
    written: dict[str, list[Submission]] = field(default_factory=dict)

    def place(self, change: Change) -> _Placed | None:
        """Keeps one change; None where it has faults, which are collected."""
        kind = change.resource["resourceType"]
        try:
            found = self._found(kind, change)
            placed = found or self._keep(kind, change)
        except FaultyInput as error:
            self.faults += [_at(change.place, fault) for fault in error.faults]
            return None
        if change.full_url:
            self.places[change.full_url] = (kind, placed.id)
        if placed in self.placed and not placed.found:
            self.faults.append(Fault(change.place, "is the same as another entry of this request", "duplicate"))
        self.placed.append(placed)
        return placed

    def settle(self) -> None:
        """Maps each course that changed, once."""
        for name, documents in self.written.items():
            known = self.courses[name]
            today = course.day_of(self.now)
            visits = course.follow_ups_of(self.tx, name, today)
            course.settle(self.tx, known.enrolment, visits, documents=documents, settings=self.settings, now=self.now)
            renewal.renew(self.tx, known.enrolment, visits, self.settings, self.now)

    def kept(self, placed: _Placed | None) -> Kept:
        assert placed is not None
        stored = self.tx.resources.get(placed.kind, placed.id)
        if stored is None:
            raise Conflict(f"{placed.kind}/{placed.id} was changed twice in one request")
        return Kept(stored, placed.created, placed.found)

    def _found(self, kind: str, change: Change) -> _Placed | None:
        """What `If-None-Exist` finds is left as it is."""
        if not change.unless:
            return None
        id_ = self._only(kind, change.unless)
        return _Placed(kind, id_, found=True) if id_ else None

    def _only(self, kind: str, criteria: Sequence[Criterion]) -> str | None:
        page = self.tx.resources.search(kind, criteria, Window(2), centres=[self.centre])
        holding = [one for one in page.matches if standing(one.content) != "entered-in-error"]
        if len(holding) > 1:
            raise Conflict(f"several {kind} meet the condition", 412)
        return holding[0].id if holding else None

    def _target(self, kind: str, change: Change) -> str | None:
        if not change.chosen_by:
            return change.target
        id_, said = self._only(kind, change.chosen_by), change.resource.get("id")
        if id_ and said and said != id_:
            raise Invalid([_at(change.place, Fault(f"{kind}.id", f"the condition finds {id_}", "value"))], status=400)
        return id_ or said

    def _keep(self, kind: str, change: Change) -> _Placed:
        target = self._target(kind, change)
        before = self.tx.resources.get(kind, target) if target else None
        self._require_version(before, change)
        known = self._course_of(change, before)
        self._require_still(before, change)
        identifiers = change.resource.get("identifier", [])
        if kind == "Patient":
            return self._patient(change, before, known)
        if pushed_beside.is_one(change.resource, known, self.settings):
            return self._beside(change.resource, target, known)
        if _taken_back(change.resource):
            return self._take_back(kind, target or known.named(kind, identifiers), known)
        told = pushed_item.understood(
            self.tx, change.resource, target, identifiers, known, self.places, self.settings, self.now
        )
        there = self.tx.resources.get(kind, told.id)
        self._write(known, kind, told.id, told.content)
        return _Placed(kind, told.id, created=there is None or _is_gone(there))

    def _beside(self, resource: Resource, target: str | None, known: Known) -> _Placed:
        id_, created = pushed_beside.keep(self.tx, resource, target, known, self.now)
        self.tx.audit.add(
            at=self.now, who=self.sender.name, action="push", target=f"Observation/{id_}", centre=self.centre
        )
        return _Placed("Observation", id_, created=created)

    def _course_of(self, change: Change, before: Stored | None) -> Known:
        subject = pushed_subject.course_of(self.tx, change.resource, self.centre, self.places, self.settings)
        if before is not None and (before.centre != self.centre or before.course != subject):
            raise Conflict("this id is not free")
        return self._known(subject)

    def _known(self, subject: str) -> Known:
        if subject not in self.courses:
            enrolled = course.held(self.tx, subject)
            if enrolled is None:
                raise Conflict("this patient has just been erased")
            enrolment = schema.enrolment(enrolled.content, course.day_of(self.now))
            ids = course.ids_in(self.tx, enrolment, self.settings)
            rows = {one.id: one for one in self.tx.pushed.ever_of_course(subject)}
            self.courses[subject] = Known(enrolment, ids, rows)
        return self.courses[subject]

    def withdraw(self, asked: Withdrawal, reason: str) -> tuple[str, str] | None:
        """Type and id of what is taken back; None where this centre has no such resource."""
        id_ = self._only(asked.kind, asked.chosen_by) if asked.chosen_by else asked.target
        before = self.tx.resources.get(asked.kind, id_) if id_ else None
        if id_ is None or before is None or before.centre != self.centre or before.course is None:
            return None
        self._require_version(before, asked)
        known = self._known(before.course)
        self._require_still(before, asked)
        row = known.rows.get(known.row_id(asked.kind, id_))
        if row is not None:
            self._retract(row, known, reason)
        elif not _is_gone(before):
            told = ", ".join(sorted(self.tx.resources.sources_of(asked.kind, id_)))
            raise Conflict(f"nothing of {asked.kind}/{id_} was pushed: it is told by {told}, and corrected there")
        return asked.kind, id_

    def _require_version(self, before: Stored | None, asked: Change | Withdrawal) -> None:
        if asked.expected is not None and (before is None or before.version != asked.expected):
            raise Conflict(f"the resource is not at version {asked.expected}", 412)

    def _require_still(self, before: Stored | None, asked: Change | Withdrawal) -> None:
        """The same once the patient is held: until then another one may have changed it."""
        if asked.expected is not None and before is not None:
            self._require_version(self.tx.resources.get(before.kind, before.id), asked)

    def _write(self, known: Known, kind: str, id_: str, content: Element) -> None:
        enrolment = known.enrolment
        row, written = self.tx.pushed.put(
            id=known.row_id(kind, id_),
            centre=enrolment.centre,
            patient=enrolment.patient,
            course=known.ids.course,
            key=f"{enrolment.key}/fhir/{kind}/{id_}",
            content=content,
            at=self.now,
        )
        known.keep(row)
        if written:
            self.written.setdefault(known.ids.course, []).append(row)
            course.note(self.tx, "push", row, self.sender, self.now)

    def _take_back(self, kind: str, id_: str | None, known: Known) -> _Placed:
        row = known.rows.get(known.row_id(kind, id_)) if id_ else None
        if row is None or id_ is None:
            told = "nothing that was pushed is known by this identity, so there is nothing to take back"
            raise FaultyInput([Fault(f"{kind}.status", told, "business-rule")])
        self._retract(row, known)
        return _Placed(kind, id_)

    def _retract(self, row: Submission, known: Known, reason: str = _BY_SENDER) -> None:
        gone, written = self.tx.pushed.retract(row.id, reason, self.now)
        known.keep(gone)
        if written:
            self.written.setdefault(known.ids.course, []).append(gone)
            course.note(self.tx, "retract", gone, self.sender, self.now, gone.reason)

    def _patient(self, change: Change, before: Stored | None, known: Known) -> _Placed:
        """Of a Patient only the death is taken; that somebody lives takes back what was pushed, and no form's word."""
        id_ = known.ids("patient")
        if before is None:
            raise FaultyInput([Fault("Patient.id", "is none of the enrolled patients", "not-found")])
        pushed_subject.require_same_person(change.resource, before.content)
        row = known.rows.get(known.row_id("Patient", id_))
        if change.resource.get("deceasedDateTime") or change.resource.get("deceasedBoolean"):
            self._write(known, "Patient", id_, pushed_item.of_patient(change.resource, known, self.now))
        elif row is not None and row.status == "recorded":
            self._retract(row, known)
        elif "deceasedDateTime" in before.content or before.content.get("deceasedBoolean"):
            raise Conflict("a follow-up tells of the death: correct it there")
        return _Placed("Patient", id_)


def _taken_back(resource: Resource) -> bool:
    return standing(resource) in TAKEN_BACK and resource["resourceType"] in pushed.KINDS


def _is_gone(stored: Stored) -> bool:
    return stored.deleted or standing(stored.content) == "entered-in-error"
