"""Where the facts of a course came from: a Provenance for each document, a version for each version of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mappings.canonicals import DATA_OPERATION, PROVENANCE_PARTICIPANT
from mappings.r4.build import Ids, Resource, coding, concept, reference


@dataclass(frozen=True, slots=True)
class Document:
    """One version of what a centre sent. `key`: what it is known by; `reason`: why it was retracted, where it was."""

    key: str
    version: int
    centre: str
    reason: str | None = None

    @property
    def operation(self) -> str:
        """R4's word for what it did."""
        return "NULLIFY" if self.reason is not None else "CREATE" if self.version == 1 else "UPDATE"


def provenance(
    document: Document, targets: Sequence[str], ids: Ids, *, recorded: datetime, software: str
) -> Resource | None:
    """`targets`: `Type/id` of what the document says or said; None where that is nothing. `recorded`: aware moment."""
    if not targets:
        return None
    assembler = {"type": concept(coding(PROVENANCE_PARTICIPANT, "assembler")), "who": {"display": software}}
    informant = {"type": concept(coding(PROVENANCE_PARTICIPANT, "informant")), "who": {"display": document.centre}}
    what = {"identifier": _identifier(document, ids), "display": f"version {document.version}"}
    return {
        "resourceType": "Provenance",
        "id": ids("provenance", document.key),
        "meta": ids.meta("engraft-submission"),
        "target": [reference(target) for target in targets],
        "recorded": recorded.isoformat(timespec="seconds"),
        **({"reason": [concept(text=document.reason)]} if document.reason else {}),
        "activity": concept(coding(DATA_OPERATION, document.operation)),
        "agent": [assembler, informant],
        "entity": [{"role": "source", "what": what}],
    }


def _identifier(document: Document, ids: Ids) -> dict[str, str]:
    return {"system": ids.canonicals.sid("document"), "value": document.key}
