"""HL7's own validator finds no error in what leaves Engraft: artefacts, golden files, what the commands write."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from adapter.cli import main
from tests.lib.generated import courses
from tests.lib.guide.package import build
from tests.lib.guide.snapshots import with_snapshots
from tests.lib.judged import judge
from tests.lib.servers import need

ROOT = Path(__file__).parents[2]
VALIDATOR = ROOT / "tests" / "servers" / "validator" / "run"

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def errors():
    need("java", "mvn", purpose="the HL7 validator")

    def check(*paths: Path) -> list[str]:
        command = [str(VALIDATOR), "--profiles", str(ROOT / "profiles"), "--errors-only", "--json", *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode in (0, 1), done.stderr
        told = json.loads(done.stdout)
        assert told["counts"]["resource"] > 0
        return [f"{Path(i['file']).name}: {i['location']}: {i['message']}" for i in told["issues"]]

    return check


@pytest.fixture(scope="module")
def made():
    """The artefacts, with snapshots of HL7's own code."""
    need("java", "mvn", purpose="the HL7 validator")
    return with_snapshots()


def engraft(*args):
    result = CliRunner().invoke(main, list(args), catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_artefacts_and_golden_files(errors):
    golden = [path for path in sorted(ROOT.glob("tests/golden/*/*.json")) if not path.name.startswith("0-")]
    assert errors(ROOT / "profiles", *golden) == []


def test_the_package_of_the_guide_loads_with_a_snapshot_of_every_profile(made):
    """Read by HL7's own package code, and enough by itself to judge what we write."""
    definitions = [one for one in made if one["resourceType"] == "StructureDefinition"]
    for one in definitions:
        ids = [element["id"] for element in one["snapshot"]["element"]]
        assert ids[0] == one["type"]
        assert {element["id"] for element in one["differential"]["element"]} <= set(ids), one["id"]
    golden = [path for path in sorted(ROOT.glob("tests/golden/*/*.json")) if not path.name.startswith("0-")]
    command = [str(VALIDATOR), "--ig", str(build(made)), "--errors-only", "--json", *map(str, golden)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert json.loads(done.stdout)["issues"] == []


def test_generated_follow_ups(made, tmp_path):
    """A sample of what `make judged` does, which is 1,000 of them."""
    verdict = judge(courses(25), build(made), tmp_path)
    assert verdict.errors == []
    assert verdict.unexplained == []


def test_answers_to_our_questionnaires(errors, tmp_path):
    """Held to the Questionnaires: linkIds, kinds, words, units and what is asked when.

    Without comparators: the validator's library (8.8.0) cannot read `<` in an answer that has a Questionnaire.
    """
    from mappings.r4 import wire
    from tests.lib.guide.answered import answered
    from tests.profiles.test_answers import CASES, form_of, sayable

    for case in CASES:
        told = sayable(wire.decode((ROOT / "tests" / "golden" / case / "0-documents.json").read_bytes()))
        for number, document in enumerate((told["enrolment"], *told["follow_ups"])):
            text = wire.pretty(answered(form_of(document), document, "2026-11-01T10:00:00Z"))
            (tmp_path / f"{case}-{number}.json").write_text(text.replace('"comparator": "<",', ""), "utf-8")
    assert errors(tmp_path) == []


def test_what_the_commands_write(errors, tmp_path):
    patient = ("--day-zero", "2026-03-02", "--weight", "70", "--height", "175")
    engraft("apply", "set-haplo-pdli", *patient, "--format", "fhir", "--out", str(tmp_path / "fhir.json"))
    engraft("apply", "set-haplo-pdli", *patient, "--format", "r5", "--out", str(tmp_path / "r5.json"))
    engraft("apply", "set-haplo-pdli", "--draft", "--format", "fhir", "--out", str(tmp_path / "draft.json"))
    engraft("protocol", "show", "set-haplo-pdli", "--format", "fhir", "--out", str(tmp_path / "protocol.json"))
    cohort = tmp_path / "cohort"
    engraft("cohort", "synth", "--patients", "8", "--seed", "5", "--out", str(cohort))
    forms = [str(path) for path in sorted(cohort.glob("*.ndjson"))]
    engraft("map", *forms, "--out", str(tmp_path / "mapped"), "--as-of", "2026-01-01")
    written = [
        path for path in tmp_path.rglob("*") if path.suffix in {".json", ".ndjson"} and "cohort" not in path.parts
    ]
    assert len(written) > 6
    assert errors(*written) == []


def test_registry_bundles(errors, tmp_path):
    from adapter.flows.registry import bundles
    from mappings.r4 import wire
    from tests.lib.cohorts import stored_cohort

    with stored_cohort(tmp_path) as store:
        for number, bundle in enumerate(bundles(store, b"k" * 32, datetime(2026, 11, 1, tzinfo=UTC), aside=[])):
            (tmp_path / f"bundle-{number}.json").write_text(wire.pretty(bundle), "utf-8")
    made = sorted(tmp_path.glob("bundle-*.json"))
    assert made
    assert errors(*made) == []


def test_a_stored_plan_with_its_gates(errors, tmp_path):
    from adapter.store import Store
    from mappings.r4 import wire
    from tests.lib.centre import M3, Ward

    store = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    store.migrate()
    ward = Ward(store)
    ward.enrol()
    ward.visit(M3)
    for kind in ("RequestGroup", "CarePlan"):
        (stored,) = ward.stored(kind)
        (tmp_path / f"{kind}.json").write_text(wire.pretty(stored.content), "utf-8")
    store.close()
    made = sorted(tmp_path.glob("*.json"))
    assert "gate-status" in made[-1].read_text("utf-8")
    assert errors(*made) == []
