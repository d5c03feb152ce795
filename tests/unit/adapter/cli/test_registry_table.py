"""The analysis table as Parquet holds what the CSV holds, with types."""

from __future__ import annotations

import csv
import io
import sys

import pytest

from mappings.registry import analysis_table

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: no Parquet to read back")


@pytest.fixture
def cohort(run):
    assert run("cohort", "synth", "--patients", "40", "--seed", "3", "--out", "cohort").exit_code == 0
    files = ("cohort/enrolments.ndjson", "cohort/follow-ups.ndjson")
    assert run("map", *files, "--as-of", "2026-01-02", "--out", "fhir").exit_code == 0


@pytest.fixture
def said(run, cohort):
    """The CSV."""
    names, *rows = csv.reader(io.StringIO(run("registry", "table", "--from", "fhir").stdout))
    return names, rows


@pytest.mark.parametrize("at_once", [7, 10_000])
def test_it_holds_every_cell_of_the_csv(run, said, tmp_path, monkeypatch, at_once):
    monkeypatch.setattr("adapter.cli.registry_table.ROWS_AT_ONCE", at_once)
    done = run("registry", "table", "--from", "fhir", "--format", "parquet", "--out", "table.parquet")
    assert (done.exit_code, done.stdout) == (0, "")
    table = parquet.read_table(tmp_path / "table.parquet")
    names, rows = said
    assert table.column_names == names
    assert table.num_rows == len(rows) == 40
    for name, told in zip(names, zip(*rows, strict=True), strict=True):
        kept = table.column(name).to_pylist()
        assert ["" if cell is None else str(cell) for cell in kept] == list(told), name
    assert not (tmp_path / "table.parquet.part").exists()


def test_days_and_statuses_are_whole_numbers_and_counts_of_cells_numbers(run, said, tmp_path):
    run("registry", "table", "--from", "fhir", "--format", "parquet", "--out", "table.parquet")
    schema = parquet.read_schema(tmp_path / "table.parquet")
    kinds = {field.name: str(field.type) for field in schema}
    assert {kinds[name] for name in ("os_days", "os_status", "pdli_given", "immune_cd4_recovered_100")} == {"int32"}
    assert kinds["immune_cd4_90"] == "double"
    assert {kinds[name] for name in ("patient", "response_90", "chimerism_90", "pdli_reasons")} == {"string"}
    table = parquet.read_table(tmp_path / "table.parquet")
    assert sum(table.column("os_status").to_pylist()) > 0
    assert any(table.column("immune_cd4_90").to_pylist())


def test_every_column_has_a_kind():
    assert list(analysis_table.kinds()) == analysis_table.header()


def test_a_file_that_is_there_is_replaced_only_by_a_whole_one(run, cohort, tmp_path):
    (tmp_path / "table.parquet").write_bytes(b"mine")
    with (tmp_path / "fhir" / "Patient.ndjson").open("ab") as file:
        file.write(b"{\n")
    assert run("registry", "table", "--from", "fhir", "--format", "parquet", "--out", "table.parquet").exit_code == 1
    assert (tmp_path / "table.parquet").read_bytes() == b"mine"
    assert not list(tmp_path.glob("*.part"))


def test_a_place_that_cannot_be_written_is_refused(run, cohort):
    done = run("registry", "table", "--from", "fhir", "--format", "parquet", "--out", "nowhere/table.parquet")
    assert done.exit_code == 1
    assert "nowhere/table.parquet cannot be written" in done.stderr


def test_without_pyarrow_it_says_what_is_missing(run, cohort, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = run("registry", "table", "--from", "fhir", "--format", "parquet", "--out", "table.parquet")
    assert done.exit_code == 1
    assert "pip install 'engraft-fhir[tables]'" in done.stderr


def test_it_has_a_name(run):
    assert run("registry", "table", "--from", "fhir", "--format", "parquet").exit_code == 2
