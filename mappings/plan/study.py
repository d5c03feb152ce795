"""The trial that a protocol is of, as a ResearchStudy: patients are enrolled in it, and its plan is the protocol's."""

from __future__ import annotations

from mappings.canonicals import DEFAULT, Canonicals
from mappings.protocol.model import Protocol
from mappings.r4.build import Resource, reference


def study(protocol: Protocol, canonicals: Canonicals = DEFAULT) -> Resource:
    """ResearchStudy of one protocol, under the protocol's own key."""
    return {
        "resourceType": "ResearchStudy",
        "id": protocol.key,
        "meta": {"source": canonicals.source},
        "identifier": [{"system": canonicals.sid("study"), "value": protocol.key}],
        "title": protocol.title,
        "protocol": [reference(f"PlanDefinition/{protocol.key}")],
        "status": "active",
        "description": protocol.purpose,
    }
