"""A protocol of one's own: `protocol check`, `protocol show` and `apply` take a YAML file beside the shipped names."""

from __future__ import annotations

import csv
import io
import re
import shutil

import pytest

from mappings.protocol import definition, wording
from mappings.r4.validate import validate
from mappings.r4.wire import decode
from tests.lib.tree import ROOT

OWN = ROOT / "tests" / "protocols"
FACTS = ("--day-zero", "2026-03-02", "--weight", "70", "--height", "175")
LINE = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line"


@pytest.fixture
def kdn5(tmp_path):
    for suffix in (".yaml", ".txt"):
        shutil.copy(OWN / f"kdn5{suffix}", tmp_path)
    return "kdn5.yaml"


@pytest.fixture
def broken(tmp_path):
    """Two faults: an amount mistyped, and a drug that nobody knows."""
    text = definition("set-haplo-pdli").replace("{amount: 5, unit: mg", "{amount: 50, unit: mg")
    (tmp_path / "mine.yaml").write_text(text.replace("drug: etoposide", "drug: etoposid"), "utf-8")
    (tmp_path / "mine.txt").write_text(wording("set-haplo-pdli"), "utf-8")
    return "mine.yaml"


def line_of(path, words):
    return next(number for number, line in enumerate(path.read_text("utf-8").splitlines(), 1) if words in line)


def sound(resource):
    return [fault for fault in validate(resource) if fault.severity == "error"] == []


class TestCheck:
    def test_every_fault_stands_with_file_line_and_path(self, run, broken, tmp_path):
        result = run("protocol", "check", broken)
        assert (result.exit_code, result.stdout) == (1, "")
        amount, drug = (line_of(tmp_path / broken, words) for words in ("amount: 50,", "drug: etoposid"))
        told = [line for line in result.stderr.splitlines() if ": warning: " not in line]
        assert len(told) == 2
        assert told[0].startswith(f"mine.yaml:{amount}: thiotepa: its sentence does not say 50 mg/kg")
        assert told[1] == f"mine.yaml:{drug}: etoposide: the terminology knows no drug etoposid"

    def test_programs_get_path_and_line(self, run, broken, tmp_path):
        result = run("protocol", "check", broken, "--json")
        outcome = decode(result.stdout)
        assert (result.exit_code, result.stderr) == (1, "")
        assert sound(outcome)
        (issue,) = [i for i in outcome["issue"] if i.get("expression") == ["thiotepa"]]
        line = line_of(tmp_path / broken, "amount: 50,")
        assert issue["extension"] == [{"url": LINE, "valueInteger": line}]
        assert issue["severity"] == "error"
        assert issue["diagnostics"].startswith(f"mine.yaml:{line}: ")

    def test_warnings_are_shown_and_exit_0(self, run, kdn5):
        result = run("protocol", "check", kdn5)
        assert (result.exit_code, result.stdout) == (0, "kdn5.yaml: sound, 2 to look at\n")
        assert len(result.stderr.splitlines()) == 2
        assert all(": warning: " in line for line in result.stderr.splitlines())
        issues = decode(run("protocol", "check", kdn5, "--json").stdout)["issue"]
        assert [issue["severity"] for issue in issues] == ["warning", "warning", "information"]

    def test_a_sentence_that_was_left_out_is_told_with_its_line_in_the_wording(self, run, kdn5, tmp_path):
        text = tmp_path / "kdn5.txt"
        text.write_text(text.read_text("utf-8") + "Nothing is given on day 15.\n", "utf-8")
        result = run("protocol", "check", kdn5)
        line = line_of(text, "day 15")
        assert result.exit_code == 1
        assert f'kdn5.txt:{line}: no clause cites "Nothing is given on day 15."' in result.stderr

    def test_without_the_wording_beside_it_that_is_said(self, run, kdn5, tmp_path):
        (tmp_path / "kdn5.txt").unlink()
        result = run("protocol", "check", kdn5)
        assert result.exit_code == 0
        assert "no wording stands beside this file" in result.stderr

    def test_a_copy_of_what_ships_is_sound_and_a_changed_one_borrows_its_ids(self, run, tmp_path):
        text = definition("set-haplo-pdli")
        (tmp_path / "mine.yaml").write_text(text, "utf-8")
        (tmp_path / "mine.txt").write_text(wording("set-haplo-pdli"), "utf-8")
        assert run("protocol", "check", "mine.yaml").stdout == "mine.yaml: sound\n"
        (tmp_path / "mine.yaml").write_text(text.replace("title: Thiotepa", "title: Tepadina"), "utf-8")
        result = run("protocol", "check", "mine.yaml")
        assert (result.exit_code, result.stdout) == (0, "mine.yaml: sound, 1 to look at\n")
        line = line_of(tmp_path / "mine.yaml", "key: set-haplo-pdli")
        assert f"mine.yaml:{line}: warning: key: set-haplo-pdli is the key of a shipped protocol" in result.stderr

    def test_a_shipped_name_is_what_ships_whatever_lies_in_the_folder(self, run, tmp_path):
        (tmp_path / "set-haplo-pdli").write_text("a: [", "utf-8")
        assert run("protocol", "check", "set-haplo-pdli").exit_code == 0
        assert run("apply", "set-haplo-pdli", *FACTS).exit_code == 0

    def test_a_file_needs_no_suffix(self, run, tmp_path):
        (tmp_path / "mine").write_text("a: [", "utf-8")
        assert "mine:1: not YAML" in run("protocol", "check", "mine").stderr

    @pytest.mark.parametrize("content", [b"\xff\xfe", b"a: " + b"x" * 5_000_000])
    def test_what_is_no_text_or_has_no_end_is_refused(self, run, tmp_path, content):
        (tmp_path / "mine.yaml").write_bytes(content)
        assert run("protocol", "check", "mine.yaml").exit_code == 1

    @pytest.mark.parametrize("name", ["mine.yaml", ""])
    def test_a_folder_is_refused(self, run, tmp_path, name):
        (tmp_path / "mine.yaml").mkdir()
        result = run("protocol", "check", name)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "cannot be read" in result.stderr

    def test_the_text_of_a_protocol_is_not_its_own_wording(self, run, tmp_path):
        shutil.copy(OWN / "kdn5.yaml", tmp_path / "kdn5.txt")
        assert "no wording stands beside this file" in run("protocol", "check", "kdn5.txt").stderr


