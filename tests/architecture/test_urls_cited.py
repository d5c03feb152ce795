"""Every URL of ours that a resource cites stands for an artefact in profiles/, or for a definition that we make."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from mappings.canonicals import DEFAULT
from mappings.plan.definition import definitions
from mappings.protocol import load, names, parse
from tests.lib.tree import ROOT, files

KINDS = (
    "CapabilityStatement|CodeSystem|ConceptMap|ImplementationGuide|Measure|OperationDefinition|Questionnaire|"
    "SearchParameter|StructureDefinition|ValueSet|PlanDefinition|ActivityDefinition|Library"
)
CITED = re.compile(rf"{re.escape(DEFAULT.base)}/({KINDS})/([\w-]+(?:\.[\w-]+)*)(?:\|(\d+(?:\.\d+)*))?")
PROFILES = [path for path in files("profiles") if path.suffix == ".json"]
OUTPUTS = [path for path in files("tests/golden", "docs") if path.suffix in {".json", ".ndjson", ".md"}]


@cache
def known() -> dict[tuple[str, str], str]:
    """(kind, last part of the URL) -> version, of everything that can be looked up."""
    own = [parse(path.read_text("utf-8")) for path in sorted((ROOT / "tests" / "protocols").glob("*.yaml"))]
    served = [resource for one in [*map(load, names()), *own] for resource in definitions(one, DEFAULT)]
    shipped = [json.loads(path.read_text("utf-8")) for path in PROFILES if not is_naming(path)]
    return {(r["resourceType"], r["url"].rpartition("/")[2]): r.get("version", "") for r in served + shipped}


def strangers(text: str) -> set[str]:
    """URLs in `text` that lead nowhere, or to another version than ours."""
    found = CITED.finditer(text)
    return {m[0] for m in found if (m[1], m[2]) not in known() or m[3] not in {None, known()[m[1], m[2]]}}


@pytest.mark.parametrize("path", PROFILES + OUTPUTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_url_in_a_file_leads_somewhere(path: Path):
    assert strangers(path.read_text("utf-8")) == set()


@pytest.mark.parametrize("name", names())
def test_every_url_in_the_definitions_leads_somewhere(name):
    assert strangers(json.dumps(definitions(load(name), DEFAULT), default=str)) == set()


def is_naming(path: Path) -> bool:
    """R4 gives a NamingSystem neither canonical nor version."""
    return path.stem.startswith("NamingSystem-")


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_an_artefact_is_named_as_its_file(path):
    artefact = json.loads(path.read_text("utf-8"))
    kind, identity = artefact["resourceType"], artefact["id"]
    assert path.stem == f"{kind}-{identity}"
    assert is_naming(path) or artefact["url"] == DEFAULT.url(kind, identity)
    assert is_naming(path) or artefact["version"] == DEFAULT.version


def test_a_url_that_leads_nowhere_is_found():
    lost = DEFAULT.profile("engraft-nothing")
    assert strangers(f'{{"profile": ["{lost}"]}}') == {lost}
    (kind, name), version = next(iter(known().items()))
    assert strangers(f"{DEFAULT.url(kind, name)}|9.9.9 {DEFAULT.url(kind, name)}|{version}") == {
        f"{DEFAULT.url(kind, name)}|9.9.9"
    }
