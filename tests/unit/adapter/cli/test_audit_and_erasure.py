"""`engraft audit list` and `engraft patient erase`."""

from __future__ import annotations

from mappings.r4.wire import decode
from tests.lib.centre import M1, Ward


def test_deeds_are_listed_newest_first(run, database):
    ward = Ward(database)
    ward.enrol()
    ward.visit(M1)
    told = decode(run("audit", "list", "--json").stdout)
    assert [one["at"] for one in told] == sorted((one["at"] for one in told), reverse=True)
    assert {"at", "who", "action", "target", "centre", "detail"} == set(told[0])
    assert len(decode(run("audit", "list", "--limit", 1, "--json").stdout)) == 1
    assert decode(run("audit", "list", "--since", "2027-01-01", "--json").stdout) == []
    assert decode(run("audit", "list", "--centre", "XX", "--who", "x", "--action", "x", "--json").stdout) == []
    assert "forms" in run("audit", "list").stdout


def test_a_patient_is_erased(run, database):
    Ward(database).enrol()
    result = run("patient", "erase", "FR-037", "SYN-0001", "--reason", "request")
    assert result.exit_code == 0
    assert "registries to be told by engraft deliver: none" in result.stdout
    again = run("patient", "erase", "FR-037", "SYN-0001", "--reason", "request", "--json")
    assert again.exit_code == 1
    assert decode(again.stdout)["resourceType"] == "OperationOutcome"
    (deed,) = decode(run("audit", "list", "--action", "erase", "--json").stdout)
    assert "SYN-0001" not in str(deed)


def test_programs_are_told_what_went(run, database):
    Ward(database).enrol()
    told = decode(run("patient", "erase", "FR-037", "SYN-0001", "--reason", "r", "--json").stdout)
    assert told["resources"] > 5
    assert told["retractions"] == []


def test_without_a_reason_it_is_wrong_usage(run, database):
    assert run("patient", "erase", "FR-037", "SYN-0001").exit_code == 2


def test_what_is_taken_out_is_listed(run, database, tmp_path):
    Ward(database).enrol()
    (tmp_path / "pseudonym.key").write_text("0f" * 32)
    (tmp_path / "engraft.toml").write_text('[privacy]\nkey = { file = "pseudonym.key" }\n')
    environ = {"ENGRAFT_CONFIG": str(tmp_path / "engraft.toml")}
    for words in (
        ("export", "--out", tmp_path / "a", "--type", "Patient"),
        ("export", "--out", tmp_path / "b", "--deidentified"),
        ("registry", "bundle"),
        ("registry", "table", "--database"),
    ):
        assert run(*words, **environ).exit_code == 0
    told = decode(run("audit", "list", "--action", "export", "--json").stdout)
    assert [(one["target"], one["detail"]) for one in reversed(told)] == [
        ("identified", "Patient"),
        ("de-identified", "every type"),
        ("outcome-bundles", "all who agree"),
        ("analysis-table", "every grafted patient"),
    ]
