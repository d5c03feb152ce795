"""`engraft apply`: the same plan as a table, CSV and FHIR; refusals name the option."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from unittest.mock import Mock

import pytest

from mappings.plan.recheck import Disagreement
from mappings.r4.validate import validate
from mappings.r4.wire import decode
from tests.unit.adapter.cli.conftest import NOW

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


def line_of(lines, *words):
    """The one line of the table that holds all of these words."""
    (found,) = [line for line in lines if all(word in line for word in words)]
    return found


def test_the_table_folds_equal_days_but_never_swallows_a_free_day(run):
    lines = run(*asked()).stdout.splitlines()
    assert line_of(lines, "Cyclophosphamide  ").split()[:5] == [
        "D-12..D-9",
        "2026-02-18..2026-02-21",
        "Wed..Sat",
        "Cyclophosphamide",
        "737.9",
    ]
    assert [line.split()[:3] for line in lines if "PTCy" in line] == [
        ["D+3", "2026-03-05", "Thu"],
        ["D+5", "2026-03-07", "Sat"],
    ]
    mycophenolate = line_of(lines, "Mycophenolate mofetil")
    assert mycophenolate.startswith("D+6..D+34")
    assert "1000 mg x 2" in mycophenolate
    assert "capped from 2100.0" in mycophenolate


def test_the_table_looks_like_the_calendar_of_the_pages(run):
    """Day, date, weekday, drug, amount, route, gate; visits and assays too, by date."""
    lines = run(*asked()).stdout.splitlines()
    assert lines[3].split() == ["day", "date", "weekday", "drug", "or", "procedure", "amount", "route", "note"]
    dates = [word[:10] for line in lines[5:] for word in line.split()[:3] if word[:2] == "20"]
    assert dates == sorted(dates)
    assert line_of(lines, "Busulfan").split()[3:7] == ["Busulfan", "224", "mg", "IV"]
    assert line_of(lines, "Rest days").split()[:3] == ["D-8..D-6", "2026-02-22..2026-02-24", "Sun..Tue"]
    assert line_of(lines, "Taper of ciclosporin").startswith("D+62..D+90")
    assert "no active GVHD" in line_of(lines, "Taper of ciclosporin")
    assert line_of(lines, "infusion 1").startswith("from D+120  2026-06-30")
    assert line_of(lines, "Visit at 12 months").startswith("D+365")
    assert line_of(lines, "Immune panel at day 30").startswith("D+30")
    assert "gives no date" in line_of(lines, "Baseline visit")


@pytest.mark.parametrize(("shape", "kind"), [("fhir", "CarePlan"), ("r5", "Bundle")])
def test_the_fhir_shapes_are_valid_and_the_same_every_time(run, monkeypatch, shape, kind):
    monkeypatch.setattr("adapter.cli.apply.now", lambda: NOW)  # its Provenance says when it was reckoned
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


def test_a_draft_without_a_day_zero_tells_the_days_of_the_protocol(run):
    lines = [line.split("  ")[0] for line in run("apply", "set-haplo-pdli", "--draft").stdout.splitlines()]
    for days in ("D-13", "D-8..D-6", "D+3", "D+5", "D+6..D+61", "D+6..D+34", "D+35..D+56", "D+62..D+90", "from D+120"):
        assert days in lines


def test_a_draft_needs_nothing_and_has_no_dose(run):
    result = run("apply", "set-haplo-pdli", "--draft")
    assert result.exit_code == 0
    assert "DRAFT, NOT DOSED" in result.stdout
    assert " mg " not in result.stdout
    assert any(line.startswith("D-12..D-9") and "not dosed" in line for line in result.stdout.splitlines())
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
        ("birth_date", "2026-03-03", "day-zero"),
        ("birth_date", "1850", "birth-date"),
        ("centre", " ", "centre"),
    ],
)
def test_a_wrong_input_is_refused_by_its_name(run, option, value, name):
    result = run(*asked(**{option: value}))
    assert result.exit_code == 1
    assert named(result) == [name]


def test_a_centre_that_the_settings_do_not_name_is_refused(run, tmp_path):
    """A mistyped code would leave out the centre's overlay without a word."""
    (tmp_path / "engraft.toml").write_text('[centres.FR-037]\nname = "CHU A"\n')
    settings = {"ENGRAFT_CONFIG": str(tmp_path / "engraft.toml")}
    assert run(*asked(centre="FR-037"), **settings).exit_code == 0
    result = run(*asked(centre="FR-38"), **settings)
    assert (result.exit_code, named(result)) == (1, ["centre"])
    assert "known: FR-037" in result.stderr


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
        "user",
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


OVERLAY = "centre: FR-037\nprotocol: set-haplo-pdli\nlines: {busulfan: {step_mg: 5}}\n"


