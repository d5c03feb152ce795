"""The leukaemia: its diagnosis, its status at enrolment, and how it stands by what the visits tell.

Only the clinical status of the Condition follows the visits: a remission ends nothing (R4 con-4 knows no abatement of
a disease that may come back), and each relapse and response is kept by a resource of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from mappings.canonicals import CONDITION_CLINICAL, CONDITION_VER_STATUS
from mappings.facts import Disease, Enrolment, FollowUp, Missing, PartialDate, Relapse, Response, Said, Word
from mappings.outcomes.chart import Chart, answered, dated, noted, percent, together
from mappings.outcomes.relapse import is_molecular
from mappings.r4.build import Element, Resource, fixed
from mappings.terminology import codes

REMISSION = {"CR", "CRh", "CRi"}
PERSISTENCE = {"PR", "no-response"}
"""ELN 2022 categories by which the leukaemia is gone, or still there. The others settle neither."""

_TURNS = ("persistence", "remission", "relapse")
"""Of two turns on one day the one that stands further back here holds."""


def to_fhir(enrolment: Enrolment, chart: Chart) -> Iterator[Resource]:
    """Status at enrolment and blasts (specimen not said) as Observations.

    A disease said to be missing is a status said to be missing: a Condition would claim that there is one.
    """
    disease = enrolment.disease
    if isinstance(disease, Missing):
        yield _status(disease, chart)
    if not isinstance(disease, Disease):
        return
    if disease.status is not None:
        yield _status(disease.status, chart)
    if disease.blasts_percent is not None:
        yield chart.observation("engraft-disease-status", "blasts", None, percent(disease.blasts_percent), ())


def condition(disease: Disease, standing: str, chart: Chart) -> Resource:
    """Condition of the leukaemia; `standing` as `standing` finds it."""
    out = chart.head("Condition", "engraft-aml", "disease")
    out["clinicalStatus"] = fixed(CONDITION_CLINICAL, standing)
    diagnosis = _diagnosis(disease.diagnosis, chart) | {"subject": chart.subject}
    return together(out, diagnosis, dated("onsetDateTime", disease.diagnosed))


def standing(disease: Disease, visits: Sequence[FollowUp]) -> tuple[str, tuple[str, ...]]:
    """`clinicalStatus` after all these visits, and the key of the visit that it rests on, where there is one.

    A leukaemia that persists stands as it stood before the last remission.
    """
    relapsed = isinstance(disease.status, Word) and disease.status.key == "relapsed"
    status = ill = "relapse" if relapsed else "active"
    told_by: tuple[str, ...] = ()
    for _, place, key in sorted(_turns(visits)):
        ill = "relapse" if _TURNS[place] == "relapse" else ill
        status = "remission" if _TURNS[place] == "remission" else ill
        told_by = (key,)
    return status, told_by


def remissions(visits: Sequence[FollowUp]) -> tuple[PartialDate, ...]:
    """Days of the assessments that found a remission."""
    found = (visit.response for visit in visits if _turn(visit.response) == "remission")
    return tuple(said.date for said in found if isinstance(said, Response) and isinstance(said.date, PartialDate))


def _turns(visits: Sequence[FollowUp]) -> Iterator[tuple[date, int, str]]:
    """(day, place in _TURNS, key of the visit); what has no date of its own is of the visit's."""
    for visit in visits:
        for said in (visit.response, visit.relapse):
            turn = _turn(said)
            if turn and isinstance(said, Response | Relapse):
                when = said.date if isinstance(said.date, PartialDate) else visit.date
                yield when.latest, _TURNS.index(turn), visit.key


def _turn(said: Said[Response | Relapse]) -> str | None:
    """What an assessment says of the leukaemia; None where it settles nothing, as a molecular relapse does."""
    if isinstance(said, Relapse):
        return None if is_molecular(said) else "relapse"
    category = said.category.key if isinstance(said, Response) and isinstance(said.category, Word) else ""
    if category in REMISSION:
        return "remission"
    return "persistence" if category in PERSISTENCE else "relapse" if category == "relapse" else None


def _status(said: Word | Missing, chart: Chart) -> Resource:
    value = answered(chart, "disease-status", said)
    return chart.observation("engraft-disease-status", "disease-status", None, value, (), category="exam")


def _diagnosis(said: Word | Missing, chart: Chart) -> Element:
    """A diagnosis that is said to be missing has not been confirmed."""
    if isinstance(said, Missing):
        return {"code": chart.concept("diagnosis", said)} | noted(said)
    aml = codes.concept("conditions", "aml", chart.canonicals)
    code = aml if said.key == "aml" else chart.answer("diagnosis", said)
    return {"verificationStatus": fixed(CONDITION_VER_STATUS, "confirmed"), "code": code}
