"""The patient as a subject of the trial: enrolled, or withdrawn with the consent."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import ConsentGiven, Enrolment
from mappings.outcomes.chart import Chart
from mappings.r4.build import Resource, reference

_GONE = {"inactive", "rejected"}
"""Words of the consent by which nobody takes part any more."""


def to_fhir(enrolment: Enrolment, chart: Chart) -> Iterator[Resource]:
    """One ResearchSubject; it names the consent where one was told."""
    said = enrolment.consent
    status = said.status if isinstance(said, ConsentGiven) and isinstance(said.status, str) else None
    out = chart.head("ResearchSubject", "engraft-study-subject", "study-subject") | {
        "status": "withdrawn" if status in _GONE else "on-study",
        "study": reference(f"ResearchStudy/{enrolment.protocol}"),
        "individual": chart.subject,
    }
    yield out | ({"consent": chart.ids.ref("Consent", "consent")} if status else {})
