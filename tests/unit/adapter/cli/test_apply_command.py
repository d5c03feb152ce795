"""`engraft apply`: the same plan as a table, CSV and FHIR; refusals name the option."""

from __future__ import annotations

import csv
import io
import subprocess
import sys

import pytest

from mappings.r4.validate import validate
from mappings.r4.wire import decode

HEADER = "day,date,action,drug,basis_value,basis_unit,exact_mg,daily_mg,doses_per_day,mg_per_dose,route,status"
FACTS = {"--day-zero": "2026-03-02", "--weight": "70", "--height": "175"}


def asked(*more, without=(), **changed):
    facts = FACTS | {f"--{name.replace('_', '-')}": value for name, value in changed.items()}
    return ["apply", "set-haplo-pdli", *(w for n, v in facts.items() if n not in without for w in (n, v)), *more]


def rows(result):
    assert result.exit_code == 0, result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout)))


def named(result):
    """First column of the table on stderr."""
    assert result.stdout == ""
    return [line.split()[0] for line in result.stderr.splitlines()]


def test_csv_has_the_columns_of_the_contract_and_a_row_a_day(run):
    result = run(*asked("--format", "csv"))
    assert result.stdout.splitlines()[0] == HEADER
    found = rows(result)
    (thiotepa,) = [row for row in found if row["action"] == "thiotepa"]
    assert (thiotepa["day"], thiotepa["date"]) == ("D-13", "2026-02-17")
    assert (thiotepa["exact_mg"], thiotepa["daily_mg"], thiotepa["mg_per_dose"]) == ("350.0000", "350.0", "350.0")
    full = [row["day"] for row in found if row["action"] == "mycophenolate"]
    assert (full[0], full[-1], len(full)) == ("D+6", "D+34", 29)
    tapered = [row for row in found if row["action"] == "mycophenolate-taper"]
    assert {row["daily_mg"] for row in tapered} == {""}
    assert all("open" in row["status"] for row in tapered)


def test_the_table_folds_equal_days_but_never_swallows_a_free_day(run):
    lines = run(*asked()).stdout.splitlines()
    assert any(line.startswith("D-12..D-9") and "cyclophosphamide" in line for line in lines)
    assert [line.split()[0] for line in lines if "ptcy" in line] == ["D+3", "D+5"]
    assert any(line.startswith("D+6..D+34") and "1000.0" in line and "capped from 2100.0" in line for line in lines)


@pytest.mark.parametrize(("shape", "kind"), [("fhir", "CarePlan"), ("r5", "Bundle")])
def test_the_fhir_shapes_are_valid_and_the_same_every_time(run, shape, kind):
    first, again = (run(*asked("--format", shape)).stdout for _ in range(2))
    assert first == again
    resource = decode(first)
    assert resource["resourceType"] == kind
    assert [fault for fault in validate(resource) if fault.severity == "error"] == []


def test_without_a_subject_the_patient_is_a_marked_placeholder(run):
    bundle = decode(run(*asked("--format", "r5", "--sex", "female", "--birth-date", "1971-05")).stdout)
    (patient,) = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient"]
    assert "PLACEHOLDER" in patient["name"][0]["text"]
    assert (patient["gender"], patient["birthDate"]) == ("female", "1971-05")


def test_a_named_subject_is_referred_to_and_not_made_up(run):
    bundle = decode(run(*asked("--format", "r5", "--subject", "Patient/ada")).stdout)
    kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert "Patient" not in kinds
    assert bundle["entry"][0]["resource"]["subject"] == {"reference": "Patient/ada"}


def test_dubois_differs_from_mosteller_and_the_weight_may_have_its_date(run):
    mosteller = rows(run(*asked("--format", "csv", "--weight-date", "2026-02-12")))
    dubois = rows(run(*asked("--format", "csv", "--bsa-formula", "dubois")))
    amount = {
        f: next(r["exact_mg"] for r in of if r["action"] == "etoposide") for f, of in (("m", mosteller), ("d", dubois))
    }
    assert amount["m"] != amount["d"]


