"""The trial of each protocol is valid R4 and names its plan."""

from __future__ import annotations

import pytest

from mappings.plan.study import study
from mappings.protocol import load, names
from mappings.r4.validate import validate


@pytest.mark.parametrize("name", names())
def test_the_study_names_its_plan(name):
    found = study(load(name))
    assert validate(found) == []
    assert (found["id"], found["protocol"]) == (name, [{"reference": f"PlanDefinition/{name}"}])
    assert found["title"] == load(name).title
