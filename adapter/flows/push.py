"""What registries are sent: queued when asked for, and only what they were not told yet; taken back when consent ends.

What a registry was told is read from the outbox, which keeps every row: the last word on each resource. A resource
that has left the bundle, or whose patient no longer agrees, is followed by itself emptied (`registry.retraction`). A
withdrawal is queued in the transaction in which it is recorded, without waiting for the next push.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from adapter.errors import Refused
from adapter.flows.registry import MALFORMED
from adapter.store.lease import LEASED, PARKED, WAITING
from adapter.store.outbox import DELIVERED, DISCARDED
from mappings.r4.build import Resource
from mappings.r4.faults import FaultyInput
from mappings.r4.wire import content_hash
from mappings.registry.consent import permits
from mappings.registry.retraction import emptied, is_emptied

if TYPE_CHECKING:
    from adapter.store import Store, Tx
    from adapter.store.delivery import Delivery

EVERY = (WAITING, LEASED, PARKED, DELIVERED, DISCARDED)
SOURCE = "registry-push"
"""What the outbox names as the document behind what goes to a registry."""

OTHER_KEY = (
    "{0} knows the patients by pseudonyms of another key: give it that key again (docs/deidentification.md), or, if "
    "the new one is meant, engraft registry push {0} --new-key takes everything back and sends it under the new one"
)

NO_CONSENT = "the patient does not agree to registries, or no longer"


@dataclass(frozen=True, slots=True)
class Submission:
    """The change sets that a registry may have of one course, and what it cannot have, counted by resource and why."""

    parts: Sequence[Sequence[Resource]] = ()
    left: Counter[str] = field(default_factory=Counter)


Submit = Callable[[Sequence[Resource], str | None], Submission]
"""From all resources of a course and its centre."""


@dataclass(slots=True)
class Pushed:
    """Of one registry: courses with something new, courses taken back, courses that it has as they are; resources.

    `left`: what it cannot be sent, counted by resource and reason.
    """

    queued: int = 0
    retracted: int = 0
    unchanged: int = 0
    resources: int = 0
    left: Counter[str] = field(default_factory=Counter)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        plain = {name: getattr(self, name) for name in ("queued", "retracted", "unchanged", "resources")}
        return plain | {"left": dict(sorted(self.left.items()))}


@dataclass(slots=True)
class _Lane:
    """What one registry was told of one course, by `Type/id`, in the order in which it was told."""

    rows: list[Delivery]
    said: dict[str, Resource] = field(default_factory=dict)
    there: dict[str, Resource] = field(default_factory=dict)

    @classmethod
    def of(cls, tx: Tx, registry: str, course: str) -> _Lane:
        rows = tx.outbox.of_course(registry, course, EVERY)
        lane = cls(sorted(rows, key=lambda row: (row.created, row.id)))
        for row in lane.rows:
            told = {_name(one): one for one in row.content}
            if row.error != NO_CONSENT:  # taken out by us before it was sent: it was never said
                lane.said |= told
            if row.attempts:  # an answer may have been lost: what was tried may be there
                lane.there |= told
        return lane

    def news(self, resource: Resource) -> bool:
        """Does it say something else than what was told last?"""
        last = self.said.get(_name(resource))
        return last is None or content_hash(last) != content_hash(resource)

    def open(self) -> list[Delivery]:
        return [row for row in self.rows if row.state in (WAITING, PARKED)]


def push(store: Store, registry: str, submit: Submit, now: datetime, *, who: str, new_key: bool = False) -> Pushed:
    """Queues for one registry what it was not told yet, a transaction for each course; a line in the audit.

    Raises Refused where the registry knows the patients by other pseudonyms and nobody said that it is a `new_key`.
    """
    if not new_key:
        _require_same_key(store, registry, submit, now.date())
    done = Pushed()
    for course in _courses(store):
        with store.transaction() as tx:
            tx.hold(course)
            found = tx.resources.of_course(course)
            resources = [stored.content for stored in found]
            if not _permitted(resources, now.date()):
                done.retracted += bool(retract(tx, registry, course, now))
                continue
            try:
                submission = submit(resources, next((stored.centre for stored in found if stored.centre), None))
            except MALFORMED as error:  # one patient's record must not hold up all others
                # without the words of an unforeseen error, which may quote a patient
                told = str(error) if isinstance(error, FaultyInput) else "has a record that cannot be read"
                done.left[f"course {course}: {told}"] += 1
                continue
            done.left += submission.left
            changes = _changes(_Lane.of(tx, registry, course), submission.parts)
            for change in changes:
                tx.outbox.add(registry, course, change, source=SOURCE, at=now)
                done.resources += len(change)
            done.queued += bool(changes)
            done.unchanged += not changes
    with store.transaction() as tx:
        told = f"{done.queued} queued, {done.retracted} taken back, {done.unchanged} unchanged"
        tx.audit.add(at=now, who=who, action="registry-push", target=registry, centre=None, detail=told)
    return done


def retract(tx: Tx, registry: str, course: str, now: datetime) -> int:
    """Takes back all that the registry has, or may have, of a course; what still waits is not sent. How many rows."""
    unsent = [row for row in _Lane.of(tx, registry, course).open() if not all(map(is_emptied, row.content))]
    for row in unsent:
        tx.outbox.discard(row.id, NO_CONSENT, now)
    lane = _Lane.of(tx, registry, course)
    left = [one for one in map(emptied, lane.there.values()) if lane.news(one)]
    if left:
        tx.outbox.add(registry, course, _ordered(left), source=SOURCE, at=now)
    return len(unsent) + bool(left)


def follow_consent(tx: Tx, course: str, changed: Iterable[Resource], registries: Iterable[str], now: datetime) -> None:
    """Retracts at once where what `changed` in a course is its consent, and it is no longer a yes.

    What registries can fetch of a time when it was one they can fetch no longer.
    """
    consents = [one for one in changed if one["resourceType"] == "Consent"]
    if not consents or _permitted([stored.content for stored in tx.resources.of_course(course)], now.date()):
        return
    for registry in registries:
        retract(tx, registry, course, now)
    if any(_was_a_yes(tx, one, now.date()) for one in consents):
        tx.note("exports-ended", exports=tx.exports.end(now, None))


def _was_a_yes(tx: Tx, consent: Resource, on: date) -> bool:
    """In the version before this one."""
    now = tx.resources.get("Consent", consent["id"])
    before = tx.resources.version("Consent", consent["id"], now.version - 1) if now else None
    return before is not None and permits([before.content], on)


def named(registries: Iterable[str], name: str | None) -> list[str]:
    """The registries to push to. Raises Refused for one that is not configured, or where none is."""
    known = sorted(registries)
    if name is not None and name not in known:
        raise Refused(f"no registry is called {name}; known: {', '.join(known) or 'none'}")
    if not known:
        raise Refused("no registry is configured: [registries.NAME] with its base_url")
    return known if name is None else [name]


def _changes(lane: _Lane, submitted: Sequence[Sequence[Resource]]) -> list[list[Resource]]:
    """What of each change set is new, and, last, what the registry has and would not get any more."""
    wanted = {_name(one) for part in submitted for one in part}
    new = [list(filter(lane.news, part)) for part in submitted]
    gone = [emptied(one) for name, one in lane.there.items() if name not in wanted]
    new.append(_ordered(list(filter(lane.news, gone))))
    return [part for part in new if part]


def _require_same_key(store: Store, registry: str, submit: Submit, on: date) -> None:
    """One course that the registry was told is enough to see: all are under one key."""
    for course in _courses(store):
        with store.reading() as tx:
            found = tx.resources.of_course(course)
            known = _alive(_Lane.of(tx, registry, course).said.values())
        resources = [stored.content for stored in found]
        if not known or not _permitted(resources, on):
            continue
        try:
            submission = submit(resources, next((stored.centre for stored in found if stored.centre), None))
        except MALFORMED:
            continue
        meant = _alive(one for part in submission.parts for one in part)
        if meant and not meant & known:
            raise Refused(OTHER_KEY.format(registry))
        if meant:
            return


def _alive(resources: Iterable[Resource]) -> set[str]:
    return {one["id"] for one in resources if one["resourceType"] == "Patient" and not is_emptied(one)}


def _courses(store: Store) -> list[str]:
    with store.reading() as tx:
        found = tx.resources.stream(centres=None, kinds=["Consent"])
        return sorted({stored.course for stored in found if stored.course})


def _permitted(resources: Iterable[Resource], on: date) -> bool:
    return permits([one for one in resources if one["resourceType"] == "Consent"], on)


def _ordered(resources: list[Resource]) -> list[Resource]:
    return sorted(resources, key=lambda one: (one["resourceType"] != "Patient", _name(one)))


def _name(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
