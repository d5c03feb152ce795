"""Each Observation is read by who says that it reads it, and by nobody else."""

from __future__ import annotations

import pytest

from mappings.canonicals import DEFAULT
from mappings.registry import blood_facts, finding_facts, gvhd_facts, status_facts, treatment_facts
from mappings.terminology.codes import keys
from tests.unit.mappings.registry.patients import plain_contact

MODULES = (blood_facts, finding_facts, gvhd_facts, status_facts, treatment_facts)
VALUED = plain_contact("p", "2026-05-05", valueQuantity={"value": 1}, method={"text": "some"})


@pytest.mark.parametrize("module", MODULES, ids=lambda one: one.__name__.rpartition(".")[2])
def test_what_is_read_is_what_is_said_to_be_read(module):
    read = {one for one in keys("observables") if list(module.of_observation(VALUED, one, DEFAULT))}
    assert read == module.OBSERVED & set(keys("observables"))
    assert read


def test_nothing_is_read_twice():
    observed = [one for module in MODULES for one in module.OBSERVED]
    assert len(observed) == len(set(observed))
    assert set(observed) <= set(keys("observables"))
