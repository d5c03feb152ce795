"""`engraft validate`, `protocol`, `cohort`, `registry`: what is checked, shown, made up and reported."""

from __future__ import annotations

import json
import random
import shutil
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from mappings.protocol import definition
from mappings.r4.validate import validate
from mappings.r4.wire import decode

GOOD = {"resourceType": "Patient", "id": "p", "gender": "female"}
BASE = "https://engraft.example/fhir/StructureDefinition"
BAD = GOOD | {"gender": "yes", "colour": "red"}


def sound(resource):
    return [fault for fault in validate(resource) if fault.severity == "error"] == []


class TestValidate:
    def test_sound_files_are_exit_0(self, run, tmp_path):
        (tmp_path / "p.json").write_text(json.dumps(GOOD, indent=2))
        result = run("validate", "p.json")
        assert (result.exit_code, result.stdout) == (0, "")
        assert "1 files, 1 resources, 0 errors" in result.stderr

    def test_a_fault_is_one_line_with_its_place(self, run, tmp_path):
        (tmp_path / "p.ndjson").write_text("\n".join(json.dumps(one) for one in (GOOD, BAD)) + "\n\n")
        result = run("validate", "p.ndjson")
        assert result.exit_code == 1
        lines = result.stdout.splitlines()
        assert any(line.startswith("p.ndjson:2: error: Patient.gender: ") for line in lines)
        assert all(line.startswith("p.ndjson:2: error: ") for line in lines)

    def test_a_folder_is_searched_but_refused_rows_are_no_fhir(self, run, tmp_path):
        (tmp_path / "d" / "deep").mkdir(parents=True)
        (tmp_path / "d" / "deep" / "p.json").write_text(json.dumps(BAD))
        (tmp_path / "d" / "rejected.ndjson").write_text('{"file": "x"}\n')
        (tmp_path / "d" / "notes.txt").write_text("no FHIR")
        result = run("validate", "d", "--json")
        told = decode(result.stdout)
        assert (result.exit_code, told["files"], told["resources"]) == (1, 1, 1)
        assert told["errors"] == len(told["issues"]) > 0
        assert told["issues"][0]["file"] == "d/deep/p.json"

    def test_what_is_found_is_told_at_once_and_a_warning_passes(self, run, tmp_path, monkeypatch):
        """A file of any size: no line is read before the issues of the last one are out."""
        told = []
        monkeypatch.setattr("adapter.cli.validate.click.echo", lambda text, **_: told.append(text))
        heard = []

        class File:
            suffix = ".ndjson"

            def open(self, _):
                return self

            def __enter__(self):
                return self.lines()

            def __exit__(self, *_):
                pass

            def lines(self):
                for _ in range(3):
                    heard.append(len(told))
                    yield json.dumps(GOOD | {"meta": {"profile": [f"{BASE}/engraft-guess"]}}).encode()

        monkeypatch.setattr("adapter.cli.validate._files", lambda _: [File()])
        assert run("validate", "x").exit_code == 0
        assert heard == [0, 1, 2]
        assert told[-1] == "1 files, 3 resources, 0 errors, 3 warnings"

    @pytest.mark.parametrize("text", ["{", '{"resourceType": "Patient", "id": "a", "id": "b"}', "[]", '"x"', "NaN"])
    def test_what_is_no_resource_is_a_fault(self, run, tmp_path, text):
        (tmp_path / "p.json").write_text(text)
        assert run("validate", "p.json").exit_code == 1

    def test_places_that_hold_nothing_are_refused(self, run, tmp_path):
        (tmp_path / "empty").mkdir()
        assert run("validate", "empty").exit_code == 1
        assert run("validate", "nowhere.json").exit_code == 1
        assert run("validate").exit_code == 2


class TestProtocol:
    def test_the_shipped_protocol_is_sound(self, run):
        assert run("protocol", "check").stdout == "set-haplo-pdli: sound\n"
        assert run("protocol", "check", "set-haplo-pdli").exit_code == 0
        assert decode(run("protocol", "check", "--json").stdout)["issue"][0]["severity"] == "information"

    def test_a_file_of_ones_own_is_checked(self, run, tmp_path):
        (tmp_path / "mine.yaml").write_text(definition("set-haplo-pdli"))
        assert run("protocol", "check", "mine.yaml").exit_code == 0

    def test_a_dose_on_a_rest_day_is_found(self, run, tmp_path):
        broken = definition("set-haplo-pdli").replace("{from: -13, to: -13,", "{from: -7, to: -7,")
        assert broken != definition("set-haplo-pdli")
        (tmp_path / "mine.yaml").write_text(broken)
        result = run("protocol", "check", "mine.yaml")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "rest" in result.stderr

    @pytest.mark.parametrize("name", ["nothing", "nowhere.yaml"])
    def test_what_is_not_there_is_refused(self, run, name):
        assert run("protocol", "check", name).exit_code == 1

    def test_it_is_shown_to_a_person(self, run):
        text = run("protocol", "show", "set-haplo-pdli").stdout
        for words in ("D-12..D-9", "D-8..D-6", "D+3, D+5", "D+6 until tapered", "D+35..D+56", "from D+120", "month 24"):
            assert words in text
        assert run("protocol", "show", "nothing").exit_code == 1

    def test_it_is_shown_as_fhir(self, run, tmp_path):
        bundle = decode(run("protocol", "show", "set-haplo-pdli", "--format", "fhir").stdout)
        kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
        assert kinds == {"PlanDefinition", "ActivityDefinition"}
        assert sound(bundle)
        assert run("protocol", "show", "set-haplo-pdli", "--json", "--out", "p.json").stdout == ""
        assert decode((tmp_path / "p.json").read_bytes()) == bundle


