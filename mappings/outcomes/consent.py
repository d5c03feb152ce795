"""Consent, or recorded non-opposition, to research; without it nothing leaves for a registry."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.canonicals import ACT_REASON, CONSENT_CATEGORY, CONSENT_SCOPE
from mappings.facts import Enrolment
from mappings.outcomes.chart import Chart
from mappings.r4.build import Resource, coding, concept

POLICY = "Consent or non-opposition to the study, as the centre recorded it"


def to_fhir(enrolment: Enrolment, chart: Chart) -> Iterator[Resource]:
    """Consent of the enrolment; `provision.type` permits or denies registry output (purpose HRESCH)."""
    given = enrolment.consent
    if given is None:
        return
    permitted = given.status == "active" and given.registry is True
    out = chart.head("Consent", "engraft-consent", "consent") | {
        "status": given.status,
        "scope": concept(coding(CONSENT_SCOPE, "research")),
        "category": [concept(coding(CONSENT_CATEGORY, "research"))],
        "patient": chart.subject,
        "policyRule": concept(text=POLICY),
        "provision": {"type": "permit" if permitted else "deny", "purpose": [coding(ACT_REASON, "HRESCH")]},
    }
    yield out | ({"dateTime": str(given.date)} if given.date else {})
