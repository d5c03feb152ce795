"""Outcomes on their way to registries: de-identified bundles of who agreed, and the centre's own.

A bundle that leaves needs a consent that holds today. A patient of whom a record is at fault is set aside whole and
named, and holds up nobody else: part of a course is worse than none, for what it lacks would be taken for a finding.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from adapter.errors import Refused
from adapter.store.courses import decoded
from adapter.trail import journal
from mappings.canonicals import DEFAULT, Canonicals
from mappings.r4.build import Resource
from mappings.r4.faults import Fault, FaultyInput
from mappings.registry.bundle import outcome_bundle, outgoing, own_bundle
from mappings.registry.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from adapter.store import Store
    from adapter.store.stored import Stored

COURSES_AT_ONCE = 50
"""Courses in memory at a time."""

MALFORMED = (ValueError, TypeError, LookupError, AttributeError)
"""What reading a record raises that is no FHIR, or no FHIR that can be told."""


@dataclass(frozen=True, slots=True)
class Aside:
    """A patient whose outcomes are not among the others, by our name of the course, and by the name under which they
    would have gone (`Patient/id`, a pseudonym where they leave); `faults` name each record.
    """

    course: str
    patient: str
    faults: tuple[Fault, ...]

    def for_the_centre(self) -> list[Fault]:
        """The faults under our own name of the course."""
        return [Fault(f"course {self.course}", "is set aside whole", "incomplete"), *self.faults]

    def outcome(self) -> Resource:
        """For who was to have them: an OperationOutcome."""
        whole = Fault(self.patient, "is set aside whole, because of a record that its centre has to mend", "incomplete")
        return {
            "resourceType": "OperationOutcome",
            "id": str(uuid5(NAMESPACE_URL, self.patient)),
            "issue": [
                {"severity": "error", "code": fault.code, "diagnostics": f"{fault.path}: {fault.message}"}
                for fault in (whole, *self.faults)
            ],
        }


def bundles(
    store: Store,
    key: bytes,
    now: datetime,
    patient: str | None = None,
    *,
    aside: list[Aside],
    centres: Collection[str] | None = None,
    canonicals: Canonicals = DEFAULT,
) -> Iterator[Resource]:
    """A bundle for each course whose patient agrees on the day of `now`, in the order of their pseudonyms.

    `patient`: only the one with this id, identifier or number at the centre. `centres` None: of every centre.
    `aside` gets who is set aside. Raises Refused for a key that is too short.
    """
    pseudonyms = keyed(key)
    for _, found in courses(store, pseudonyms, centres):
        resources = [stored.content for stored in found]
        if patient is None or any(_is(patient, resource) for resource in resources):
            try:
                bundle = outcome_bundle(resources, key, now.date(), canonicals)
            except MALFORMED as error:
                aside.append(set_aside(found, error, pseudonyms))
            else:
                yield from [bundle] if bundle else []


def courses(
    store: Store,
    pseudonyms: Pseudonyms,
    centres: Collection[str] | None = None,
    *,
    after: str = "",
    as_of: datetime | None = None,
) -> Iterator[tuple[str, list[Stored]]]:
    """Each course that has a Consent, whatever it says: its pseudonym, and everything in it. In the order of the
    pseudonyms, and only `after` one of them. `as_of`: as it stood then, but for its Consents.
    """
    named = ((pseudonyms.id("course", name), name) for name in _consenting(store, centres))
    names = sorted(one for one in named if one[0] > after)
    for start in range(0, len(names), COURSES_AT_ONCE):
        some = names[start : start + COURSES_AT_ONCE]
        with store.reading() as tx:
            found = tx.resources.of_courses([name for _, name in some], as_of)
        yield from ((place, decoded(found.get(name, ()))) for place, name in some)


def courses_to_see(store: Store) -> int:
    """How many there are that `courses` gives."""
    return len(_consenting(store, None))


def released(
    found: Sequence[Stored], key: bytes, on: date, aside: list[Aside], canonicals: Canonicals = DEFAULT
) -> tuple[Resource, ...]:
    """What the outcome bundle of one course holds, but for its Composition; nothing where it may not leave."""
    try:
        return outgoing([stored.content for stored in found], key, on, canonicals)
    except MALFORMED as error:
        aside.append(set_aside(found, error, keyed(key)))
        return ()


def set_aside(found: Sequence[Stored], error: Exception, pseudonyms: Pseudonyms | None) -> Aside:
    """Of a course whose outcomes are at fault. The log learns what and where, and not whose it is."""
    name = next(stored.course or "" for stored in found)
    patient = next((stored.id for stored in found if stored.kind == "Patient"), "")
    told = pseudonyms.id("Patient", patient) if pseudonyms else patient
    if isinstance(error, FaultyInput):
        faults = error.faults
    else:  # without the words of an unforeseen error, which may quote a patient
        faults = (Fault("Patient", "has a record that cannot be read", "processing"),)
    places = [one.path for one in faults]
    journal.warn("outcomes-set-aside", error=type(error).__name__, places=places)
    return Aside(name, f"Patient/{told}", faults)


def whole(resources: Sequence[Resource], key: bytes, on: date, canonicals: Canonicals = DEFAULT) -> list[Resource]:
    """The resources of the outcome bundle of one course; none where it may not leave."""
    bundle = outcome_bundle(resources, key, on, canonicals)
    return [entry["resource"] for entry in bundle["entry"]] if bundle else []


def keyed(key: bytes) -> Pseudonyms:
    """Raises Refused for a key that is too short."""
    try:
        return Pseudonyms(key)
    except MALFORMED as error:
        raise Refused(str(error)) from error


def own_bundles(
    store: Store, centre: str, *, aside: list[Aside], canonicals: Canonicals = DEFAULT
) -> Iterator[Resource]:
    """A bundle for each course of a centre, identified, in the order of their ids. `aside` gets who is set aside.

    It is the centre's own record and does not leave it, so nobody's consent to registries is asked for.
    """
    with store.reading() as tx:
        found = tx.resources.stream(centres=[centre], kinds=["Patient"])
        names = {stored.course for stored in found if stored.course}
    for name in sorted(names):
        with store.reading() as tx:
            mine = [stored for stored in tx.resources.of_course(name) if stored.centre == centre]
        try:
            bundle = own_bundle([stored.content for stored in mine], name, canonicals)
        except MALFORMED as error:
            aside.append(set_aside(mine, error, None))
        else:
            yield from [bundle] if bundle else []


def _consenting(store: Store, centres: Collection[str] | None) -> set[str]:
    """Courses that have a Consent at all; whether it is a yes is judged with the whole course at hand."""
    with store.reading() as tx:
        return {stored.course for stored in tx.resources.stream(centres=centres, kinds=["Consent"]) if stored.course}


def _is(patient: str, resource: Resource) -> bool:
    if resource["resourceType"] != "Patient":
        return False
    named = [identifier.get("value", "") for identifier in resource.get("identifier", [])]
    return patient.removeprefix("Patient/") == resource["id"] or any(
        patient in (value, value.rpartition("/")[2]) for value in named
    )
