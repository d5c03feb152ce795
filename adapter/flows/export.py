"""Everything that is stored, as lines of NDJSON: as it stands, or as a registry may see it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from adapter.flows import registry
from adapter.flows.registry import Aside
from adapter.store.streaming import Wanted
from mappings.canonicals import DEFAULT, Canonicals
from mappings.r4 import wire
from mappings.r4.build import Resource
from mappings.registry.allow_list import allow_list
from mappings.registry.consent import permits
from mappings.registry.deidentify import deidentify
from mappings.registry.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from adapter.store import Store
    from adapter.store.stored import Stored

STEP = 500
"""Resources of one step."""

Line = tuple[str, bytes]
"""The type of a resource, and its JSON."""


class Step(NamedTuple):
    """Some lines, and the place after which an interrupted export may go on. `units`: how much of it was done."""

    place: str
    units: int
    lines: list[Line]


def identified(store: Store, wanted: Wanted) -> Iterator[Line]:
    """Newest versions, a few in memory at a time."""
    with store.reading() as tx:
        for _, kind, line in tx.resources.lines(wanted):
            yield kind, line


def identified_steps(store: Store, wanted: Wanted, *, after: str = "") -> Iterator[Step]:
    """The same in steps of some hundred, a unit a resource, `after` the place of an earlier one."""
    with store.reading() as tx:
        found = tx.resources.lines(replace(wanted, after=int(after or 0)))
        while some := list(islice(found, STEP)):
            yield Step(str(some[-1][0]), len(some), [(kind, line) for _, kind, line in some])


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a registry may see on the day of `now`, by `key`.

    Of it what was changed at `since` or later, and before `until`; `patients`: only of these, by our own ids; `study`:
    only of who is in it. `as_of`: what stood there then, as far as consents allow it now.
    """

    key: bytes
    now: datetime
    canonicals: Canonicals = DEFAULT
    since: datetime | None = None
    until: datetime | None = None
    patients: Collection[str] | None = None
    study: str | None = None
    as_of: datetime | None = None

    def has(self, found: Sequence[Stored]) -> bool:
        """Is a course among those that are asked for?"""
        if self.patients is not None and not any(one.kind == "Patient" and one.id in self.patients for one in found):
            return False
        if self.study is None:
            return True
        studies = (one.content.get("study", {}) for one in found if one.kind == "ResearchSubject")
        return any(study.get("reference") == f"ResearchStudy/{self.study}" for study in studies)

    def changed(self, one: Stored, *, anew: bool) -> bool:
        """`anew`: the whole course could not be seen before `since`."""
        late = self.since is None or anew or one.at >= self.since
        return late and (self.until is None or one.at < self.until)

    def anew(self, found: Sequence[Stored]) -> bool:
        """Does a consent show now what it did not show at `since`? Then everything is new to who may see it."""
        if self.since is None or any(one.kind == "Consent" and one.at >= self.since for one in found):
            return True
        return not permits(_consents(found), self.since.date())

    def shown(self, found: Sequence[Stored], aside: list[Aside], kinds: Collection[str] | None) -> Iterator[Resource]:
        """What leaves of one course."""
        if not self.has(found):
            return
        anew, pseudonyms = self.anew(found), registry.keyed(self.key)
        changed = [one for one in found if self.changed(one, anew=anew)]
        if not changed:
            return
        places = {(one.kind, pseudonyms.id(one.kind, one.id)) for one in changed} if len(changed) < len(found) else None
        for one in registry.released(found, self.key, self.now.date(), aside, self.canonicals):
            place = (one["resourceType"], one["id"])
            if (kinds is None or place[0] in kinds) and (places is None or place in places):
                yield one

    def ended(self, found: Sequence[Stored]) -> bool:
        """May a course not be seen any more that might have been at `since`?"""
        assert self.since is not None
        changed = any(one.kind == "Consent" and one.at >= self.since for one in found)
        consents = _consents(found)
        return (changed or permits(consents, self.since.date())) and not permits(consents, self.now.date())


