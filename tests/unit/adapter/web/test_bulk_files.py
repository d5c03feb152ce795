"""Whose a bulk export is, and what becomes of it when something goes wrong."""

from __future__ import annotations

from datetime import timedelta
from threading import Event

import pytest

from adapter.errors import StoreUnavailable
from adapter.flows import bulk_files, export
from adapter.store.exports import Exports
from adapter.store.jobs import FAILED, SILENT_SECONDS, TRIES
from adapter.web import background
from tests.lib.logged import logged
from tests.unit.adapter.web.conftest import NOW, OTHERS
from tests.unit.adapter.web.exporting import ASYNC, body_of


class TestWhoseItIs:
    def test_nobody_else_sees_an_export_or_its_files(self, exporting):
        manifest = exporting.whole()
        url = manifest["output"][0]["url"].removeprefix("https://engraft.test")
        job = url.rpartition("/")[0]
        for who in ("other-centre", "registry"):
            assert exporting.ward.ask("GET", job, who).status_code == 404
            assert exporting.ward.ask("GET", url, who).status_code == 404
            assert exporting.ward.ask("DELETE", job, who).status_code == 404
        assert exporting.ward.ask("GET", url, None).status_code == 401
        assert exporting.ward.ask("GET", "/fhir/$export", "ehr", headers=ASYNC).status_code == 403

    def test_nor_does_another_centre_whose_token_got_the_same_name(self, exporting):
        url = exporting.whole()["output"][0]["url"].removeprefix("https://engraft.test")
        ward = exporting.ward
        with ward.store.transaction() as tx:
            tx.clients.revoke("centre", NOW)
            ward.tokens["centre"] = tx.clients.add("centre", "centre", OTHERS, NOW)
        for place in (url, url.rpartition("/")[0]):
            assert ward.ask("GET", place).status_code == 404

    @pytest.mark.parametrize("name", ["..%2Fpseudonym.key", "Banana.ndjson", "Patient.ndjson.part"])
    def test_only_its_own_files_are_given(self, exporting, name):
        job = exporting.whole()["output"][0]["url"].removeprefix("https://engraft.test").rpartition("/")[0]
        assert exporting.ward.ask("GET", f"{job}/{name}").status_code == 404

    def test_the_files_are_their_owners_alone(self, exporting):
        job = exporting.begin().rpartition("/")[2]
        assert (exporting.folder / job).stat().st_mode & 0o777 == 0o700
        exporting.work()
        assert (exporting.folder / job).stat().st_mode & 0o777 == 0o700

    def test_a_part_of_a_file_can_be_asked_for(self, exporting):
        url = exporting.whole("/fhir/$export?_type=Patient")["output"][0]["url"].removeprefix("https://engraft.test")
        whole = body_of(exporting.ward.ask("GET", url))
        rest = exporting.ward.ask("GET", url, headers={"Range": "bytes=10-"})
        assert (rest.status_code, body_of(rest)) == (206, whole[10:])

    def test_a_deleted_one_is_gone_with_its_files(self, exporting):
        job = exporting.begin()
        exporting.work()
        assert exporting.ward.ask("DELETE", job).status_code == 202
        assert exporting.ward.ask("GET", job).status_code == 404
        assert list(exporting.folder.iterdir()) == []

    def test_one_that_has_expired_is_gone_with_its_files(self, exporting):
        job = exporting.begin()
        exporting.work()
        assert exporting.ward.ask("GET", job).headers["Expires"] == "Fri, 04 Sep 2026 10:00:00 GMT"
        exporting.clock.now = NOW + timedelta(hours=24)
        assert exporting.ward.ask("GET", job).status_code == 404
        new = exporting.begin()
        (folder,) = exporting.folder.iterdir()
        assert (folder.name, list(folder.iterdir())) == (new.rpartition("/")[2], [])

    def test_who_asked_and_who_fetched_stays_on_record(self, exporting):
        manifest = exporting.whole("/fhir/$export?_type=Patient")
        exporting.output(manifest)
        id_ = manifest["output"][0]["url"].split("/")[-2]
        with exporting.ward.store.reading() as tx:
            deeds = [(deed.action, deed.detail) for deed in tx.audit.of(id_)]
        assert deeds == [("export", "Patient"), ("export-read", "Patient.ndjson")]

    def test_without_a_pseudonym_key_nothing_leaves(self, ward):
        assert ward.ask("GET", "/fhir/$export", "registry", headers=ASYNC).status_code == 503


