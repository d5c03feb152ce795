"""`engraft registry quality`: exit codes, a table for people, JSON for programs."""

from __future__ import annotations

from mappings.r4.wire import decode
from tests.lib.centre import M1, M3, Ward


def test_what_is_only_overdue_is_exit_0(run, database):
    ward = Ward(database)
    ward.enrol()
    ward.visit(M1)
    result = run("registry", "quality", "--database")
    assert result.exit_code == 0
    assert "FR-037/SYN-0001/m3" in result.stdout
    told = decode(run("registry", "quality", "--database", "--json").stdout)
    assert told["patients"] == 1
    assert {one["rule"] for one in told["findings"]} == {"visit-overdue"}
    assert {"centre", "patient", "rule", "severity", "text", "sources", "mend"} == set(told["findings"][0])


def test_what_cannot_be_true_is_exit_1(run, database):
    ward = Ward(database)
    ward.enrol()
    ward.visit(M1, vital_status={"status": "dead", "date": "2026-04-01"})
    ward.visit(M3, vital_status={"status": "alive", "date": "2026-06-02"})
    result = run("registry", "quality", "--database", "--json")
    assert result.exit_code == 1
    assert "alive-after-death" in result.stdout
    assert "Seen alive on 2026-06-02" in run("registry", "quality", "--database").stdout


def test_it_is_told_where_from(run, database, tmp_path):
    assert run("registry", "quality").exit_code == 2
    assert run("registry", "quality", "--database", "--from", tmp_path).exit_code == 2
    assert run("registry", "quality", "--from", tmp_path).exit_code == 1


def test_a_folder_says_what_it_cannot_tell(run, database, tmp_path):
    ward = Ward(database)
    ward.enrol()
    ward.visit(M1)
    run("export", "--out", tmp_path / "bulk")
    told = run("registry", "quality", "--from", tmp_path / "bulk")
    assert told.exit_code == 0
    assert "FR-037" in told.stdout
    assert "not known: which visits are due or overdue" in told.stdout
    said = decode(run("registry", "quality", "--from", tmp_path / "bulk", "--json").stdout)
    assert said["visits"] == {"FR-037": {"done": 1}}
