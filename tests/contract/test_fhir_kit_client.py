"""An EHR written for Node.js pulls a patient's plan with fhir-kit-client, as it is published."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lib import servers
from tests.lib.forms import ENROLMENT
from tests.lib.serving import serving

pytestmark = pytest.mark.contract

CLIENT = Path(__file__).parents[1] / "clients" / "fhir-kit"


@pytest.fixture(scope="module")
def pulled(tmp_path_factory):
    servers.need("node", "npm", purpose="fhir-kit-client")
    here = tmp_path_factory.mktemp("fhir-kit")
    for name in ("package.json", "package-lock.json", "pull.mjs"):
        shutil.copy(CLIENT / name, here)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=here, check=True, timeout=300)
    with serving(here) as engraft:
        told = {"BASE": engraft.base_url, "TOKEN": engraft.token, "PATIENT": engraft.enrol(ENROLMENT)["Patient"]}
        run = subprocess.run(
            ["node", "pull.mjs"],
            cwd=here,
            env=os.environ | told,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_it_reads_what_is_served(pulled):
    assert pulled["can"] == [True, True]


def test_one_search_brings_the_plan_with_every_order_and_the_goals(pulled):
    (mode, plan), *others = pulled["plan"]
    assert (mode, plan.partition("/")[0]) == ("match", "CarePlan")
    assert {mode for mode, _ in others} == {"include"}
    brought = [name for _, name in others]
    assert brought[: len(pulled["activities"])] == pulled["activities"]
    assert len(pulled["activities"]) > 30
    assert {name.partition("/")[0] for name in brought[len(pulled["activities"]) :]} == {"Goal"}


def test_a_posted_search_finds_what_is_due_on_a_day(pulled):
    assert pulled["due"] == ["Thiotepa"]


def test_every_page_is_followed_to_the_last(pulled):
    orders = {name for name in pulled["activities"] if name.startswith("MedicationRequest/")}
    seen = [name for page in pulled["pages"] for name in page]
    assert sorted(seen) == sorted(orders)
    assert len(pulled["pages"]) > 2


def test_versions_history_references_and_refusals_are_understood(pulled):
    assert (pulled["order"], pulled["version"], pulled["history"]) == ("MedicationRequest", "1", ["history", 1])
    assert pulled["missing"] == {"status": 404, "outcome": "OperationOutcome"}
