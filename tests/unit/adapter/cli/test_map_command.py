"""`engraft map`: documents in any order to FHIR; what is refused is told by file, line and field, not lost."""

from __future__ import annotations

import copy
import itertools
import json

import pytest

from mappings.r4.validate import validate
from mappings.r4.wire import decode
from tests.lib.forms import FOLLOW_UP as VISIT

ENROLMENT = {
    "centre": "FR-037",
    "patient": "P-0001",
    "protocol": "set-haplo-pdli",
    "birth_date": "1971-05-02",
    "sex": "female",
    "disease": {"diagnosis": "aml", "status": "refractory"},
    "transplant": {"date": "2026-03-02", "planned": False, "donor": "haploidentical", "graft": "pbsc"},
}
AS_OF = ("--as-of", "2026-09-03")


def written(tmp_path, name, *documents, lines=False):
    file = tmp_path / name
    if lines:
        file.write_text("".join(json.dumps(one) + "\n" for one in documents))
    else:
        file.write_text(json.dumps(documents[0] if len(documents) == 1 else list(documents), indent=1))
    return file


def folder(path):
    return {file.name: file.read_text("utf-8") for file in sorted(path.iterdir())}


def rejected(path):
    return [decode(line) for line in (path / "rejected.ndjson").read_text("utf-8").splitlines()]


def test_an_enrolment_and_a_visit_become_valid_resources_by_type(run, tmp_path):
    files = written(tmp_path, "e.json", ENROLMENT), written(tmp_path, "v.json", VISIT)
    result = run("map", *files, *AS_OF, "--out", "fhir")
    assert (result.exit_code, result.stdout) == (0, "")
    made = folder(tmp_path / "fhir")
    assert {"Patient.ndjson", "Condition.ndjson", "Observation.ndjson"} <= set(made)
    assert "rejected.ndjson" not in made
    for name, text in made.items():
        for line in text.splitlines():
            resource = decode(line)
            assert f"{resource['resourceType']}.ndjson" == name
            assert [fault for fault in validate(resource) if fault.severity == "error"] == []


def test_the_order_and_the_form_of_the_files_change_nothing(run, tmp_path):
    second = VISIT | {"visit": "m6", "date": "2026-09-02"}
    del second["gvhd"]
    other = ENROLMENT | {"patient": "P-0002"}
    single = [written(tmp_path, f"{n}.json", one) for n, one in enumerate((ENROLMENT, VISIT, second, other))]
    made = set()
    for number, files in enumerate(itertools.permutations(single)):
        assert run("map", *files, *AS_OF, "--out", f"out{number}").exit_code == 0
        made.add(json.dumps(folder(tmp_path / f"out{number}")))
    lines = written(tmp_path, "all.ndjson", second, ENROLMENT, VISIT, other, lines=True)
    array = written(tmp_path, "array.json", VISIT, other, second, ENROLMENT)
    for number, file in enumerate((lines, array)):
        assert run("map", file, *AS_OF, "--out", f"more{number}").exit_code == 0
        made.add(json.dumps(folder(tmp_path / f"more{number}")))
    assert len(made) == 1


def test_without_a_folder_everything_goes_to_stdout(run, tmp_path):
    file = written(tmp_path, "e.json", ENROLMENT)
    lines = [decode(line) for line in run("map", file, *AS_OF).stdout.splitlines()]
    assert "Patient" in {line["resourceType"] for line in lines}
    bundle = decode(run("map", file, *AS_OF, "--format", "bundle").stdout)
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
    assert len(bundle["entry"]) == len(lines)


def test_a_bundle_may_go_to_a_folder(run, tmp_path):
    file = written(tmp_path, "e.json", ENROLMENT)
    assert run("map", file, *AS_OF, "--format", "bundle", "--out", "fhir").exit_code == 0
    assert list(folder(tmp_path / "fhir")) == ["bundle.json"]


def test_an_item_of_an_array_is_refused_by_its_number_and_the_others_are_written(run, tmp_path):
    """On one line, as programs write it: the line tells nothing."""
    good = json.dumps([ENROLMENT, VISIT, VISIT | {"mood": "good", "visit": "m6"}])
    (tmp_path / "all.json").write_text(good.removesuffix("]") + ', {"visit": m12}', "utf-8")
    result = run("map", tmp_path / "all.json", *AS_OF, "--out", "fhir", "--json")
    assert result.exit_code == 1
    rows = rejected(tmp_path / "fhir")
    assert [(row["line"], row["row"], row["path"]) for row in rows] == [(1, 3, "mood"), (1, 4, "$")]
    assert "breaks off after 3 items" in rows[1]["reason"]
    assert "Condition.ndjson" in folder(tmp_path / "fhir")


def test_an_array_with_a_document_on_each_line_is_no_ndjson(run, tmp_path):
    (tmp_path / "all.json").write_text(f"[\n{json.dumps(ENROLMENT)}\n]\n", "utf-8")
    assert run("map", tmp_path / "all.json", *AS_OF, "--out", "fhir").exit_code == 0


