"""A differential names elements in the order of R4: a snapshot cannot be made of another one."""

from __future__ import annotations

import json

import pytest
from fhir.resources.R4B import get_fhir_model_class

from tests.lib.tree import ROOT

CONSTRAINTS = [
    said
    for path in sorted((ROOT / "profiles").glob("StructureDefinition-*.json"))
    if (said := json.loads(path.read_text("utf-8")))["kind"] == "resource" and said["derivation"] == "constraint"
]


def place(name, sequence):
    stem = name.removesuffix("[x]")
    return next(n for n, known in enumerate(sequence) if known == stem or (stem != name and known.startswith(stem)))


@pytest.mark.parametrize("said", CONSTRAINTS, ids=lambda said: said["id"])
def test_elements_stand_in_the_order_of_their_type(said):
    sequence = get_fhir_model_class(said["type"]).elements_sequence()
    paths = [element["path"].split(".") for element in said["differential"]["element"]]
    places = [place(path[1], sequence) for path in paths if len(path) > 1]
    assert places == sorted(places)
