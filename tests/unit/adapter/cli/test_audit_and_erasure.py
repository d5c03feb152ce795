"""`engraft audit list` and `engraft patient erase`."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from adapter.cli import acting, user
from adapter.cli.acting import account
from mappings.r4.wire import decode, encode
from tests.lib.centre import ENROLMENT, M1, Ward, document


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


def test_who_was_let_in_and_what_was_decided_of_deliveries_is_listed(run, database, monkeypatch):
    monkeypatch.setattr(user, "_password", lambda: "correct horse battery")
    ward = Ward(database)
    ward.enrol()
    ward.visit(M1)
    first, second = (one.id for one in ward.queued())
    for words in (
        ("client", "add", "forms-b", "--role", "centre", "--centre", "FR-037"),
        ("client", "revoke", "forms-b"),
        ("queue", "retry", first),
        ("queue", "discard", second, "--reason", "entered by hand"),
    ):
        assert run(*words, "--as", "Ada").exit_code == 0
    assert run("user", "add", "ben", "--centre", "FR-037", "--as", "Ada").exit_code == 0
    assert run("user", "revoke", "ben", "--as", "Ada").exit_code == 0
    told = decode(run("audit", "list", "--who", f"operator:{account()} for Ada", "--json").stdout)
    assert [(one["action"], one["target"], one["detail"]) for one in reversed(told)] == [
        ("client-add", "client/forms-b", "centre"),
        ("client-revoke", "client/forms-b", None),
        ("retry-delivery", f"delivery/{first}", None),
        ("discard-delivery", f"delivery/{second}", "entered by hand"),
        ("user-add", "user/ben", "data-manager"),
        ("user-revoke", "user/ben", None),
    ]


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
    ended = decode(run("audit", "list", "--action", "export-done", "--json").stdout)
    assert [one["target"] for one in ended] == [one["target"] for one in told]
    assert [one["detail"] for one in reversed(ended)][::2] == ["1 resources", "1 bundles"]
    assert ended[0]["detail"] == "1 patients"


class TestWhoLooked:
    @pytest.fixture
    def ward(self, database):
        ward = Ward(database)
        ward.enrol()
        ward.visit(M1)
        return ward

    def reads(self, run):
        return [
            (one["who"], one["target"], one["detail"])
            for one in reversed(decode(run("audit", "list", "--action", "read", "--json").stdout))
        ]

    def test_each_command_that_shows_patients_is_a_read_with_its_number(self, run, ward, tmp_path):
        course = ward.stored("Patient")[0].course
        (tmp_path / "enrolment.json").write_bytes(encode(document(ENROLMENT)))
        (tmp_path / "m1.json").write_bytes(encode(document(M1)))
        for words in (
            ("registry", "report", "--database", "--endpoint", "os"),
            ("registry", "report", "--database", "--release"),
            ("registry", "quality", "--database"),
            ("regimen", "history", course),
            ("regimen", "diff", "enrolment.json"),
            ("queue", "show", 1),
            ("queue", "questions"),
            ("map", "m1.json", "--out", tmp_path / "mapped"),
        ):
            assert run(*words).exit_code == 0, words
        said = self.reads(run)
        assert [(target, detail.partition(" ")[2]) for _, target, detail in said] == [
            ("endpoint-report: os", "patients"),
            ("endpoint-report: all (released)", "patients"),
            ("quality", "patients"),
            (course, "changes of a regimen"),
            (course, "changes that an enrolment would make"),
            ("delivery/1", "resources"),
            ("questions", "questions"),
            ("map", "enrolments"),
        ]
        assert [detail.partition(" ")[0] for _, _, detail in said][:3] == ["1", "1", "1"]
        assert said[-1][2].startswith("1 ")
        assert {who for who, _, _ in said} == {f"operator:{account()}"}
        assert "SYN-0001" not in str(said)

    def test_files_that_are_the_reader_s_own_are_no_read_of_the_store(self, run, ward, tmp_path):
        (tmp_path / "enrolment.json").write_bytes(encode(document(ENROLMENT)))
        run("map", "enrolment.json", "--out", tmp_path / "mapped")
        run("registry", "report", "--from", tmp_path / "mapped", "--endpoint", "os")
        run("registry", "quality", "--from", tmp_path / "mapped")
        assert self.reads(run) == []

    def test_for_whom_is_kept_beside_the_account(self, run, ward):
        run("registry", "quality", "--database", "--as", " Dr A. Example ", USER="somebody else")
        assert self.reads(run)[0][0] == f"operator:{account()} for Dr A. Example"
        run("patient", "erase", "FR-037", "SYN-0001", "--reason", "request", "--as", "DPO")
        (deed,) = decode(run("audit", "list", "--action", "erase", "--json").stdout)
        assert deed["who"] == f"operator:{account()} for DPO"

    @pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb"])
    def test_a_name_is_one(self, run, ward, name):
        assert run("registry", "quality", "--database", "--as", name).exit_code == 2
        assert self.reads(run) == []

    def test_an_account_without_a_name_is_its_number(self, monkeypatch):
        def unknown(_):
            raise KeyError

        monkeypatch.setattr(acting.pwd, "getpwuid", unknown)
        assert account() == str(os.getuid())

    def test_an_export_that_broke_off_has_no_end(self, run, ward, tmp_path):
        (tmp_path / "file").write_text("")
        assert run("export", "--out", tmp_path / "file" / "x").exit_code == 1
        told = [one["action"] for one in decode(run("audit", "list", "--json").stdout)]
        assert (told.count("export"), told.count("export-done")) == (1, 0)


class TestRetention:
    """The documents are of November 2026."""

    @pytest.fixture
    def kept(self, tmp_path):
        def of(retention):
            said = f"retention = {retention}" if retention else ""
            (tmp_path / "engraft.toml").write_text(f"[centres.FR-037]\n{said}\n")
            return {"ENGRAFT_CONFIG": str(tmp_path / "engraft.toml")}

        return of

    @pytest.fixture
    def ward(self, database):
        ward = Ward(database)
        ward.enrol()
        return ward

    def test_without_a_period_nothing_is_past(self, run, ward, kept):
        told = run("patient", "retention", **kept(""))
        assert (told.exit_code, told.stdout.splitlines()) == (
            0,
            ["no centre has a period: centres.CODE.retention", "0 patients past their period; nothing was changed"],
        )

    def test_what_is_past_is_listed_and_stays(self, run, ward, kept):
        environ = kept("{ months = 12 }")
        told = decode(run("patient", "retention", "--by", "2027-11-04", "--json", **environ).stdout)
        (one,) = told["past"]
        assert (one["centre"], one["patient"], one["last"], one["until"]) == (
            "FR-037",
            "SYN-0001",
            "2026-11-03",
            "2027-11-03",
        )
        assert "SYN-0001" in run("patient", "retention", "--by", "2027-11-04", **environ).stdout
        assert run("patient", "retention", "--by", "2027-11-04", "--erase", **environ).exit_code == 2
        assert len(ward.stored("Patient")) == 1
        reads = decode(run("audit", "list", "--action", "read", "--json").stdout)
        assert [(each["target"], each["detail"]) for each in reads] == [
            ("retention", "1 patients past their period")
        ] * 2

    def test_it_is_erased_on_command(self, run, ward, kept, monkeypatch):
        monkeypatch.setattr("adapter.cli.patient.now", lambda: datetime(2027, 11, 5, 12, 0, tzinfo=UTC))
        told = run("patient", "retention", "--centre", "FR-037", "--erase", "--as", "DPO", **kept("{ months = 12 }"))
        assert (told.exit_code, told.stdout.splitlines()[-1]) == (
            0,
            "1 patients erased, 0 are being sent and stay until the next call",
        )
        assert ward.stored("Patient") == []
        (deed,) = decode(run("audit", "list", "--action", "erase", "--json").stdout)
        assert deed["who"].endswith(" for DPO")
        assert decode(run("patient", "retention", "--erase", "--json").stdout) == {
            "past": [],
            "done": {"erased": [], "held": []},
        }

    def test_what_is_being_sent_is_told_by_the_exit_code(self, run, ward, kept, database, monkeypatch):
        at = datetime(2027, 11, 5, 12, 0, tzinfo=UTC)
        monkeypatch.setattr("adapter.cli.patient.now", lambda: at)
        with database.transaction() as tx:
            assert tx.outbox.lease("w", at=at, lease_seconds=300)
        assert run("patient", "retention", "--erase", **kept("{ months = 12 }")).exit_code == 1
        assert len(ward.stored("Patient")) == 1

    def test_another_centre_is_refused(self, run, ward, kept):
        assert run("patient", "retention", "--centre", "XX", **kept("{ months = 12 }")).exit_code == 1
