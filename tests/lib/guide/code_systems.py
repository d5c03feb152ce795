"""CodeSystems of our own: what no standard code says, and the keys of the protocol's actions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mappings.terminology import codes
from tests.lib.guide.artefact import artefact
from tests.lib.guide.definitions import definition_of
from tests.lib.guide.value_sets import actions


def code_systems() -> Iterator[dict[str, Any]]:
    """The local concepts of the terminology tables, and the action keys."""
    told = "Concepts for which no standard code was found, or none that two sources confirm."
    ours = [_concept(code, text, definition_of(code)) for code, text in sorted(codes.local_concepts())]
    yield _system("engraft", "Engraft's own concepts", told, ours) | {"name": "Engraft"}
    told = "Action keys of the protocol, as they stand in the identifiers of orders; one drug may have several actions."
    keys = [_concept(key, text, f"{text}, as the protocol orders it.") for key, text in actions()]
    yield _system("action", "Actions of the protocol", told, keys)


def _system(id_: str, title: str, description: str, concepts: list[dict[str, str]]) -> dict[str, Any]:
    head = artefact("CodeSystem", id_, title, description)
    return head | {"caseSensitive": True, "content": "complete", "count": len(concepts), "concept": concepts}


def _concept(code: str, display: str, definition: str) -> dict[str, str]:
    return {"code": code, "display": display, "definition": definition}
