"""Does a hospital have what we think it has? Patient by patient, so that it can stop anywhere and go on there.

never sent       ours, of a type that is delivered, neither sent nor waiting
missing          sent, and no longer there
edited           there, and not as we sent it: the hospital's own word, which only the policy `ours` replaces

Source: HAPI 8.8 answers an equal search from a cache for a minute; the client asks for fresh answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from adapter.flows import course
from adapter.hospital.changes import in_our_words
from adapter.hospital.client import HospitalClient
from adapter.store.outbox import DISCARDED, UNFINISHED
from adapter.store.sent import Given
from mappings.outcomes import retract
from mappings.r4.build import Resource
from mappings.r4.wire import content_hash

if TYPE_CHECKING:
    from adapter.store import Store

NEVER_SENT, GONE, EDITED = "never-sent", "missing", "edited"
DECIDED = (*UNFINISHED, DISCARDED)
"""States of deliveries that say already what is to become of a resource."""

AT_ONCE = 50
"""Resources of one search."""

SOURCE = "reconcile"
"""Instead of a document's key: why a delivery was queued."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`reference` by our own id; `version`: what the hospital has, None where it says none."""

    course: str
    reference: str
    what: str
    version: str | None = None


def courses(store: Store, centres: Sequence[str], after: str = "") -> list[str]:
    """Those of the centres, in the order in which they are compared; only what comes `after` one."""
    with store.reading() as tx:
        patients = tx.resources.stream(centres=centres, kinds=["Patient"])
        return sorted({one.course for one in patients if one.course and one.course > after})


def compare(store: Store, client: HospitalClient, hospital: str, course_: str) -> list[Difference]:
    """What differs for one patient. Reads only. Raises HospitalUnavailable, HospitalRefused."""
    with store.reading() as tx:
        here = course.kept_here(tx, course_)
        told = [one for one in tx.resources.of_course(course_) if one.reference not in here]
        ours = {one.reference: one.content for one in told if one.kind in course.DELIVERED}
        known = tx.sent.known(hospital, [_pair(name) for name in ours])
        theirs = tx.links.get(hospital, course_)
        waiting = _named(row.content for row in tx.outbox.of_course(hospital, course_, DECIDED))
    # where the hospital's own Patient stands for ours, ours is not sent
    unsent = (name for name in sorted(ours.keys() - known.keys() - waiting) if not (theirs and _is_patient(name)))
    checked = {name: given for name, given in known.items() if name not in waiting}
    return [Difference(course_, name, NEVER_SENT) for name in unsent] + list(_checked(client, course_, checked, ours))


def repair(store: Store, hospital: str, found: Sequence[Difference], policy: str, now: datetime) -> int:
    """Queues again what is missing or was never sent, and what was edited where the policy is `ours`. How many."""
    wanted = [one for one in found if one.what != EDITED or policy == "ours"]
    by_course: dict[str, list[str]] = {}
    for one in wanted:
        by_course.setdefault(one.course, []).append(one.reference)
    for course_, names in by_course.items():
        with store.transaction() as tx:
            tx.sent.forget(hospital, [_pair(name) for name in names])
            stored = tx.resources.get_many(sorted(names, key=lambda name: course.DELIVERED.index(_pair(name)[0])))
            resources = [retract.unversioned(one.content) for one in stored]
            tx.outbox.add(hospital, course_, resources, source=SOURCE, at=now)
    return len(wanted)


def _checked(
    client: HospitalClient, course_: str, known: Mapping[str, Given], ours: Mapping[str, Resource]
) -> Iterator[Difference]:
    back = {f"{one.kind}/{one.there}": name for name, one in known.items() if one.there != one.id}
    for kind in sorted({one.kind for one in known.values()}):
        these = sorted((one for one in known.values() if one.kind == kind), key=lambda one: one.there)
        for start in range(0, len(these), AT_ONCE):
            part = these[start : start + AT_ONCE]
            matches = client.search(kind, [("_id", ",".join(one.there for one in part))])
            there = {str(match["id"]): match for match in matches}
            for one in part:
                if (found := there.get(one.there)) is None:
                    yield Difference(course_, one.reference, GONE)
                elif content_hash(in_our_words(found, ours[one.reference], back)) != one.hash:
                    version = found.get("meta", {}).get("versionId")
                    yield Difference(course_, one.reference, EDITED, version)


def _named(contents: Iterable[Sequence[Resource]]) -> set[str]:
    return {f"{one['resourceType']}/{one['id']}" for content in contents for one in content}


def _is_patient(name: str) -> bool:
    return name.startswith("Patient/")


def _pair(name: str) -> tuple[str, str]:
    kind, _, id_ = name.partition("/")
    return kind, id_
