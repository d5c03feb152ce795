"""The leukaemia at enrolment."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.canonicals import CONDITION_CLINICAL, CONDITION_VER_STATUS
from mappings.facts import Disease, Enrolment, Missing, Word
from mappings.outcomes.chart import Chart, answered, dated, noted, percent, together
from mappings.r4.build import Element, Resource, coding, concept
from mappings.terminology import codes


def to_fhir(enrolment: Enrolment, chart: Chart) -> Iterator[Resource]:
    """Condition of the leukaemia, its status at enrolment and its blasts (specimen not said) as Observations.

    A disease said to be missing is a status said to be missing: a Condition would claim that there is one.
    """
    disease = enrolment.disease
    if isinstance(disease, Missing):
        yield _status(disease, chart)
    if not isinstance(disease, Disease):
        return
    yield _condition(disease, chart)
    if disease.status is not None:
        yield _status(disease.status, chart)
    if disease.blasts_percent is not None:
        yield chart.observation("engraft-disease-status", "blasts", None, percent(disease.blasts_percent), ())


def _status(said: Word | Missing, chart: Chart) -> Resource:
    value = answered(chart, "disease-status", said)
    return chart.observation("engraft-disease-status", "disease-status", None, value, (), category="exam")


def _condition(disease: Disease, chart: Chart) -> Resource:
    relapsed = isinstance(disease.status, Word) and disease.status.key == "relapsed"
    out = chart.head("Condition", "engraft-aml", "disease")
    out["clinicalStatus"] = concept(coding(CONDITION_CLINICAL, "relapse" if relapsed else "active"))
    diagnosis = _diagnosis(disease.diagnosis, chart) | {"subject": chart.subject}
    return together(out, diagnosis, dated("onsetDateTime", disease.diagnosed))


def _diagnosis(said: Word | Missing, chart: Chart) -> Element:
    """A diagnosis that is said to be missing has not been confirmed."""
    if isinstance(said, Missing):
        return {"code": chart.concept("diagnosis", said)} | noted(said)
    aml = codes.concept("conditions", "aml", chart.canonicals)
    code = aml if said.key == "aml" else chart.answer("diagnosis", said)
    return {"verificationStatus": concept(coding(CONDITION_VER_STATUS, "confirmed")), "code": code}