@pytest.fixture
def with_overlay(tmp_path):
    (tmp_path / "chu-a.yaml").write_text(OVERLAY)
    file = tmp_path / "engraft.toml"
    file.write_text('[centres.FR-037]\noverlays = ["chu-a.yaml"]\n[dosing]\nweight_days = 5\nbmi_high = 22.5\n')
    return {"ENGRAFT_CONFIG": str(file)}


def test_a_centres_overlay_and_limits_count(run, with_overlay):
    sound = ("--weight", "66.3", "--height", "175", "--day-zero", "2026-03-02", "--format", "csv", "--centre", "FR-037")
    rows = run("apply", "set-haplo-pdli", *sound, **with_overlay).stdout
    assert "busulfan,Busulfan,3.2,mg/kg,212.1600,210,1,210,IV" in rows
    other = run("apply", "set-haplo-pdli", *sound[:-2], **with_overlay).stdout
    assert "busulfan,Busulfan,3.2,mg/kg,212.1600,212.2,1,212.2,IV" in other
    stale = run("apply", "set-haplo-pdli", *sound, "--weight-date", "2026-02-11")
    assert stale.exit_code == 1
    assert "6 days older" in stale.stderr
    heavy = run("apply", "set-haplo-pdli", "--weight", "70", *sound[2:])
    assert "body mass index of 22.9" in heavy.stderr


def test_a_broken_overlay_is_told_by_config_check_and_by_apply(run, with_overlay, tmp_path):
    assert run("config", "check", **with_overlay).exit_code == 0
    (tmp_path / "chu-a.yaml").write_text(OVERLAY + "foo: 1\n")
    checked = run("config", "check")
    assert checked.exit_code == 1
    assert "chu-a.yaml:4: foo" in checked.stderr
    assert run(*asked("--format", "csv", "--centre", "FR-037")).exit_code == 1


@pytest.mark.parametrize(
    "line", ["weight_days = -1", "weight_days = 1.5", 'bmi_low = "10"', "bmi_low = true", "foo = 1"]
)
def test_a_limit_is_a_number(run, tmp_path, line):
    (tmp_path / "engraft.toml").write_text(f"[dosing]\n{line}\n")
    told = run("config", "check", ENGRAFT_CONFIG=str(tmp_path / "engraft.toml"))
    assert told.exit_code == 1
    assert f"dosing.{line.split()[0]}" in told.stderr


@pytest.mark.parametrize("said", ['overlays = "chu-a.yaml"', "overlays = [1]", 'overlays = [""]'])
def test_overlays_are_a_list_of_files(run, tmp_path, said):
    (tmp_path / "engraft.toml").write_text(f"[centres.FR-037]\n{said}\n")
    assert "is a list of files" in run("config", "check", ENGRAFT_CONFIG=str(tmp_path / "engraft.toml")).stderr


def test_a_plan_on_which_the_two_reckonings_disagree_is_not_written(run, monkeypatch, tmp_path):
    def disagree(*_):
        raise Disagreement(["thiotepa on day -13: 3500 mg a dose stands there, 350 mg was reckoned again"])

    monkeypatch.setattr("mappings.plan.recheck.require_agreement", disagree)
    told = run(*asked("--format", "fhir", "--out", "plan.json"))
    assert told.exit_code == 1
    assert "350 mg was reckoned again" in told.stderr
    assert not (tmp_path / "plan.json").exists()


@pytest.mark.parametrize("shape", ["csv", "table"])
def test_a_format_that_is_no_json_beside_json_is_wrong_usage(run, shape):
    refused = run(*asked("--format", shape, "--json"))
    assert refused.exit_code == 2
    assert "leave one of them out" in refused.stderr
    assert refused.stdout == ""
    assert decode(run(*asked("--format", "r5", "--json")).stdout)["resourceType"] == "Bundle"


@pytest.mark.parametrize("words", [asked(), ("registry", "table", "--from", "fhir")])
def test_a_pipe_is_written_to_and_not_replaced(run, tmp_path, words):
    (tmp_path / "fhir").mkdir()
    (tmp_path / "fhir" / "Patient.ndjson").touch()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run(*words, "--out", pipe).exit_code == 0
        assert os.read(reading, 100)
    finally:
        os.close(reading)
    assert pipe.is_fifo()


def test_a_plan_that_cannot_be_written_to_the_end_leaves_the_one_before(run, tmp_path, monkeypatch):
    (tmp_path / "plan.txt").write_text("the plan before")
    monkeypatch.setattr("os.replace", Mock(side_effect=OSError(28, "No space left on device")))
    assert run(*asked("--out", tmp_path / "plan.txt")).exit_code == 1
    assert (tmp_path / "plan.txt").read_text() == "the plan before"
