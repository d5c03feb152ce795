"""The facts of one course by domain, as centres tell them, each with the resource that it was read from.

Courses are read resource by resource, so what belongs together is collected first (`pieces`) and put together when
everything of a patient is there. Facts are those of `mappings.facts`, without the notes on what is missing and without
a centre's own ids of things: `facts` of what `outcomes` wrote are the facts that it was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mappings.canonicals import Canonicals
from mappings.facts import (
    AcuteGvhd,
    Administration,
    Chimerism,
    ChronicGvhd,
    Dli,
    DliWithheld,
    Immunosuppressant,
    Infection,
    QualityOfLife,
    Relapse,
    Response,
    VitalStatus,
)
from mappings.r4.build import Resource
from mappings.registry import blood_facts, finding_facts, gvhd_facts, status_facts, treatment_facts
from mappings.registry.blood_facts import Reported, Result, Transfusion
from mappings.registry.elements import observed_in
from mappings.registry.gvhd_facts import GvhdAssessment
from mappings.registry.pieces import Piece, Pieces, Told, holds, in_order
from mappings.registry.status_facts import Performance
from mappings.registry.treatment_facts import ImmunosuppressionAssessment


@dataclass(frozen=True, slots=True)
class CourseFacts:
    """Each in the order of its first date; what has none comes last."""

    relapses: tuple[Told[Relapse], ...] = ()
    chimerism: tuple[Told[Chimerism], ...] = ()
    acute_gvhd: tuple[Told[AcuteGvhd], ...] = ()
    chronic_gvhd: tuple[Told[ChronicGvhd], ...] = ()
    gvhd_assessments: tuple[Told[GvhdAssessment], ...] = ()
    infections: tuple[Told[Infection], ...] = ()
    quality_of_life: tuple[Told[QualityOfLife], ...] = ()
    immunosuppressants: tuple[Told[Immunosuppressant], ...] = ()
    immunosuppression: tuple[Told[ImmunosuppressionAssessment], ...] = ()
    doses: tuple[Told[Administration], ...] = ()
    infusions: tuple[Told[Dli], ...] = ()
    withheld: tuple[Told[DliWithheld], ...] = ()
    responses: tuple[Told[Response], ...] = ()
    recoveries: tuple[Told[Reported], ...] = ()
    counts: tuple[Told[Result], ...] = ()
    transfusions: tuple[Told[Transfusion], ...] = ()
    subsets: tuple[Told[Result], ...] = ()
    measures: tuple[Told[Result], ...] = ()
    performance: tuple[Told[Performance], ...] = ()
    vital_status: tuple[Told[VitalStatus], ...] = ()


NOTHING = CourseFacts()
"""Of a course of which nothing was read."""


_READING = (gvhd_facts, finding_facts, treatment_facts, blood_facts, status_facts)


def pieces(resource: Resource, canonicals: Canonicals, observed: str | None = None) -> Iterator[Piece]:
    """What one resource contributes; nothing where it did not happen, or is none of these facts.

    `observed`: what an Observation tells of, where that was looked up already.
    """
    match resource.get("resourceType"):
        case "Condition" if holds(resource):
            yield from gvhd_facts.of_condition(resource, canonicals)
            yield from finding_facts.of_condition(resource, canonicals)
        case "Observation" if holds(resource):
            of = observed_in(resource, canonicals) or "" if observed is None else observed
            for each in _READING:
                if of in each.OBSERVED:
                    yield from each.of_observation(resource, of, canonicals)
        case "Procedure":
            yield from treatment_facts.of_procedure(resource, canonicals)
            yield from blood_facts.of_procedure(resource, canonicals)
        case "MedicationStatement":
            yield from treatment_facts.of_statement(resource, canonicals)
        case "MedicationAdministration" if holds(resource) or resource.get("status") == "not-done":
            yield from treatment_facts.of_administration(resource, canonicals)


def put_together(said: Iterable[Piece]) -> CourseFacts:
    """The facts of one patient from all their pieces."""
    found = Pieces.sorted_out(said)
    return CourseFacts(
        relapses=in_order(finding_facts.relapses(found), "date"),
        chimerism=in_order(found.told("chimerism"), "date"),
        acute_gvhd=in_order(gvhd_facts.episodes(found, gvhd_facts.ACUTE), "onset"),
        chronic_gvhd=in_order(gvhd_facts.episodes(found, gvhd_facts.CHRONIC), "onset"),
        gvhd_assessments=in_order(found.told("gvhd-assessment"), "date"),
        infections=in_order(finding_facts.infections(found), "onset"),
        quality_of_life=in_order(found.told("quality-of-life"), "date"),
        immunosuppressants=in_order(found.told("immunosuppressant"), "started"),
        immunosuppression=in_order(found.told("immunosuppression"), "date"),
        doses=in_order(found.told("dose"), "date"),
        infusions=in_order(treatment_facts.infusions(found), "date"),
        withheld=in_order(found.told("dli-withheld"), "date"),
        responses=in_order(status_facts.responses(found), "date"),
        recoveries=in_order(found.told("recovery"), "date"),
        counts=in_order(found.told("count"), "date"),
        transfusions=in_order(found.told("transfusion"), "date"),
        subsets=in_order(found.told("subset"), "date"),
        measures=in_order(found.told("measure"), "date"),
        performance=in_order(found.told("performance"), "date"),
        vital_status=in_order(status_facts.vital_statuses(found), "date"),
    )
