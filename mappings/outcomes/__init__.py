"""A whole course to FHIR: one module per clinical thing, one verb, references passed in.

The mapping is a pure function of the enrolment and all its follow-ups, so that a correction, a retraction or an episode
that spans visits needs no patching: the resources are what the documents say now. Where two visits tell of the same
item, the later visit counts (`retold` has the exact rule), and both are named as its sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mappings.facts import Disease, Enrolment, FollowUp, Transplant
from mappings.facts.death import last_death
from mappings.outcomes import (
    acute_gvhd,
    administrations,
    chimerism,
    chronic_gvhd,
    consent,
    disease,
    dli,
    engraftment,
    immunosuppression,
    infections,
    measurements,
    patient,
    quality_of_life,
    reconstitution,
    recovery,
    relapse,
    response,
    retold,
    study_subject,
    transplant,
    vital_status,
)
from mappings.outcomes.chart import Chart
from mappings.r4.build import Ids, Resource

__all__ = ["Mapped", "map_course"]

_OF_VISIT: tuple[Callable[[FollowUp, Chart], Iterator[Resource]], ...] = (
    measurements.of_visit,
    engraftment.to_fhir,
    response.to_fhir,
    reconstitution.to_fhir,
    acute_gvhd.to_fhir,
    vital_status.to_fhir,
    relapse.to_fhir,
    chimerism.to_fhir,
    chronic_gvhd.to_fhir,
    infections.to_fhir,
    quality_of_life.to_fhir,
    immunosuppression.to_fhir,
    administrations.to_fhir,
    dli.to_fhir,
)


_OF_STUDY: tuple[Callable[[Enrolment, Chart], Iterator[Resource]], ...] = (consent.to_fhir, study_subject.to_fhir)


@dataclass(slots=True)
class Mapped:
    """A resource, and the keys of the enrolment and follow-ups that it came from."""

    resource: Resource
    sources: tuple[str, ...]


def map_course(enrolment: Enrolment, follow_ups: Sequence[FollowUp], ids: Ids) -> tuple[Mapped, ...]:
    """Every resource of one course, in a fixed order that does not depend on the order of `follow_ups`."""
    visits = retold.put_together(sorted(follow_ups, key=lambda visit: (visit.date.latest, visit.key)))
    chart = Chart.of(
        enrolment,
        ids,
        infusions=dli.infusions(visits, ids),
        remissions=disease.remissions(visits),
        none_taken=immunosuppression.none_taken(visits),
    )
    found = {mapped.resource["id"]: mapped for mapped in _of_enrolment(enrolment, visits, chart)}
    for visit in visits:
        own = (visit.key,)
        for to_fhir in _OF_VISIT:
            for resource in to_fhir(visit, chart):
                before = found.get(resource["id"])
                found[resource["id"]] = _again(before, resource, visit) if before else Mapped(resource, own)
    return (*found.values(), *_shown(enrolment, visits, chart))


def _shown(enrolment: Enrolment, visits: Sequence[FollowUp], chart: Chart) -> Iterator[Mapped]:
    """What follows from the visits together and none of them says."""
    graft = enrolment.transplant
    if isinstance(graft, Transplant) and graft.day_zero and graft.planned is False:
        found = recovery.to_fhir(visits, graft.day_zero, chart)
        yield from (Mapped(resource, sources) for resource, sources in found)


def _again(before: Mapped, resource: Resource, visit: FollowUp) -> Mapped:
    sources = dict.fromkeys((*before.sources, visit.key))
    return Mapped(retold.later(before.resource, resource), tuple(sources))


def _of_enrolment(enrolment: Enrolment, visits: Sequence[FollowUp], chart: Chart) -> Iterator[Mapped]:
    """Of these the Patient and the leukaemia also follow what the visits tell."""
    own = (enrolment.key,)
    told = last_death(visits)
    deceased = patient.to_fhir(enrolment, told[1] if told else None, chart)
    yield Mapped(deceased, (*own, told[0].key) if told else own)
    yield from (Mapped(resource, own) for to_fhir in _OF_STUDY for resource in to_fhir(enrolment, chart))
    if isinstance(enrolment.disease, Disease):
        standing, told_by = disease.standing(enrolment.disease, visits)
        yield Mapped(disease.condition(enrolment.disease, standing, chart), (*own, *told_by))
    modules = (disease.to_fhir, transplant.to_fhir, measurements.of_enrolment)
    yield from (Mapped(resource, own) for to_fhir in modules for resource in to_fhir(enrolment, chart))