def test_what_is_refused_has_its_line_and_the_others_are_written(run, tmp_path):
    bad = copy.deepcopy(VISIT) | {"mood": "good", "visit": "m6"}
    bad["gvhd"]["acute"][0]["skin"] = 9
    file = written(tmp_path, "all.ndjson", ENROLMENT, bad, VISIT, lines=True)
    result = run("map", file, *AS_OF, "--out", "fhir")
    assert result.exit_code == 1
    rows = rejected(tmp_path / "fhir")
    assert {(row["file"], row["line"]) for row in rows} == {(str(file), 2)}
    assert {row["path"] for row in rows} == {"mood", "gvhd.acute.1.skin"}
    assert all(row["reason"] for row in rows)
    assert f"{file}:2: mood: " in result.stderr
    assert "Condition.ndjson" in folder(tmp_path / "fhir")


LINES = [
    (b'{"centre": "FR-037", "centre": "X"}', "centre"),
    (b'{"patient": NaN}', "$"),
    (b'{"patient": "\xff"}', "$"),
    (b'{"resourceType": "QuestionnaireResponse"}', "QuestionnaireResponse.status"),
    (b'{"resourceType": "Patient"}', "resourceType"),
    (b'"text"', ""),
    (b'{"centre": "FR-037"', "$"),
]


@pytest.mark.parametrize(("line", "path"), LINES, ids=[repr(line) for line, _ in LINES])
def test_a_line_that_is_no_document_is_refused_alone(run, tmp_path, line, path):
    file = tmp_path / "all.ndjson"
    file.write_bytes(json.dumps(ENROLMENT).encode() + b"\n" + line + b"\n\n")
    result = run("map", file, *AS_OF, "--out", "fhir")
    assert result.exit_code == 1
    (row, *_) = rejected(tmp_path / "fhir")
    assert row["line"] == 2
    assert path in row["path"]
    assert "Patient.ndjson" in folder(tmp_path / "fhir")


def test_what_is_dated_after_the_day_of_submission_is_refused(run, tmp_path):
    files = written(tmp_path, "e.json", ENROLMENT), written(tmp_path, "v.json", VISIT)
    result = run("map", *files, "--as-of", "2026-05-01", "--out", "fhir")
    assert result.exit_code == 1
    assert "date" in {row["path"] for row in rejected(tmp_path / "fhir")}


def test_a_visit_of_an_unknown_patient_is_refused(run, tmp_path):
    result = run("map", written(tmp_path, "v.json", VISIT), *AS_OF, "--out", "fhir")
    assert result.exit_code == 1
    (row,) = rejected(tmp_path / "fhir")
    assert row["path"] == "patient"
    assert "no enrolment of FR-037/P-0001" in row["reason"]


def test_the_database_knows_enrolments_too(run, tmp_path, database):
    from adapter.config import Settings
    from adapter.flows import enrolment
    from tests.unit.adapter.cli.conftest import NOW

    enrolment.enrol(ENROLMENT, sender=None, store=database, settings=Settings(), now=NOW)
    result = run("map", written(tmp_path, "v.json", VISIT), *AS_OF, "--out", "fhir")
    assert result.exit_code == 0
    assert "Patient.ndjson" in folder(tmp_path / "fhir")
    other = run("map", written(tmp_path, "o.json", VISIT | {"patient": "P-9"}), *AS_OF)
    assert other.exit_code == 1


def test_a_visit_that_contradicts_its_enrolment_is_refused(run, tmp_path):
    early = copy.deepcopy(VISIT)
    early["gvhd"]["acute"][0]["onset"] = "1960-01-01"
    files = written(tmp_path, "e.json", ENROLMENT), written(tmp_path, "v.json", early)
    result = run("map", *files, *AS_OF, "--out", "fhir")
    assert result.exit_code == 1
    assert "gvhd.acute.1.onset" in {row["path"] for row in rejected(tmp_path / "fhir")}
    assert "1960" not in "".join(text for name, text in folder(tmp_path / "fhir").items() if name != "rejected.ndjson")


@pytest.mark.parametrize("turned", [False, True])
def test_two_documents_that_differ_under_one_key_are_not_chosen_between(run, tmp_path, turned):
    """Neither is taken, whichever comes first; what only they told of is refused with them."""
    files = [written(tmp_path, "a.json", ENROLMENT), written(tmp_path, "b.json", ENROLMENT | {"sex": "male"})]
    files = files[::-1] if turned else files
    result = run("map", *files, written(tmp_path, "v.json", VISIT), *AS_OF, "--out", "fhir")
    assert result.exit_code == 1
    told = {row["file"].rpartition("/")[2]: row["reason"] for row in rejected(tmp_path / "fhir")}
    assert "said differently at" in told["a.json"]
    assert "b.json:1; neither is taken" in told["a.json"]
    assert "a.json:1; neither is taken" in told["b.json"]
    assert "no enrolment" in told["v.json"]
    assert set(folder(tmp_path / "fhir")) == {"rejected.ndjson"}


