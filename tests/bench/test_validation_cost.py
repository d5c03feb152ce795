"""One lab Observation: our whole validation against what fhir.resources does with its models alone."""

from __future__ import annotations

import statistics
from pathlib import Path
from time import perf_counter

import pytest
from fhir.resources.R4B.observation import Observation

from mappings.r4.validate import validate
from mappings.r4.wire import decode
from tests.bench.table import show

pytestmark = pytest.mark.bench
ROUNDS, TIMES = 60, 50
COURSE = Path(__file__).parents[1] / "golden" / "complete-course" / "1-fhir.json"
BLOOD_COUNT = "/StructureDefinition/engraft-blood-count|"


def test_a_lab_observation_against_the_models_of_fhir_resources():
    resources = [entry["resource"] for entry in decode(COURSE.read_bytes())["entry"]]
    laboratory = next(one for one in resources if BLOOD_COUNT in one["meta"]["profile"][0])
    assert validate(laboratory) == []
    ours, theirs = [], []
    for _ in range(ROUNDS):  # in turn, so that whatever else the machine does meets both
        ours.append(microseconds(lambda: validate(laboratory)))
        theirs.append(microseconds(lambda: Observation.model_validate(laboratory)))
    mine, other = statistics.median(ours), statistics.median(theirs)
    show(
        "validating one lab Observation (schema, invariants, profile)",
        ("ours", f"{mine:.1f} us (fastest {min(ours):.1f}); the goal is 10 us"),
        ("fhir.resources, model_validate: no invariants, no profile", f"{other:.1f} us (fastest {min(theirs):.1f})"),
        ("theirs / ours, at least 15", f"{other / mine:.1f}"),
    )
    assert other >= 15 * mine


def microseconds(act) -> float:
    begun = perf_counter()
    for _ in range(TIMES):
        act()
    return (perf_counter() - begun) / TIMES * 1e6
