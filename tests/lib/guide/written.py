"""Every generated artefact by its file name, as text: what `make artefacts` writes and a test compares."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from mappings.r4 import wire
from tests.lib.guide import code_systems, concept_maps, measures, naming_systems, questionnaires, value_sets
from tests.lib.tree import ROOT

FOLDER = ROOT / "profiles"
KINDS = ("Questionnaire", "ValueSet", "CodeSystem", "ConceptMap", "NamingSystem", "Measure", "Library")
"""Types of which every file is generated; the others are written by hand."""


def generated() -> Iterator[dict[str, Any]]:
    """Every generated artefact."""
    yield from chain(
        questionnaires.questionnaires(),
        value_sets.value_sets(),
        code_systems.code_systems(),
        concept_maps.concept_maps(),
        naming_systems.naming_systems(),
        measures.measures(),
    )


def texts() -> dict[str, str]:
    """File name to text."""
    return {f"{made['resourceType']}-{made['id']}.json": wire.pretty(made) + "\n" for made in generated()}


def on_disk() -> dict[str, str]:
    """The committed files of the generated types."""
    found = (file for kind in KINDS for file in FOLDER.glob(f"{kind}-*.json"))
    return {file.name: file.read_text("utf-8") for file in found}


def write() -> None:
    """Writes them, and removes what is generated no more."""
    made = texts()
    for name in set(on_disk()) - set(made):
        FOLDER.joinpath(name).unlink()
    for name, text in made.items():
        FOLDER.joinpath(name).write_text(text, "utf-8")