@pytest.fixture
def cohort(run):
    result = run("cohort", "synth", "--patients", 12, "--seed", 7, "--out", "cohort")
    assert result.exit_code == 0, result.stderr
    return "cohort/enrolments.ndjson", "cohort/follow-ups.ndjson"


class TestCohort:
    def test_the_same_seed_gives_the_same_patients(self, run, cohort, tmp_path):
        first = [(tmp_path / name).read_bytes() for name in cohort]
        run("cohort", "synth", "--patients", 12, "--seed", 7, "--out", "again")
        run("cohort", "synth", "--patients", 12, "--seed", 8, "--out", "other")
        assert first == [(tmp_path / name.replace("cohort", "again")).read_bytes() for name in cohort]
        assert first != [(tmp_path / name.replace("cohort", "other")).read_bytes() for name in cohort]

    def test_all_of_them_can_be_mapped_and_are_sound(self, run, cohort):
        result = run("map", *cohort, "--out", "fhir")
        assert result.exit_code == 0, result.stderr
        assert run("validate", "fhir").exit_code == 0

    @pytest.mark.parametrize("words", [["--patients", "0", "--seed", "1", "--out", "x"], ["--seed", "1", "--out", "x"]])
    def test_wrong_usage(self, run, words):
        assert run("cohort", "synth", *words).exit_code == 2

    def test_a_folder_that_cannot_be_made_is_refused(self, run, tmp_path):
        (tmp_path / "file").write_text("")
        assert run("cohort", "synth", "--patients", 1, "--seed", 1, "--out", tmp_path / "file" / "x").exit_code == 1


