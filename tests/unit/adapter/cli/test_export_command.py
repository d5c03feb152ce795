"""Everything stored leaves as NDJSON: as it is for the centre's own hands, without identity for a registry's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mappings.r4.validate import validate
from mappings.r4.wire import decode
from tests.lib.centre import Ward

SAID_NO = {"status": "active", "date": "2026-01-10", "registry": False}


@pytest.fixture
def ward(database):
    """Two patients in the default database; the second does not agree to registries."""
    ward = Ward(database)
    ward.enrol()
    ward.enrol(patient="SYN-0002", consent=SAID_NO)
    return ward


@pytest.fixture
def key(tmp_path):
    (tmp_path / "pseudonym.key").write_text("0f" * 32)
    (tmp_path / "engraft.toml").write_text('[privacy]\nkey = { file = "pseudonym.key" }\n')
    return {"ENGRAFT_CONFIG": str(tmp_path / "engraft.toml")}


def exported(folder):
    lines = (line for file in sorted(folder.glob("*.ndjson")) for line in file.read_bytes().splitlines())
    return [decode(line) for line in lines]


def test_everything_stored_is_there_as_it_is_a_file_a_type(run, ward, tmp_path):
    result = run("export", "--out", "bulk")
    assert (result.exit_code, result.stdout) == (0, "")
    found = exported(tmp_path / "bulk")
    stored = [one.content for one in (*ward.stored(), *ward.origins())]
    assert sorted(found, key=lambda one: one["id"]) == sorted(stored, key=lambda one: one["id"])
    for file in (tmp_path / "bulk").iterdir():
        assert {decode(line)["resourceType"] for line in file.read_bytes().splitlines()} == {file.stem}
    assert f"{len(stored)} resources in bulk" in result.stderr


def test_the_endpoint_report_reads_what_was_exported(run, ward):
    run("export", "--out", "bulk")
    (from_files, from_database) = (
        run("registry", "report", *w, "--json") for w in (["--from", "bulk"], ["--database"])
    )
    assert from_files.stdout == from_database.stdout
    assert decode(from_files.stdout.encode())["rows"][0]["n"] == 2


def test_types_are_chosen_and_what_an_earlier_call_left_is_replaced(run, ward, tmp_path):
    run("export", "--out", "bulk")
    (tmp_path / "bulk" / "notes.txt").write_text("mine")
    run("export", "--out", "bulk", "--type", "Patient, Goal")
    assert {file.name for file in (tmp_path / "bulk").iterdir()} == {"Patient.ndjson", "Goal.ndjson", "notes.txt"}


def test_since_gives_what_changed_then_or_later(run, ward, tmp_path):
    before = ward.now
    ward.visit()
    changed = {one.reference for one in (*ward.stored(), *ward.origins()) if one.at > before}
    since = (before + timedelta(seconds=1)).isoformat()
    told = decode(run("export", "--out", "bulk", "--since", since, "--json").stdout.encode())
    found = exported(tmp_path / "bulk")
    assert {f"{one['resourceType']}/{one['id']}" for one in found} == changed != set()
    assert sum(told["resources"].values()) == len(changed)
    assert datetime.fromisoformat(told["transaction_time"]) <= datetime.now(UTC)


class TestDeidentified:
    def test_only_who_agrees_and_nobody_is_named(self, run, ward, key, tmp_path):
        ward.visit()
        assert run("export", "--out", "bulk", "--deidentified", **key).exit_code == 0
        found = exported(tmp_path / "bulk")
        assert [one["resourceType"] for one in found].count("Patient") == 1
        assert {one["resourceType"] for one in found} <= {"Patient", "Condition", "Observation", "Procedure"}
        assert [fault for one in found for fault in validate(one) if fault.severity == "error"] == []
        text = str(found)
        for secret in ("SYN-0001", "SYN-0002", "FR-037", "1971-05-02", "2026-03-02", document_id(ward)):
            assert secret not in text

    def test_types_are_chosen_here_too(self, run, ward, key, tmp_path):
        assert run("export", "--out", "bulk", "--deidentified", "--type", "Observation,CarePlan", **key).exit_code == 0
        assert {one["resourceType"] for one in exported(tmp_path / "bulk")} == {"Observation"}

    def test_so_is_the_time_of_change(self, run, ward, key, tmp_path):
        since = (ward.now + timedelta(seconds=1)).isoformat()
        ward.visit()
        words = ("--deidentified", "--type", "Observation", "--since", since)
        assert run("export", "--out", "bulk", *words, **key).exit_code == 0
        changed = [one for one in ward.stored("Observation") if one.at >= datetime.fromisoformat(since)]
        assert len(exported(tmp_path / "bulk")) == len(changed) > 0

    def test_without_a_key_nothing_leaves(self, run, ward, tmp_path):
        assert run("export", "--out", "bulk", "--deidentified").exit_code == 1
        assert not (tmp_path / "bulk").exists()


def document_id(ward):
    return ward.stored("Patient")[0].id


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--out", "bulk", "--type", "Nonsense"],
        ["--out", "bulk", "--since", "yesterday"],
        ["--out", "bulk", "--since", "2026-03-02T10:00:00"],
    ],
)
def test_wrong_usage(run, words):
    assert run("export", *words).exit_code == 2


def test_without_a_database_it_is_exit_3(run):
    assert run("export", "--out", "bulk").exit_code == 3


def test_a_folder_that_cannot_be_written_is_refused(run, ward, tmp_path):
    (tmp_path / "bulk").mkdir()
    (tmp_path / "bulk" / "Patient.ndjson.part").mkdir()
    result = run("export", "--out", "bulk", "--json")
    assert result.exit_code == 1
    assert decode(result.stdout.encode())["resourceType"] == "OperationOutcome"


def test_a_change_that_was_on_its_way_comes_with_the_next_since(run, ward, tmp_path):
    begun = decode(run("export", "--out", "bulk", "--json").stdout.encode())["transaction_time"]
    with ward.store.reading() as tx:
        patient = next(tx.resources.stream(centres=None, kinds=["Patient"]))
    with ward.store.transaction() as tx:
        at = datetime.fromisoformat(begun) - timedelta(seconds=9)
        whose = {"centre": patient.centre, "course": patient.course, "sources": [], "at": at}
        tx.resources.put(patient.content | {"gender": "other"}, **whose)
    assert run("export", "--out", "next", "--since", begun).exit_code == 0
    assert [one["gender"] for one in exported(tmp_path / "next")] == ["other"]
