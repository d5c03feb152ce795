"""Outcomes on their way to registries: de-identified bundles of who agreed, the centre's own, and the endpoint report.

The report is the centre's own and counts every patient; a bundle that leaves needs a consent that holds today.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapter.errors import Invalid, Refused
from mappings.canonicals import DEFAULT, Canonicals
from mappings.r4 import wire
from mappings.r4.build import Resource
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import validate
from mappings.registry import course, report
from mappings.registry.bundle import outcome_bundle, own_bundle
from mappings.registry.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from adapter.store import Store

REJECTED = "rejected.ndjson"
"""What `engraft map` writes beside the resources: rows that could not be mapped."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a report is asked for; empty endpoints are all that there are. `release`: it leaves the centre."""

    endpoints: Collection[str] = ()
    horizons: Collection[int] = ()
    as_of: date | None = None
    release: bool = False


def bundles(
    store: Store,
    key: bytes,
    now: datetime,
    patient: str | None = None,
    *,
    centres: Collection[str] | None = None,
    canonicals: Canonicals = DEFAULT,
) -> Iterator[Resource]:
    """A bundle for each course whose patient agrees on the day of `now`, in the order of their pseudonyms.

    `patient`: only the one with this id, identifier or number at the centre. `centres` None: of every centre.
    Raises Refused for a key that is too short.
    """
    try:
        pseudonyms = Pseudonyms(key)
    except ValueError as error:
        raise Refused(str(error)) from error
    for name in sorted(_consenting(store, centres), key=lambda each: pseudonyms.id("course", each)):
        with store.reading() as tx:
            resources = [stored.content for stored in tx.resources.of_course(name)]
        if patient is None or any(_is(patient, resource) for resource in resources):
            bundle = outcome_bundle(resources, key, now.date(), canonicals)
            yield from [bundle] if bundle else []


def own_bundles(store: Store, centre: str, *, canonicals: Canonicals = DEFAULT) -> Iterator[Resource]:
    """A bundle for each course of a centre, identified, in the order of their ids.

    It is the centre's own record and does not leave it, so nobody's consent to registries is asked for.
    """
    with store.reading() as tx:
        found = tx.resources.stream(centres=[centre], kinds=["Patient"])
        names = {stored.course for stored in found if stored.course}
    for name in sorted(names):
        with store.reading() as tx:
            resources = [stored.content for stored in tx.resources.of_course(name) if stored.centre == centre]
        bundle = own_bundle(resources, name, canonicals)
        yield from [bundle] if bundle else []


def report_from_store(
    store: Store,
    question: Question,
    *,
    centres: Collection[str] | None = None,
    canonicals: Canonicals = DEFAULT,
) -> report.Report:
    """Endpoints of everything stored. Raises Invalid naming an endpoint or horizon that does not exist."""
    with store.reading() as tx:
        stored = tx.resources.stream(centres=centres, kinds=course.READ_TYPES)
        courses = course.read((each.content for each in stored), canonicals)
    return _compile(courses, question)


def report_from_directory(path: Path, question: Question, *, canonicals: Canonicals = DEFAULT) -> report.Report:
    """Endpoints of the NDJSON files of a folder, as `engraft map` or bulk export write it; or of one such file.

    Raises Refused where there are none, Invalid naming file and line of what is no valid FHIR R4.
    """
    files = [path] if path.is_file() else sorted(each for each in path.glob("*.ndjson") if each.name != REJECTED)
    if not files:
        raise Refused(f"{path} holds no .ndjson files")
    return _compile(course.read(_lines(files), canonicals), question)


def _compile(courses: list[course.Course], question: Question) -> report.Report:
    try:
        return report.compile_report(
            courses,
            endpoints=question.endpoints,
            horizons=question.horizons,
            as_of=question.as_of,
            release=question.release,
        )
    except FaultyInput as error:
        raise Invalid(error.faults) from error


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


def _lines(files: Iterable[Path]) -> Iterator[Resource]:
    """One resource at a time, of the types that a course is read from."""
    for file in files:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield from _resource(line, f"{file.name}:{number}")


def _resource(line: bytes, place: str) -> list[Resource]:
    try:
        said: Any = wire.decode(line)
    except FaultyInput as error:
        raise Invalid([_at(place, fault) for fault in error.faults]) from error
    if isinstance(said, dict) and "resourceType" in said and said["resourceType"] not in course.READ_TYPES:
        return []
    faults = [fault for fault in validate(said) if fault.severity == "error"]
    if faults:
        raise Invalid([_at(place, fault) for fault in faults])
    return [said]


def _at(place: str, fault: Fault) -> Fault:
    return Fault(f"{place}: {fault.path}", fault.message, fault.code, fault.severity)
