"""CodeSystems of our own: what no standard code says, and the keys of the protocol's actions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.lib.guide.artefact import artefact
from tests.lib.guide.value_sets import actions


def code_systems() -> Iterator[dict[str, Any]]:
    """Every generated CodeSystem."""
    told = "Action keys of the protocol, as they stand in the identifiers of orders; one drug may have several actions."
    head = artefact("CodeSystem", "action", "Actions of the protocol", told)
    yield head | {"caseSensitive": True, "content": "complete", "concept": [_concept(*one) for one in actions()]}


def _concept(code: str, display: str) -> dict[str, str]:
    return {"code": code, "display": display, "definition": f"{display}, as the protocol orders it."}
