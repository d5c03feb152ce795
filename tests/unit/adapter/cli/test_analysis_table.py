"""`engraft registry table`, and R that computes every row of the report from it (docs/endpoints.R)."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess

import pytest

from tests.lib.tree import ROOT

NO_R = "R is not installed: nothing computes the report from the table a second time"
FIGURES = {
    "events": ("events", "count"),
    "n": ("n", "of"),
    "estimate": ("estimate", "median"),
    "se": ("se",),
    "ci_low": ("ci_low", "q1"),
    "ci_high": ("ci_high", "q3"),
    "at_risk": ("at_risk",),
}


@pytest.fixture
def mapped(run, tmp_path):
    assert run("cohort", "synth", "--patients", 60, "--seed", 4, "--out", "cohort").exit_code == 0
    follow_ups = tmp_path / "cohort" / "follow-ups.ndjson"
    follow_ups.write_text("".join(map(sorted_cells, follow_ups.read_text().splitlines())))
    files = ("cohort/enrolments.ndjson", "cohort/follow-ups.ndjson")
    assert run("map", *files, "--out", "fhir", "--as-of", "2026-02-01").exit_code == 0


def test_the_table_is_one_row_a_patient(run, mapped):
    columns, *rows = csv.reader(io.StringIO(run("registry", "table", "--from", "fhir").stdout))
    assert len(rows) == 60
    assert {"patient", "os_days", "os_status", "response_90"} <= set(columns)
    assert run("registry", "table", "--from", "fhir", "--out", "table.csv").exit_code == 0


def test_it_is_taken_from_one_place(run):
    assert run("registry", "table").exit_code == 2
    assert run("registry", "table", "--from", "nowhere").exit_code == 1


def test_the_database_has_a_table_too(run, database):
    assert run("registry", "table", "--database").stdout.count("\n") == 1


@pytest.mark.skipif(not shutil.which("Rscript"), reason=NO_R)
def test_r_computes_every_row_of_the_report_from_it(run, mapped, tmp_path):
    assert run("registry", "table", "--from", "fhir", "--out", "table.csv").exit_code == 0
    rows = json.loads(run("registry", "report", "--from", "fhir", "--json").stdout)["rows"]
    script = ["Rscript", ROOT / "docs" / "endpoints.R", tmp_path / "table.csv"]
    made = subprocess.run(script, capture_output=True, check=True, text=True).stdout
    by_r = list(csv.DictReader(io.StringIO(made)))
    assert {row.get("lineage") for row in rows} == {None, "t-cell"}
    assert [(row["endpoint"], row["horizon_days"]) for row in rows] == [
        (row["endpoint"], int(row["horizon_days"]) if row["horizon_days"] else None) for row in by_r
    ]
    for row, other in zip(rows, by_r, strict=True):
        for column, names in FIGURES.items():
            value = next((row[name] for name in names if name in row), None)
            assert number(other[column]) == (None if value is None else pytest.approx(value, abs=1e-9)), (row, column)


def sorted_cells(form):
    """The form with the share of donor among T cells beside that of all cells, and at times instead of it."""
    told = json.loads(form)
    for whole in told.get("chimerism", [])[:1]:
        of_t_cells = whole | {"lineage": "t-cell", "donor_percent": 100 - whole["donor_percent"]}
        told["chimerism"] = [of_t_cells] if told["visit"] == "m6" else [whole, of_t_cells]
    return json.dumps(told) + "\n"


def number(text):
    return float(text) if text else None