class TestTrouble:
    def test_an_export_whose_process_died_is_taken_up_and_keeps_what_was_whole(self, exporting, monkeypatch):
        job = exporting.begin()
        real, seen = bulk_files.Worker._own, []

        def dying(self, kind):
            seen.append(kind)
            if kind == "Observation":
                raise SystemExit
            return real(self, kind)

        monkeypatch.setattr(bulk_files.Worker, "_own", dying)
        with pytest.raises(SystemExit):
            exporting.work()
        monkeypatch.setattr(bulk_files.Worker, "_own", lambda self, kind: seen.append(kind) or real(self, kind))
        assert exporting.ward.ask("GET", job).status_code == 202
        exporting.work()
        assert exporting.ward.ask("GET", job).status_code == 202  # it may still live
        exporting.clock.now += timedelta(seconds=SILENT_SECONDS + 1)
        assert exporting.ward.ask("GET", job).status_code == 202
        exporting.work()
        assert "Observation" in exporting.output(exporting.ward.ask("GET", job).json)
        assert [kind for kind in set(seen) if seen.count(kind) > 1] == ["Observation"]

    def test_one_that_keeps_failing_says_so_without_quoting_anybody(self, exporting, monkeypatch):
        job = exporting.begin()

        def failing(*_, **__):
            raise RuntimeError("synthetic words of a patient")

        monkeypatch.setattr(export, "deidentified", failing)
        monkeypatch.setattr(bulk_files.Worker, "_own", failing)
        for _ in range(TRIES):
            assert exporting.ward.ask("GET", job).status_code == 202
            exporting.waiting[1:] = []
            exporting.work()
        told = exporting.ward.ask("GET", job)
        assert told.status_code == 500
        assert told.json["resourceType"] == "OperationOutcome"
        assert "synthetic words" not in told.text
        with exporting.ward.store.reading() as tx:
            assert tx.exports.get(job.rpartition("/")[2], "centre", NOW).state == FAILED

    def test_a_reason_of_ours_is_told_in_words(self, exporting):
        job = exporting.begin(who="registry")
        (exporting.folder.parent / "pseudonym.key").write_text("00")
        for _ in range(TRIES):
            exporting.ward.ask("GET", job, "registry")
            exporting.waiting[1:] = []
            exporting.work()
        assert "key" in exporting.ward.ask("GET", job, "registry").json["issue"][0]["diagnostics"]

    def test_one_that_is_deleted_meanwhile_stops_and_leaves_nothing(self, exporting, monkeypatch):
        job = exporting.begin()
        real = bulk_files.Worker._own

        def deleting(self, kind):
            if kind == "Patient":
                exporting.ward.ask("DELETE", job)
            return real(self, kind)

        monkeypatch.setattr(bulk_files.Worker, "_own", deleting)
        exporting.work()
        assert exporting.ward.ask("GET", job).status_code == 404
        assert [file for file in exporting.folder.rglob("*") if file.is_file()] == []

    def test_one_whose_processes_die_again_and_again_is_given_up(self, exporting, monkeypatch):
        job = exporting.begin()

        def dying(*_, **__):
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr(bulk_files.Worker, "_own", dying)
            for _ in range(TRIES):
                with pytest.raises(SystemExit):
                    exporting.work()
                exporting.clock.now += timedelta(seconds=SILENT_SECONDS + 1)
                exporting.ward.ask("GET", job)
        exporting.work()
        told = exporting.ward.ask("GET", job)
        assert (told.status_code, "its process ended 3 times" in told.text) == (500, True)

    def test_a_folder_that_cannot_be_made_is_told_before_anything_is_promised(self, exporting):
        exporting.folder.write_text("no folder")
        answer = exporting.ward.ask("GET", "/fhir/$export", headers=ASYNC)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        with exporting.ward.store.reading() as tx:
            assert tx.exports.free(NOW) == []

    def test_a_database_that_is_away_leaves_no_folder(self, exporting, monkeypatch):
        monkeypatch.setattr(Exports, "add", away)
        assert exporting.ward.ask("GET", "/fhir/$export", headers=ASYNC).status_code == 503
        assert list(exporting.folder.iterdir()) == []

    def test_two_processes_do_not_write_the_same_export(self, exporting):
        job = exporting.begin()
        exporting.ward.ask("GET", job)
        assert len(exporting.waiting) == 2
        exporting.work()
        assert exporting.ward.ask("GET", job).status_code == 200

    def test_it_tells_how_far_it_is_while_it_writes(self, exporting, monkeypatch):
        monkeypatch.setattr(bulk_files, "BEAT_EVERY", 1)
        job, real, told = exporting.begin(), bulk_files.Worker._own, []

        def looking(self, kind):
            for resource in real(self, kind):
                yield resource
                told.append(exporting.ward.ask("GET", job).headers["X-Progress"])
                exporting.waiting.clear()

        monkeypatch.setattr(bulk_files.Worker, "_own", looking)
        exporting.work()
        assert told[0] == "1 resources written"
        assert len(set(told)) == len(told) > 20


def away(*_):
    raise StoreUnavailable("the database is busy")


def test_a_database_that_is_away_ends_the_work_with_a_line_in_the_log(monkeypatch):
    monkeypatch.setattr(background.Thread, "start", background.Thread.run)
    with logged() as log:
        background.in_a_thread(away)
    assert [line["says"] for line in log.of("store-unavailable")] == ["the-database-is-busy"]


def test_work_goes_on_in_a_thread_after_the_answer():
    done = Event()
    background.in_a_thread(done.set)
    assert done.wait(10)