class TestReport:
    @pytest.fixture
    def mapped(self, run, cohort):
        assert run("map", *cohort, "--out", "fhir").exit_code == 0
        return ("registry", "report", "--from", "fhir", "--endpoint", "os")

    def test_programs_get_rows_as_json(self, run, mapped):
        told = decode(run(*mapped, "--horizons", "90,365", "--json").stdout)
        assert set(told) == {"as_of", "rows", "excluded", "listed"}
        by_day = {row["horizon_days"]: row for row in told["rows"]}
        assert {90, 365} <= set(by_day)
        assert by_day[90]["n"] == 12
        assert told == decode(run(*mapped, "--horizons", "90,365", "--format", "json").stdout)

    def test_people_get_a_table(self, run, mapped):
        result = run(*mapped)
        assert result.exit_code == 0
        assert "as of " in result.stdout
        assert "kaplan" in result.stdout.lower()

    def test_servers_get_valid_measure_reports(self, run, mapped):
        bundle = decode(run(*mapped, "--format", "fhir").stdout)
        kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
        assert kinds == ["MeasureReport", "Group", "Observation"]
        assert sound(bundle)

    def test_a_cut_off_in_the_past_leaves_out_who_came_later(self, run, mapped):
        told = decode(run(*mapped, "--as-of", "2024-01-01", "--json").stdout)
        assert told["as_of"] == "2024-01-01"
        assert told["rows"][0]["n"] < 12

    def test_who_was_left_out_is_named_but_not_in_a_release(self, run, mapped):
        words = (*mapped, "--as-of", "2024-01-01")
        assert "excluded" in run(*words).stdout
        released = decode(run(*words, "--release", "--json").stdout)
        assert all("patient" not in one for one in released["excluded"])

    def test_the_database_has_the_same_answer(self, run, mapped, cohort, database, tmp_path):
        from adapter.config import Settings
        from adapter.flows import enrolment, follow_up
        from tests.unit.adapter.cli.conftest import NOW

        for flow, name in zip((enrolment.enrol, follow_up.record), cohort, strict=True):
            for line in (tmp_path / name).read_text().splitlines():
                flow(decode(line), sender=None, store=database, settings=Settings(), now=NOW)
        stored = run("registry", "report", "--database", "--endpoint", "os", "--json").stdout
        assert decode(stored)["rows"] == decode(run(*mapped, "--json").stdout)["rows"]

    def test_people_get_a_page_that_needs_no_network(self, run, mapped):
        page = run(*mapped, "--format", "html").stdout
        assert page.startswith("<!doctype html>")
        assert "<svg" in page

    def test_curves_are_told_step_by_step(self, run, mapped):
        (curve,) = decode(run(*mapped, "--curve").stdout)["curves"]
        assert (curve["endpoint"], curve["n"]) == ("os", 12)
        assert [point["day"] for point in curve["points"]] == sorted({point["day"] for point in curve["points"]})

    def test_who_asks_for_a_page_and_curves_gets_the_page(self, run, mapped):
        assert run(*mapped, "--format", "html", "--curve").stdout.startswith("<!doctype html>")

    @pytest.mark.parametrize(
        "words",
        [
            ["registry", "report"],
            ["registry", "report", "--from", "x", "--database"],
            ["registry", "report", "--from", "x", "--horizons", "soon"],
            ["registry", "report", "--from", "x", "--as-of", "soon"],
        ],
    )
    def test_wrong_usage(self, run, words):
        assert run(*words).exit_code == 2

    def test_what_does_not_exist_is_refused(self, run, mapped):
        assert run("registry", "report", "--from", "nowhere").exit_code == 1
        assert run("registry", "report", "--from", "fhir", "--endpoint", "luck").exit_code == 1
        assert run("registry", "report", "--database").exit_code == 3


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A database that the documents of a synthetic cohort were handed in to, and its enrolments."""
    from adapter.config import Settings
    from adapter.flows import enrolment, follow_up
    from adapter.store import Store
    from mappings.facts.synthetic import documents
    from tests.unit.adapter.cli.conftest import NOW

    place = tmp_path_factory.mktemp("recorded") / "engraft.sqlite"
    enrolments = []
    with closing(Store(f"sqlite:///{place}")) as store:
        store.migrate()
        for enrolled, visits in documents(12, random.Random(7), as_of=date(2026, 1, 1), full=True):
            enrolments.append(enrolled)
            enrolment.enrol(enrolled, sender=None, store=store, settings=Settings(), now=NOW)
            for visit in visits:
                follow_up.record(visit, sender=None, store=store, settings=Settings(), now=NOW)
    return place, enrolments


class TestBundles:
    @pytest.fixture
    def stored(self, run, recorded, tmp_path, monkeypatch):
        place, enrolments = recorded
        (tmp_path / "var").mkdir()
        shutil.copy(place, tmp_path / "var")
        run("config", "init")
        monkeypatch.setenv("ENGRAFT_CONFIG", "engraft.toml")
        return enrolments

    def test_who_agrees_leaves_without_a_name(self, run, stored):
        result = run("registry", "bundle")
        assert result.exit_code == 0
        bundles = [decode(line) for line in result.stdout.splitlines()]
        agreed = [one for one in stored if one["consent"]["registry"]]
        assert len(bundles) == len(agreed) > 0
        assert all(map(sound, bundles))
        assert "SYN-0" not in result.stdout

    def test_each_has_a_file_and_what_was_there_is_replaced(self, run, stored, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "notes.txt").write_text("mine")
        old = tmp_path / "out" / "0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60.json"
        old.write_text("somebody who has withdrawn")
        assert run("registry", "bundle", "--out", "out").exit_code == 0
        names = {file.name for file in (tmp_path / "out").iterdir()}
        assert "notes.txt" in names
        assert old.name not in names
        assert len(names) > 1
        assert run("validate", "out").exit_code == 0

    def test_what_was_there_stays_where_the_new_ones_cannot_be_written_to_the_end(
        self, run, stored, tmp_path, monkeypatch
    ):
        old = tmp_path / "out" / "0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60.json"
        old.parent.mkdir()
        old.write_text("of the last call")
        write = Path.write_text

        def full(path, text, *how):
            if any(path.parent.glob("*.json")):
                raise OSError(28, "No space left on device")
            return write(path, text, *how)

        monkeypatch.setattr(Path, "write_text", full)
        assert run("registry", "bundle", "--out", "out").exit_code == 1
        assert list(old.parent.iterdir()) == [old]

    def test_one_patient_may_be_asked_for(self, run, stored):
        agreed = next(one["patient"] for one in stored if one["consent"]["registry"])
        assert len(run("registry", "bundle", "--patient", agreed).stdout.splitlines()) == 1
        refused = run("registry", "bundle", "--patient", "nobody")
        assert (refused.exit_code, refused.stdout) == (1, "")

    def test_without_a_key_nothing_leaves(self, run, database):
        result = run("registry", "bundle")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "pseudonym key" in result.stderr

    def test_a_folder_that_cannot_be_made_is_refused(self, run, stored, tmp_path):
        (tmp_path / "file").write_text("")
        assert run("registry", "bundle", "--out", tmp_path / "file" / "x").exit_code == 1
