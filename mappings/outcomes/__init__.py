"""A whole course to FHIR: one module per clinical thing, one verb, references passed in.

The mapping is a pure function of the enrolment and all its follow-ups, so that a correction, a retraction or an episode
that spans visits needs no patching: the resources are what the documents say now. Where two visits tell of the same
item, the later visit counts (`retold` has the exact rule), and both are named as its sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

from mappings.facts import Enrolment, FollowUp, Missing
from mappings.outcomes import (
    acute_gvhd,
    consent,
    disease,
    engraftment,
    measurements,
    patient,
    reconstitution,
    response,
    retold,
    transplant,
    vital_status,
)
from mappings.outcomes.chart import Chart
from mappings.r4.build import Ids, Resource
from mappings.r4.faults import Fault

__all__ = ["Mapped", "map_course", "unsupported"]

_OF_VISIT: tuple[Callable[[FollowUp, Chart], Iterator[Resource]], ...] = (
    measurements.of_visit,
    engraftment.to_fhir,
    response.to_fhir,
    reconstitution.to_fhir,
    acute_gvhd.to_fhir,
    vital_status.to_fhir,
)
_NOT_YET = (
    *("relapse", "chimerism", "infections", "quality_of_life", "immunosuppression"),
    *("administrations", "dli", "dli_withheld"),
)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A resource, and the keys of the enrolment and follow-ups that it came from."""

    resource: Resource
    sources: tuple[str, ...]


def map_course(enrolment: Enrolment, follow_ups: Sequence[FollowUp], ids: Ids) -> tuple[Mapped, ...]:
    """Every resource of one course, in a fixed order that does not depend on the order of `follow_ups`."""
    chart = Chart.of(enrolment, ids)
    visits = retold.put_together(sorted(follow_ups, key=lambda visit: (visit.date.latest, visit.key)))
    found = {resource["id"]: Mapped(resource, (enrolment.key,)) for resource in _of_enrolment(enrolment, chart)}
    for visit in visits:
        for resource in (resource for to_fhir in _OF_VISIT for resource in to_fhir(visit, chart)):
            before = found.get(resource["id"])
            found[resource["id"]] = _again(before, resource, visit) if before else Mapped(resource, (visit.key,))
    return (_patient(enrolment, visits, chart), *found.values())


def _again(before: Mapped, resource: Resource, visit: FollowUp) -> Mapped:
    sources = dict.fromkeys((*before.sources, visit.key))
    return Mapped(retold.later(before.resource, resource), tuple(sources))


def unsupported(follow_up: FollowUp) -> list[Fault]:
    """Sections that this release does not map: refused, so that nothing is taken and then dropped."""
    given = {field.name for field in fields(follow_up) if getattr(follow_up, field.name) is not None}
    faults = [_not_yet(section) for section in _NOT_YET if section in given]
    gvhd = follow_up.gvhd
    if gvhd is not None and not isinstance(gvhd, Missing) and gvhd.chronic:
        faults.append(_not_yet("gvhd.chronic"))
    return faults


def _not_yet(path: str) -> Fault:
    return Fault(path, f"{path} is not yet supported: send the form without it", "not-supported")


def _of_enrolment(enrolment: Enrolment, chart: Chart) -> Iterator[Resource]:
    yield from consent.to_fhir(enrolment, chart)
    yield from disease.to_fhir(enrolment, chart)
    yield from transplant.to_fhir(enrolment, chart)
    yield from measurements.of_enrolment(enrolment, chart)


def _patient(enrolment: Enrolment, visits: Sequence[FollowUp], chart: Chart) -> Mapped:
    told = patient.last_death(visits)
    key, death = told or ("", None)
    return Mapped(patient.to_fhir(enrolment, death, chart), (enrolment.key, *([key] if told else [])))
