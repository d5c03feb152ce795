"""`engraft map` on the formats that centres have: whatever says the same becomes the same resources."""

from __future__ import annotations

import json
import shutil

import pytest

from mappings.r4 import wire
from mappings.r4.wire import decode
from tests.lib import flat
from tests.lib.forms import ENROLMENT, FOLLOW_UP
from tests.lib.tree import ROOT

AS_OF = ("--as-of", "2026-09-03")
EXAMPLE = ROOT / "examples" / "redcap"


def folder(path):
    return {file.name: file.read_text("utf-8") for file in sorted(path.iterdir())}


def rejected(path):
    return [decode(line) for line in (path / "rejected.ndjson").read_text("utf-8").splitlines()]


@pytest.fixture
def expected(run, tmp_path):
    """What the JSON documents become."""
    file = tmp_path / "plain.json"
    file.write_bytes(wire.encode([ENROLMENT, FOLLOW_UP]))
    assert run("map", file, *AS_OF, "--out", "expected").exit_code == 0
    return folder(tmp_path / "expected")


WRITTEN = {
    "visits.csv": lambda: flat.table(ENROLMENT, FOLLOW_UP),
    "visits.txt": lambda: b"\xef\xbb\xbf" + flat.table(ENROLMENT, FOLLOW_UP, delimiter=";"),
    "visits.tsv": lambda: flat.table(ENROLMENT, FOLLOW_UP, delimiter="\t"),
    "answers.json": lambda: json.dumps([flat.response(ENROLMENT), flat.response(FOLLOW_UP)], default=str).encode(),
    "answers.ndjson": lambda: b"\n".join(json.dumps(flat.response(one)).encode() for one in (FOLLOW_UP, ENROLMENT)),
    "pretty.json": lambda: json.dumps([ENROLMENT, FOLLOW_UP], indent=2).encode(),
    "lines": lambda: b"\n".join(json.dumps(one).encode() for one in (FOLLOW_UP, ENROLMENT)),
    "marked.json": lambda: b"\xef\xbb\xbf" + json.dumps([ENROLMENT, FOLLOW_UP]).encode(),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_each_format_becomes_the_same_resources(run, tmp_path, expected, name):
    (tmp_path / name).write_bytes(WRITTEN[name]())
    result = run("map", name, *AS_OF, "--out", "fhir")
    assert result.exit_code == 0, result.stderr
    assert folder(tmp_path / "fhir") == expected


def test_formats_mix_in_one_call(run, tmp_path, expected):
    (tmp_path / "v.csv").write_bytes(flat.table(FOLLOW_UP))
    (tmp_path / "e.json").write_text(json.dumps(flat.response(ENROLMENT)))
    assert run("map", "v.csv", "e.json", *AS_OF, "--out", "fhir").exit_code == 0
    assert folder(tmp_path / "fhir") == expected


FRENCH = (
    "Centre;Patient;Visit;Date;Chimerism.1.date;Chimerism.1.donor_percent;relapse.not_done;relapse.note;;\r\n"
    "FR-037;P-0001;m3;02/06/2026;31/05/2026;98,50;not-asked;Réponse non évaluée;;\r\n"
    "FR-037;P-0001;m6;02/09/2026;01/09/2026;101,2;;;;\r\n"
    "FR-037;P-0001;m12;02/09/2026;hier;98,5;;;;\r\n"
)


@pytest.fixture
def french(run, tmp_path):
    (tmp_path / "e.json").write_text(json.dumps(ENROLMENT))
    (tmp_path / "visites.csv").write_bytes(FRENCH.encode("cp1252"))
    return lambda *more: run("map", "e.json", "visites.csv", *AS_OF, "--out", "fhir", *more)


def test_a_table_as_french_spreadsheets_write_it_is_told_apart(french, tmp_path):
    result = french()
    told = "visites.csv: windows-1252; semicolons; decimal comma, as in 98,50; dates are dd/mm/yyyy, as in 02/06/2026"
    assert told in result.stderr.replace("31/05/2026", "02/06/2026")
    observed = [decode(line) for line in folder(tmp_path / "fhir")["Observation.ndjson"].splitlines()]
    (donor,) = [one["valueQuantity"]["value"] for one in observed if one.get("effectiveDateTime") == "2026-05-31"]
    assert str(donor) == "98.50"


def test_what_is_refused_of_a_table_has_row_column_value_reason_and_mending(french, tmp_path):
    assert french().exit_code == 1
    percent, day = rejected(tmp_path / "fhir")
    assert (percent["row"], percent["column"], percent["value"]) == (3, "Chimerism.1.donor_percent", "101,2")
    assert "from 0 to 100" in percent["reason"]
    assert (day["row"], day["column"], day["value"]) == (4, "Chimerism.1.date", "hier")
    assert "YYYY-MM-DD" in day["mend"]


def test_the_mended_table_again_doubles_nothing(french, run, tmp_path):
    assert french().exit_code == 1
    first = folder(tmp_path / "fhir")
    (tmp_path / "visites.csv").write_bytes(FRENCH.replace("101,2", "99,2").replace("hier", "2026-09").encode("cp1252"))
    assert french().exit_code == 0
    for name, text in folder(tmp_path / "fhir").items():
        assert set(first.get(name, "").splitlines()) <= set(text.splitlines()), name
        ids = [decode(line)["id"] for line in text.splitlines()]
        assert len(ids) == len(set(ids))


def test_programs_are_told_how_a_table_was_read(french):
    told = decode(french("--json").stdout)
    (read,) = told["read"]
    assert read["file"] == "visites.csv"
    assert "windows-1252" in read["found"]
    assert [row["row"] for row in told["rejected"]] == [3, 4]


def test_a_header_that_nobody_knows_is_refused_whole(run, tmp_path):
    (tmp_path / "v.csv").write_text("centre,patient,visit,date,mood\nFR-037,P-1,m3,2026-04-01,good\n")
    assert run("map", "v.csv", *AS_OF, "--out", "fhir").exit_code == 1
    (row,) = rejected(tmp_path / "fhir")
    assert (row["row"], row["path"]) == (1, "mood")


def test_a_table_that_contradicts_its_enrolment_names_its_column(run, tmp_path):
    (tmp_path / "e.json").write_text(json.dumps(ENROLMENT))
    (tmp_path / "v.csv").write_text(
        "centre,patient,visit,date,chimerism.3.date,chimerism.3.donor_percent\nFR-037,P-0001,m3,2026-04-01,1960-01-01,9\n"
    )
    assert run("map", "v.csv", "e.json", *AS_OF, "--out", "fhir").exit_code == 1
    (row,) = rejected(tmp_path / "fhir")
    assert (row["row"], row["column"], row["value"]) == (2, "chimerism.3.date", "1960-01-01")


def test_the_example_project_of_redcap_goes_through(run, tmp_path):
    result = run("map", "--redcap", EXAMPLE / "mapping.toml", EXAMPLE / "export.csv", *AS_OF, "--out", "fhir")
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    made = folder(tmp_path / "fhir")
    assert made["Patient.ndjson"].count("\n") == 2
    assert '"2026-04-20"' in made["Condition.ndjson"], "the episode of acute GVHD"
    assert "not taken, because not mapped: comments" in result.stderr


def test_a_redcap_mapping_that_does_not_fit_is_refused_before_anything_is_read(run, tmp_path):
    shutil.copy(EXAMPLE / "dictionary.csv", tmp_path)
    text = (EXAMPLE / "mapping.toml").read_text("utf-8").replace("birth_month =", "birth_moon =")
    (tmp_path / "mapping.toml").write_text(text)
    result = run("map", "--redcap", "mapping.toml", EXAMPLE / "export.csv", *AS_OF, "--out", "fhir")
    assert result.exit_code == 1
    assert "fields.birth_moon" in result.stderr


def test_a_redcap_export_without_its_columns_is_refused(run, tmp_path):
    (tmp_path / "x.csv").write_text("record_id,visit_date\n1,2026-04-01\n")
    assert run("map", "--redcap", EXAMPLE / "mapping.toml", "x.csv", *AS_OF, "--out", "fhir").exit_code == 1
    assert rejected(tmp_path / "fhir")[0]["path"] == "redcap_event_name"


@pytest.mark.parametrize("content", [None, b"\xff", b'[project]\ncentre = "C"\npatient = "p"\ndictionary = "none.csv"'])
def test_a_mapping_that_cannot_be_read_is_refused(run, tmp_path, content):
    if content is not None:
        (tmp_path / "m.toml").write_bytes(content)
    assert run("map", "--redcap", "m.toml", EXAMPLE / "export.csv", *AS_OF).exit_code == 1


@pytest.mark.parametrize(
    ("document", "path"), [({"visit": "m1", "centre": 1, "patient": "P"}, "centre"), ({}, "patient")]
)
def test_a_document_that_names_no_patient_is_refused_by_its_form(run, tmp_path, document, path):
    (tmp_path / "x.ndjson").write_text("\n\n" + json.dumps(document) + "\n")
    assert run("map", "x.ndjson", *AS_OF, "--out", "fhir").exit_code == 1
    rows = rejected(tmp_path / "fhir")
    assert path in {row["path"] for row in rows}
    assert {row["line"] for row in rows} == {3}


def test_a_bar_is_shown_for_large_files_on_a_terminal(run, tmp_path, monkeypatch):
    (tmp_path / "e.json").write_text(json.dumps(ENROLMENT))
    assert "reading" not in run("map", "e.json", *AS_OF).stderr
    monkeypatch.setattr("adapter.cli.progress.LARGE_BYTES", 10)
    monkeypatch.setattr("adapter.cli.progress.LARGE_ITEMS", 1)
    assert "reading" not in run("map", "e.json", *AS_OF).stderr, "no terminal"
    monkeypatch.setattr("adapter.cli.progress.on_a_terminal", lambda: True)
    told = run("map", "e.json", *AS_OF).stderr
    assert "reading" in told
    assert "mapping" in told