def test_the_same_document_twice_is_one(run, tmp_path):
    file = written(tmp_path, "a.json", ENROLMENT)
    assert run("map", file, file, *AS_OF, "--out", "fhir").exit_code == 0
    assert folder(tmp_path / "fhir")["Patient.ndjson"].count("\n") == 1


def test_two_visits_that_differ_are_refused_and_the_others_are_not(run, tmp_path):
    visits = [VISIT, VISIT | {"gvhd": {"assessed": "2026-06-02", "acute": []}}, VISIT | {"visit": "m6"}]
    file = written(tmp_path, "all.ndjson", ENROLMENT, *visits, lines=True)
    assert run("map", file, *AS_OF, "--out", "fhir").exit_code == 1
    assert [row["line"] for row in rejected(tmp_path / "fhir")] == [2, 3]
    assert "Observation.ndjson" in folder(tmp_path / "fhir")


def test_nothing_of_an_earlier_call_is_lost_when_this_one_fails(run, tmp_path, monkeypatch):
    file = written(tmp_path, "e.json", ENROLMENT)
    assert run("map", file, *AS_OF, "--out", "fhir").exit_code == 0
    before = folder(tmp_path / "fhir")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("adapter.cli.shelf.Shelf.put", full)
    result = run("map", file, *AS_OF, "--out", "fhir")
    assert (result.exit_code, folder(tmp_path / "fhir")) == (1, before)
    assert "No space left on device" in result.stderr


def test_what_an_earlier_call_left_is_replaced(run, tmp_path):
    files = written(tmp_path, "e.json", ENROLMENT), written(tmp_path, "v.json", VISIT | {"mood": "x"})
    assert run("map", *files, *AS_OF, "--out", "fhir").exit_code == 1
    (tmp_path / "fhir" / "Goal.ndjson").write_text("old")
    (tmp_path / "fhir" / "notes.txt").write_text("mine")
    assert run("map", files[0], *AS_OF, "--out", "fhir").exit_code == 0
    assert {"rejected.ndjson", "Goal.ndjson"} & set(folder(tmp_path / "fhir")) == set()
    assert "notes.txt" in folder(tmp_path / "fhir")


def test_programs_get_counts_and_refusals_as_json(run, tmp_path):
    files = written(tmp_path, "e.json", ENROLMENT), written(tmp_path, "v.json", VISIT | {"mood": "x"})
    told = decode(run("map", *files, *AS_OF, "--out", "fhir", "--json").stdout)
    assert told["resources"]["Patient"] == 1
    assert [row["path"] for row in told["rejected"]] == ["mood"]


def test_nothing_to_write_is_nothing_written(run, tmp_path):
    result = run("map", written(tmp_path, "v.json", VISIT), *AS_OF, "--format", "bundle")
    assert (result.exit_code, result.stdout) == (1, "")


@pytest.mark.parametrize("words", [["nowhere.json"], ["e.json", "--out", "e.json/x"]])
def test_files_that_cannot_be_used_are_refused(run, tmp_path, words):
    written(tmp_path, "e.json", ENROLMENT)
    assert run("map", *words, *AS_OF).exit_code == 1


def test_what_is_refused_comes_in_the_order_of_the_lines(run, tmp_path):
    """Whatever the reason, and although visits are sorted by their names: m12 comes before m3."""
    visits = [VISIT | {"visit": visit, "patient": "P-0404"} for visit in ("m3", "m12")]
    file = written(tmp_path, "all.ndjson", *visits, VISIT | {"mood": "good"}, lines=True)
    assert run("map", file, *AS_OF, "--out", "fhir").exit_code == 1
    assert [row["line"] for row in rejected(tmp_path / "fhir")] == [1, 2, 3]


def test_every_line_of_ndjson_stands_alone_even_when_the_first_are_broken(run, tmp_path):
    file = tmp_path / "all.ndjson"
    file.write_text('{"a": \n{"b": \n' + json.dumps(ENROLMENT) + "\n")
    assert run("map", file, *AS_OF, "--out", "fhir").exit_code == 1
    assert [row["line"] for row in rejected(tmp_path / "fhir")] == [1, 2]
    assert "Patient.ndjson" in folder(tmp_path / "fhir")


def test_an_empty_file_is_refused(run, tmp_path):
    (tmp_path / "e.json").write_text("")
    assert run("map", "e.json", *AS_OF, "--out", "fhir").exit_code == 1


def test_a_day_of_submission_that_is_none_is_wrong_usage(run, tmp_path):
    assert run("map", written(tmp_path, "e.json", ENROLMENT), "--as-of", "soon").exit_code == 2


def test_a_birth_in_another_century_is_a_typing_error(run, tmp_path):
    result = run("map", written(tmp_path, "e.json", ENROLMENT | {"birth_date": "1850"}), *AS_OF, "--out", "fhir")
    assert result.exit_code == 1
    assert rejected(tmp_path / "fhir")[0]["path"] == "birth_date"
