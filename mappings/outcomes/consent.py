"""Consent, or recorded non-opposition, to research; without it nothing leaves for a registry.

R4 demands a status and has no word for one that nobody knows. So a consent whose status is said to be missing is no
resource at all: whatever word we chose would be made up, and silence is a no.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.canonicals import ACT_REASON, CONSENT_CATEGORY, CONSENT_SCOPE
from mappings.facts import ConsentGiven, Enrolment, Missing
from mappings.outcomes.chart import Chart, in_place, primitive
from mappings.r4.build import Resource, coding, concept, fixed
from mappings.r4.frozen import frozen

POLICY = "Consent or non-opposition to the study, as the centre recorded it"
_RULE, _PURPOSE = frozen(concept(text=POLICY)), frozen([coding(ACT_REASON, "HRESCH")])


def to_fhir(enrolment: Enrolment, chart: Chart) -> Iterator[Resource]:
    """Consent of the enrolment; `provision.type` permits or denies registry output (purpose HRESCH)."""
    given = enrolment.consent
    if not isinstance(given, ConsentGiven) or isinstance(given.status, Missing):
        return
    permitted = given.status == "active" and given.registry is True
    out = chart.head("Consent", "engraft-consent", "consent") | {
        "status": given.status,
        "scope": fixed(CONSENT_SCOPE, "research"),
        "category": [fixed(CONSENT_CATEGORY, "research")],
        "patient": chart.subject,
        "policyRule": _RULE,
        "provision": {"type": "permit" if permitted else "deny", "purpose": _PURPOSE},
    }
    if isinstance(given.registry, Missing):  # denied because nobody said yes: the reason tells that nobody said no
        out["provision"] |= in_place(given.registry)
    yield out | primitive("dateTime", given.date)