class TestShow:
    def test_a_person_sees_cycles_doses_and_what_is_open(self, run, kdn5):
        shown = run("protocol", "show", kdn5).stdout
        for words in (
            "D1, D8 of 6 cycles of 21 days",
            "1250 mg/m2/day, one infusion over 30 minutes",
            "AUC 5",
            "open: ",
        ):
            assert words in shown
        for words in ("Gates", "Endpoints", "follow-up"):
            assert words not in shown

    def test_doses_of_what_ships_are_shown_too(self, run):
        assert "30 mg/kg/day, at most 1 g 2 times a day" in run("protocol", "show", "set-haplo-pdli").stdout

    def test_it_is_shown_as_valid_fhir(self, run, kdn5):
        bundle = decode(run("protocol", "show", kdn5, "--format", "fhir").stdout)
        assert [e["resource"]["resourceType"] for e in bundle["entry"]] == [
            "PlanDefinition",
            *["ActivityDefinition"] * 2,
        ]
        assert sound(bundle)

    def test_a_broken_one_is_not_shown(self, run, broken):
        result = run("protocol", "show", broken)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "does not say 50 mg/kg" in result.stderr


class TestApply:
    def test_table_csv_and_fhir_need_no_line_of_code(self, run, kdn5):
        table = run("apply", kdn5, *FACTS)
        assert table.exit_code == 0
        assert [line.split()[0] for line in table.stdout.splitlines() if "Gemcitabine  " in line] == [
            f"C{cycle}D{day}" for cycle in range(1, 7) for day in (1, 8)
        ]
        rows = list(csv.DictReader(io.StringIO(run("apply", kdn5, *FACTS, "--format", "csv").stdout)))
        assert {row["daily_mg"] for row in rows if row["action"] == "gemcitabine"} == {"2305.8"}
        assert {row["daily_mg"] for row in rows if row["action"] == "carboplatin"} == {""}
        for shape, kind in (("fhir", "CarePlan"), ("r5", "Bundle")):
            resource = decode(run("apply", kdn5, *FACTS, "--format", shape).stdout)
            assert resource["resourceType"] == kind
            assert sound(resource)

    def test_days_in_a_row_are_folded_within_a_cycle_only(self, run, kdn5, tmp_path):
        file = tmp_path / kdn5
        text = file.read_text("utf-8").replace("{each_of: [1, 8]}", "{from: 1, to: 21, count: 21}")
        file.write_text(text.replace("minutes on days 1 and 8", "minutes on days 1 to 21"), "utf-8")
        (tmp_path / "kdn5.txt").unlink()
        days = [line.split()[0] for line in run("apply", kdn5, *FACTS).stdout.splitlines() if "Gemcitabine  " in line]
        assert days == [f"C{cycle}D{day}" for cycle in range(1, 7) for day in ("1", f"2..C{cycle}D21")]

    def test_ids_hang_on_the_key_and_not_on_where_the_file_lies(self, run, kdn5, tmp_path):
        (tmp_path / "deep").mkdir()
        for suffix in (".yaml", ".txt"):
            shutil.copy(OWN / f"kdn5{suffix}", tmp_path / "deep" / f"other{suffix}")
        for subject in ((), ("--subject", "Patient/ada")):
            plans = (run("apply", f, *FACTS, *subject, "--json").stdout for f in (kdn5, "deep/other.yaml"))
            here, there = (re.sub(r"\d{4}-\d{2}-\d{2}T[\d:.]+", "the moment of the call", plan) for plan in plans)
            assert here == there

    def test_a_broken_protocol_doses_nobody(self, run, broken):
        for words in ((broken, *FACTS), (broken, "--draft")):
            result = run("apply", *words)
            assert (result.exit_code, result.stdout) == (1, "")
            assert "mine.yaml:" in result.stderr
            assert len(result.stderr.splitlines()) == 2
        refused = run("apply", broken, *FACTS, "--json")
        assert {issue["severity"] for issue in decode(refused.stdout)["issue"]} == {"error"}

    def test_what_is_strange_is_told_beside_the_plan_but_not_to_programs(self, run, kdn5):
        assert "warning: gemcitabine" in run("apply", kdn5, *FACTS).stderr
        assert run("apply", kdn5, *FACTS, "--json").stderr == ""

    def test_a_draft_has_no_dose(self, run, kdn5):
        result = run("apply", kdn5, "--draft", "--format", "csv")
        assert {row["daily_mg"] for row in csv.DictReader(io.StringIO(result.stdout))} == {""}

    def test_what_is_neither_a_name_nor_a_file_is_refused(self, run):
        assert "known: " in run("apply", "kdn5", *FACTS).stderr
        assert "cannot be read" in run("apply", "kdn5.yaml", *FACTS).stderr