def test_a_draft_needs_nothing_and_has_no_dose(run):
    result = run("apply", "set-haplo-pdli", "--draft")
    assert result.exit_code == 0
    assert "DRAFT, NOT DOSED" in result.stdout
    found = rows(run("apply", "set-haplo-pdli", "--draft", "--format", "csv"))
    assert {row["daily_mg"] for row in found} == {""}


def test_the_plan_may_go_to_a_file(run, tmp_path):
    result = run(*asked("--format", "csv", "--out", tmp_path / "deep" / "plan.csv"))
    assert (result.exit_code, result.stdout) == (0, "")
    assert (tmp_path / "deep" / "plan.csv").read_text("utf-8").splitlines()[0] == HEADER


def test_a_file_that_cannot_be_written_is_refused(run, tmp_path):
    (tmp_path / "file").write_text("")
    result = run(*asked("--out", tmp_path / "file" / "plan.csv"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "cannot be written" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "name"),
    [
        ("day_zero", "2026-02-30", "day-zero"),
        ("day_zero", "02/03/2026", "day-zero"),
        ("day_zero", "2026-3-2", "day-zero"),
        ("weight", "0", "weight"),
        ("weight", "-5", "weight"),
        ("weight", "700", "weight"),
        ("weight", "70 kg", "weight"),
        ("weight", "NaN", "weight"),
        ("weight", "70,5", "weight"),
        ("height", "1.75", "height"),
        ("weight_date", "yesterday", "weight-date"),
        ("subject", "Group/1", "subject"),
        ("birth_date", "soon", "birth-date"),
        ("birth_date", "2026-03-03", "birth-date"),
    ],
)
def test_a_wrong_input_is_refused_by_its_name(run, option, value, name):
    result = run(*asked(**{option: value}))
    assert result.exit_code == 1
    assert named(result) == [name]


def test_a_placeholders_birth_date_may_stand_without_a_day_zero(run):
    assert run("apply", "set-haplo-pdli", "--draft", "--birth-date", "1971").exit_code == 0


@pytest.mark.parametrize("missing", ["--day-zero", "--weight", "--height"])
def test_a_missing_input_is_refused_by_its_name(run, missing):
    result = run(*asked(without=(missing,)))
    assert (result.exit_code, named(result)) == (1, [missing.removeprefix("--")])


def test_all_wrong_inputs_are_told_at_once(run):
    result = run(*asked(day_zero="x", weight="70 kg", height="1.75"))
    assert named(result) == ["day-zero", "weight", "height"]


def test_an_unknown_protocol_is_refused_with_those_that_are_known(run):
    result = run("apply", "nothing")
    assert result.exit_code == 1
    assert "set-haplo-pdli" in result.stderr


def test_programs_get_json_on_stdout_and_nothing_else(run):
    assert decode(run(*asked("--json")).stdout)["resourceType"] == "CarePlan"
    refused = run(*asked("--json", weight="0"))
    outcome = decode(refused.stdout)
    assert (refused.exit_code, refused.stderr) == (1, "")
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["expression"] == ["weight"]


@pytest.mark.parametrize("words", [["apply"], ["apply", "set-haplo-pdli", "--colour", "red"], ["nothing"]])
def test_wrong_usage_is_exit_2(run, words):
    assert run(*words).exit_code == 2


def test_every_command_has_help_with_an_example(run):
    listed = run("--help").stdout
    for name in (
        "apply",
        "client",
        "cohort",
        "config",
        "deliver",
        "export",
        "init-db",
        "map",
        "queue",
        "serve",
        "validate",
    ):
        assert f"  {name} " in listed
        result = run(name, "--help")
        assert result.exit_code == 0
        assert f"engraft {name}" in result.stdout


def test_it_starts_without_the_web_the_database_or_fhir_classes():
    script = "import sys; from adapter.cli import main; main(sys.argv[1:], standalone_mode=False); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script, *asked()], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert not loaded & {
        "flask",
        "werkzeug",
        "sqlalchemy",
        "alembic",
        "fhir",
        "fhirclient",
        "requests",
        "jsonschema_rs",
    }
