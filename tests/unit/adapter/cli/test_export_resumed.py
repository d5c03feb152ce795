"""An export that is killed goes on where it stopped: every byte as if nothing had happened, no line twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from adapter.cli import export as command
from adapter.cli import unfinished
from mappings.r4.wire import decode
from tests.lib.centre import Ward
from tests.lib.tree import ROOT

KILLED = """
import os, signal, sys
from adapter.cli import export, main, unfinished
export.SAVE_EVERY, export.flow.STEP = 10, 7
left, real = int(sys.argv.pop(1)), unfinished.Unfinished.{method}
def dying(self, *said):
    global left
    left -= 1
    if not left:
        {before}
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, *said)
unfinished.Unfinished.{method} = dying
main(sys.argv[1:])
"""
HALF_A_LINE = (
    "real(self, *said); [file.write(b'{') for file in self._files.values()]; [f.flush() for f in self._files.values()]"
)


@pytest.fixture
def ward(database, monkeypatch):
    """Patients of two centres, and steps so small that there are many."""
    ward = Ward(database)
    for number in range(4):
        ward.enrol(patient=f"SYN-{number}")
    ward.visit(patient="SYN-0")
    monkeypatch.setattr(command.flow, "STEP", 7)
    return ward


@pytest.fixture
def key(tmp_path):
    (tmp_path / "pseudonym.key").write_text("0f" * 32)
    (tmp_path / "engraft.toml").write_text('[privacy]\nkey = { file = "pseudonym.key" }\n')
    return {"ENGRAFT_CONFIG": str(tmp_path / "engraft.toml")}


def kill(tmp_path, after, *words, method="write", before="pass", **more):
    """Runs the command until the n-th call of a method, and kills it there."""
    code = KILLED.format(method=method, before=before)
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | more
    done = subprocess.run(
        [sys.executable, "-c", code, str(after), "export", *words],
        cwd=tmp_path, env=environment, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


def files(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def whole(run, tmp_path, *words, **key):
    assert run("export", "--out", "whole", *words, **key).exit_code == 0
    return files(tmp_path / "whole")


@pytest.mark.parametrize("words", [(), ("--deidentified",)], ids=["identified", "de-identified"])
def test_killed_while_it_writes_it_goes_on_and_every_byte_is_the_same(run, ward, key, tmp_path, words):
    expected = whole(run, tmp_path, *words, **key)
    kill(tmp_path, 4, "--out", "bulk", *words, before=HALF_A_LINE, **key)
    left = files(tmp_path / "bulk")
    assert all(name.endswith(".part") for name in left), "nothing looks whole that is not"
    told = run("export", "--out", "bulk", *words, **key)
    assert told.exit_code == 0
    assert "goes on after" in told.stderr
    assert files(tmp_path / "bulk") == expected


def test_killed_while_the_names_are_changed_it_ends_what_it_began(run, ward, tmp_path):
    expected = whole(run, tmp_path)
    (tmp_path / "bulk").mkdir()
    (tmp_path / "bulk" / "Banana.ndjson").write_text("of an earlier export\n")
    code = "self.note.whole = True; self.save(); self._part('Patient').replace(self.folder / 'Patient.ndjson')"
    kill(tmp_path, 1, "--out", "bulk", method="show", before=code)
    assert {"Patient.ndjson", "Observation.ndjson.part", "Banana.ndjson"} <= files(tmp_path / "bulk").keys()
    assert run("export", "--out", "bulk").exit_code == 0
    assert files(tmp_path / "bulk") == expected


def test_the_time_of_an_export_is_that_of_its_beginning(run, ward, tmp_path):
    kill(tmp_path, 4, "--out", "bulk")
    begun = decode((tmp_path / "bulk" / unfinished.NOTE).read_bytes())["begun"]
    told = decode(run("export", "--out", "bulk", "--json").stdout.encode())
    assert told["transaction_time"] == begun
    again = decode(run("export", "--out", "bulk", "--json").stdout.encode())
    assert again["transaction_time"] > begun
    assert again["resources"] == told["resources"]


def test_other_words_begin_anew_and_leave_nothing_of_the_first(run, ward, tmp_path):
    kill(tmp_path, 4, "--out", "bulk")
    told = run("export", "--out", "bulk", "--type", "Patient")
    assert "goes on after" not in told.stderr
    assert files(tmp_path / "bulk").keys() == {"Patient.ndjson"}


@pytest.mark.parametrize("spoil", ["note", "file"])
def test_what_cannot_be_gone_on_from_is_begun_anew(run, ward, tmp_path, spoil):
    expected = whole(run, tmp_path)
    kill(tmp_path, 6, "--out", "bulk")
    folder = tmp_path / "bulk"
    if spoil == "note":
        (folder / unfinished.NOTE).write_bytes(b"{")
    else:
        max(folder.glob("*.ndjson.part"), key=lambda file: file.stat().st_size).unlink()
    assert run("export", "--out", "bulk").exit_code == 0
    assert files(folder) == expected


def test_whoever_no_longer_agrees_is_in_no_file_of_an_export_that_goes_on(run, ward, key, tmp_path):
    kill(tmp_path, 4, "--out", "bulk", "--deidentified", **key)
    for number in range(3):
        ward.enrol(patient=f"SYN-{number}", consent={"status": "inactive", "date": "2026-01-11", "registry": True})
    told = run("export", "--out", "bulk", "--deidentified", **key)
    assert "goes on after" not in told.stderr
    assert len((tmp_path / "bulk" / "Patient.ndjson").read_bytes().splitlines()) == 1


def test_who_is_set_aside_is_named_when_the_others_are_written(run, ward, key, tmp_path):
    with ward.store.transaction() as tx:
        record = next(
            one for one in tx.resources.stream(centres=None, kinds=["Observation"]) if "valueQuantity" in one.content
        )
        absent = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}]}
        broken = record.content | {"dataAbsentReason": absent}
        tx.resources.put(broken, centre=record.centre, course=record.course, sources=[], at=ward.now)
    told = run("export", "--out", "bulk", "--deidentified", **key)
    assert told.exit_code == 1
    assert record.course in told.stderr
    assert "obs-6" in told.stderr
    assert len((tmp_path / "bulk" / "Patient.ndjson").read_bytes().splitlines()) == 3
    bundles = run("registry", "bundle", "--out", "bundles", **key)
    assert (bundles.exit_code, len(list((tmp_path / "bundles").iterdir()))) == (1, 3)
    assert record.course in bundles.stderr
    lines = run("registry", "bundle", **key)
    assert (lines.exit_code, len(lines.stdout.splitlines())) == (1, 3)
    assert {decode(line)["resourceType"] for line in lines.stdout.encode().splitlines()} == {"Bundle"}
