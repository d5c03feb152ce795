"""A course from documents to resources, for tests to ask questions of."""

from __future__ import annotations

from datetime import date
from typing import Any

from mappings.canonicals import DEFAULT
from mappings.intake import schema
from mappings.outcomes import Mapped, map_course
from mappings.r4.build import Ids, Resource, course_id

AS_OF = date(2026, 11, 1)
ENROLMENT: dict[str, Any] = {
    "centre": "FR-SYN",
    "patient": "SYN-0001",
    "protocol": "set-haplo-pdli",
    "birth_date": "1971-05-02",
    "sex": "female",
    "consent": {"status": "active", "date": "2026-01-10", "registry": True},
    "transplant": {"date": "2026-03-02", "planned": False, "donor": "haploidentical", "graft": "pbsc"},
}


def visit(name: str = "m6", date: str = "2026-09-02", **sections: Any) -> dict[str, Any]:
    """A follow-up document of the patient of ENROLMENT."""
    return {"centre": "FR-SYN", "patient": "SYN-0001", "visit": name, "date": date, **sections}


def mapped(*visits: dict[str, Any], **enrolment: Any) -> tuple[Mapped, ...]:
    """The mapping of a course; keywords replace or (None) leave out parts of the enrolment."""
    document = {key: value for key, value in (ENROLMENT | enrolment).items() if value is not None}
    enrolled = schema.enrolment(document, AS_OF)
    ids = Ids(course_id(DEFAULT, enrolled.centre, enrolled.patient, enrolled.protocol))
    return map_course(enrolled, [schema.follow_up(form, AS_OF) for form in visits], ids)


def chart(*visits: dict[str, Any], **enrolment: Any) -> list[Resource]:
    """The resources of a course."""
    return [entry.resource for entry in mapped(*visits, **enrolment)]


def of_profile(resources: list[Resource], name: str) -> list[Resource]:
    """Those that claim our profile `engraft-<name>`."""
    return [r for r in resources if f"/engraft-{name}|" in r["meta"]["profile"][0]]


def codes(concept: dict[str, Any]) -> set[str]:
    """Every code of a CodeableConcept."""
    return {coding["code"] for coding in concept["coding"]}


def only(resources: list[Resource], profile: str) -> Resource:
    """The one resource of that profile."""
    (found,) = of_profile(resources, profile)
    return found


def why(primitive: dict[str, Any]) -> str:
    """The reason in the place of a primitive that is said to be missing."""
    (extension,) = primitive["extension"]
    assert extension["url"] == "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    reason: str = extension["valueCode"]
    return reason


def episode(**said: Any) -> dict[str, Any]:
    """A visit that tells of one episode of acute GVHD."""
    return visit(gvhd={"assessed": "2026-09-02", "acute": [{"onset": "2026-04-20", **said}]})
