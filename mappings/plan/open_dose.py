"""A drug whose dose is not calculated here: a Task for a pharmacist, never an order without milligrams (ADR 18)."""

from __future__ import annotations

from mappings.canonicals import Canonicals
from mappings.plan.dosage import ROUTES
from mappings.protocol import terms
from mappings.protocol.model import OpenLine, Protocol
from mappings.r4.build import Element, concept


def inputs(line: OpenLine, protocol: Protocol, canonicals: Canonicals) -> list[Element]:
    """`Task.input`: the drug, and its dose in the protocol's words."""
    drug = terms.concept(protocol, "drugs", line.drug, canonicals)
    return [
        {"type": concept(text="drug"), "valueCodeableConcept": drug},
        {"type": concept(text="dose in the protocol's words"), "valueString": in_protocol_words(line)},
    ]


def in_protocol_words(line: OpenLine) -> str:
    """`AUC 5, IV, over 30 minutes`."""
    route = ROUTES[line.route][1] if line.route else ""
    time = f"over {line.over_minutes} minutes" if line.over_minutes else ""
    return ", ".join(filter(None, (line.dose, route, time)))