def deidentified(
    store: Store, leaving: Leaving, *, aside: list[Aside], kinds: Collection[str] | None = None
) -> Iterator[Resource]:
    """What is in the outcome bundles of patients who agree, but for the Composition, which is stored nowhere.

    `aside` gets who is set aside. Raises Refused for a key that is too short.
    """
    for _, found in registry.courses(store, registry.keyed(leaving.key), as_of=leaving.as_of):
        yield from leaving.shown(found, aside, kinds)


def deidentified_steps(
    store: Store, leaving: Leaving, *, aside: list[Aside], kinds: Collection[str] | None = None, after: str = ""
) -> Iterator[Step]:
    """The same in steps and units of a course, `after` the place of an earlier one."""
    for place, found in registry.courses(store, registry.keyed(leaving.key), after=after):
        shown = leaving.shown(found, aside, kinds)
        yield Step(place, 1, list(encoded(shown)))


def encoded(resources: Iterator[Resource]) -> Iterator[Line]:
    """As lines."""
    return ((one["resourceType"], wire.encode(one)) for one in resources)


def withdrawn(store: Store, leaving: Leaving) -> Iterator[tuple[str, str]]:
    """(type, pseudonym) of everything that might have been seen at `since` and may not be on the day of `now`: of
    patients whose consent changed or ended by its own date, of what was deleted, and of who was erased.

    Also of patients who never agreed: that somebody was once in a release is not kept, and the pseudonym of what was
    never sent tells nothing. Raises Refused for a key that is too short.
    """
    assert leaving.since is not None
    pseudonyms, may_leave = registry.keyed(leaving.key), allow_list().resources
    with store.reading() as tx:
        wanted = Wanted(
            kinds=may_leave,
            since=leaving.since,
            patients=leaving.patients,
            study=leaving.study,
            as_of=leaving.as_of,
        )
        gone = tx.resources.gone(wanted)
        erased = tx.erased.since(recipient(pseudonyms), leaving.since, leaving.as_of)
    yield from ((kind, pseudonyms.id(kind, id_)) for kind, id_ in gone)
    there = set()
    for place, found in registry.courses(store, pseudonyms, as_of=leaving.as_of):
        there.add(place)
        if leaving.has(found) and leaving.ended(found):
            yield from names(found, leaving)
    if leaving.patients is None:  # who was erased is nobody who can be asked for
        yield from (name for place, name in erased if place not in there)


def recipient(pseudonyms: Pseudonyms) -> str:
    """Whoever knows the patients under these pseudonyms, by a name that tells nothing of the key."""
    return pseudonyms.value("recipient", "")


def names(found: Sequence[Stored], leaving: Leaving) -> Iterator[tuple[str, str]]:
    """(type, pseudonym) of what would leave of a course; of everything where that cannot be found out."""
    try:
        cleaned = deidentify([one.content for one in found], leaving.key, leaving.canonicals).resources
    except registry.MALFORMED:
        pseudonyms = registry.keyed(leaving.key)
        return ((one.kind, pseudonyms.id(one.kind, one.id)) for one in found if one.kind in allow_list().resources)
    return ((one["resourceType"], one["id"]) for one in cleaned)


def known(store: Store, leaving: Leaving) -> dict[str, str]:
    """Our own id of each patient who may be seen on the day of `now`, by the pseudonym."""
    pseudonyms, found_all = registry.keyed(leaving.key), registry.courses(store, registry.keyed(leaving.key))
    return {
        pseudonyms.id("Patient", one.id): one.id
        for _, found in found_all
        if leaving.has(found) and permits(_consents(found), leaving.now.date())
        for one in found
        if one.kind == "Patient"
    }


def only(store: Store, leaving: Leaving, asked: Collection[str]) -> Leaving:
    """The same of these pseudonyms alone; whoever may not be seen is left out."""
    seen = known(store, leaving)
    return replace(leaving, patients=[seen[one] for one in asked if one in seen])


def _consents(found: Sequence[Stored]) -> list[Resource]:
    return [one.content for one in found if one.kind == "Consent"]
