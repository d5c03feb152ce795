"""The conformance artefacts are valid R4, and they say what the code says."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from mappings.canonicals import ARTEFACT_VERSION, DEFAULT_BASE
from mappings.r4.validate import validate
from mappings.terminology import codes

FILES = sorted((f for f in files("profiles").iterdir() if f.name.endswith(".json")), key=lambda f: f.name)
ARTEFACTS = [json.loads(f.read_text("utf-8")) for f in FILES]


@pytest.mark.parametrize("artefact", ARTEFACTS, ids=[f.name for f in FILES])
def test_artefact_is_valid_r4_under_its_own_url_and_version(artefact):
    assert [fault for fault in validate(artefact) if fault.severity == "error"] == []
    if artefact["resourceType"] != "NamingSystem":  # R4 gives it neither
        assert artefact["url"] == f"{DEFAULT_BASE}/{artefact['resourceType']}/{artefact['id']}"
        assert artefact["version"] == ARTEFACT_VERSION


@pytest.mark.parametrize(("file", "artefact"), list(zip(FILES, ARTEFACTS, strict=True)), ids=[f.name for f in FILES])
def test_file_is_named_by_type_and_id(file, artefact):
    assert file.name == f"{artefact['resourceType']}-{artefact['id']}.json"


def test_code_system_is_the_local_concepts_of_the_tables():
    (system,) = [a for a in ARTEFACTS if a["resourceType"] == "CodeSystem" and a["id"] == "engraft"]
    assert [(c["code"], c["display"]) for c in system["concept"]] == sorted(codes.local_concepts())
