"""Batches with Prefer: respond-async: kept, taken in after the answer, told of later in the same words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from adapter.app import create_app
from adapter.flows import batch, batch_job, follow_up
from adapter.store.jobs import TRIES
from adapter.web import background
from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT, FOLLOW_UP
from tests.lib.logged import logged
from tests.unit.adapter.web.conftest import NOW, OTHERS
from tests.unit.adapter.web.exporting import Clock
from tests.unit.adapter.web.test_batches import HEAD, M6, ndjson
from tests.unit.adapter.web.test_redcap import parts

LATER = {"Prefer": "respond-async"}
LINES, TABLE = "application/x-ndjson", "text/csv; charset=utf-8"
BAD = M6 | {"mood": "good"}


class Clinic:
    """The ward, which takes batches in when the test says so."""

    def __init__(self, ward, clock, waiting):
        self.ward, self.clock, self.waiting = ward, clock, waiting

    def send(self, data, kind=LINES, who="centre", path="/follow-ups", headers=LATER):
        """Where to look."""
        answer = self.ward.ask("POST", path, who, data=data, content_type=kind, headers=headers)
        assert answer.status_code == 202, answer.text
        assert answer.headers["Preference-Applied"] == "respond-async"
        return answer.headers["Content-Location"].removeprefix("https://engraft.test")

    def work(self):
        while self.waiting:
            self.waiting.pop()()

    def look(self, job, who="centre"):
        answer = self.ward.ask("GET", job, who)
        return answer.status_code, decode(answer.data) if answer.data else answer.headers

    def told(self, data, kind=LINES, **how):
        """Status and body once all of it was taken in."""
        job = self.send(data, kind, **how)
        self.work()
        return self.look(job)

    def kept(self, column):
        with self.ward.store.reading() as tx:
            return list(tx._connection.exec_driver_sql(f"SELECT {column} FROM batches").scalars())


@pytest.fixture
def clinic(ward, monkeypatch):
    clock, waiting = Clock(), []
    monkeypatch.setattr(background, "in_a_thread", waiting.append)
    settings = replace(ward.settings, broker_url=None)
    return Clinic(replace(ward, app=create_app(settings, ward.store, clock)), clock, waiting)


def at_once(clinic, data, kind):
    answer = clinic.ward.ask("POST", "/follow-ups", data=data, content_type=kind)
    return answer.status_code, decode(answer.data)


def changed(told, to):
    """The same report of documents that were there already."""
    return told | {"accepted": [one | {"changed": to} for one in told["accepted"]]}


class TestWhatIsTold:
    @pytest.mark.parametrize(
        ("data", "kind"),
        [
            (ndjson(FOLLOW_UP, BAD, ENROLMENT) + b'{"centre": \n', LINES),
            ((HEAD + "FR-037;P-0001;m3;13/06/2026;13/06/2026;98,50\r\nFR-037;P-9;m6;;;hier\r\n").encode(), TABLE),
        ],
    )
    def test_it_is_what_who_waits_is_told(self, clinic, data, kind):
        at_once(clinic, ndjson(ENROLMENT), LINES)
        status, later = clinic.told(data, kind)
        _, first = at_once(clinic, data, kind)
        assert status == 200
        assert later["accepted"]
        assert later["rejected"]
        assert changed(later, False) == first
        assert [one["changed"] for one in later["accepted"]].count(True) == 1

    @pytest.mark.parametrize(
        ("data", "kind"),
        [
            (ndjson(BAD), LINES),
            (b"\n\n", LINES),
            (b"centre,mood\nA,good\n", TABLE),
            ((HEAD + "FR-037;P-0001;m3;hier;;\r\n").encode(), TABLE),
        ],
    )
    def test_a_refusal_is_that_of_who_waits(self, clinic, data, kind):
        status, later = clinic.told(data, kind)
        assert (status, later) == at_once(clinic, data, kind)
        assert (status, later["resourceType"]) == (422, "OperationOutcome")

    def test_a_redcap_export_too(self, clinic):
        status, told = clinic.told(parts(), "multipart/form-data", path="/follow-ups/redcap")
        assert (status, told["rejected"]) == (200, [])
        assert sum(one["kind"] == "enrolment" for one in told["accepted"]) == 2
        assert "utf-8" in told["found"]
        status, outcome = clinic.told(parts(dictionary=None), "multipart/form-data", path="/follow-ups/redcap")
        assert (status, outcome["issue"][0]["expression"]) == (422, ["dictionary"])

    def test_it_may_have_more_documents_than_a_call_that_waits(self, clinic, monkeypatch):
        monkeypatch.setattr(batch, "MOST", 2)
        monkeypatch.setattr(batch, "PATIENCE", -1.0)
        data = ndjson(ENROLMENT, FOLLOW_UP, M6)
        status, outcome = at_once(clinic, data, LINES)
        assert status == 413
        assert "Prefer: respond-async" in outcome["issue"][0]["diagnostics"]
        status, told = clinic.told(data)
        assert (status, len(told["accepted"]), told["rejected"]) == (200, 3, [])

    def test_one_document_is_taken_at_once_whatever_is_preferred(self, clinic):
        at_once(clinic, ndjson(ENROLMENT), LINES)
        answer = clinic.ward.ask("POST", "/follow-ups", document=FOLLOW_UP, headers=LATER)
        assert (answer.status_code, "Content-Location" in answer.headers) == (202, False)
        assert answer.headers["Location"].startswith("/follow-ups/")

    def test_how_far_it_is(self, clinic, monkeypatch):
        job, seen = clinic.send(ndjson(ENROLMENT, FOLLOW_UP, M6)), []
        status, headers = clinic.look(job)
        assert (status, headers["X-Progress"], headers["Retry-After"]) == (202, "0 documents", "2")
        monkeypatch.setattr(batch_job._Work, "_take", looking(batch_job._Work._take, lambda: clinic.look(job)[1], seen))
        clinic.work()
        assert [one["X-Progress"] for one in seen] == [f"{n} of 3 documents" for n in (1, 2, 3)]


def looking(real, look, seen):
    def take(self, *about):
        real(self, *about)
        seen.append(look())

    return take


class TestWhoseItIs:
    def test_nobody_else_sees_it(self, clinic):
        job = clinic.send(ndjson(ENROLMENT))
        clinic.work()
        for method in ("GET", "DELETE"):
            assert clinic.ward.ask(method, job, "other-centre").status_code == 404
            assert clinic.ward.ask(method, job, "ehr").status_code == 403
            assert clinic.ward.ask(method, job, None).status_code == 401
        assert clinic.look(job)[0] == 200
        with clinic.ward.store.transaction() as tx:
            tx.clients.revoke("centre", NOW)
            clinic.ward.tokens["centre"] = tx.clients.add("centre", "centre", OTHERS, NOW)
        assert clinic.ward.ask("GET", job).status_code == 404

    def test_another_centres_documents_are_refused(self, clinic):
        status, told = clinic.told(ndjson(ENROLMENT, ENROLMENT | {"centre": "BE-001"}))
        (row,) = told["rejected"]
        assert (status, row["line"], row["path"]) == (200, 2, "centre")

    def test_what_a_token_sent_that_was_revoked_meanwhile_is_not_taken_in(self, clinic):
        job = clinic.send(ndjson(ENROLMENT))
        with clinic.ward.store.transaction() as tx:
            tx.clients.revoke("centre", NOW)
        clinic.work()
        assert clinic.ward.counts()["deliveries"] == 0
        with clinic.ward.store.reading() as tx:
            found = tx.batches.get(job.rpartition("/")[2], "centre", NOW)
        assert (found.state, found.error) == ("failed", "the token that sent it was revoked before it was taken in")
        assert clinic.kept("body") == [None]

    def test_who_sent_it_and_who_looked_is_on_record(self, clinic):
        job = clinic.send(ndjson(ENROLMENT))
        id_ = job.rpartition("/")[2]
        clinic.work()
        clinic.look(job)
        clinic.ward.ask("DELETE", job)
        with clinic.ward.store.reading() as tx:
            assert [(one.action, one.detail) for one in tx.audit.of(id_)] == [
                ("batch", "lines"),
                ("batch-deleted", None),
            ]
            assert [one.action for one in tx.audit.of(job)] == ["read"]

    def test_a_client_that_sends_faster_than_it_is_taken_in_has_to_wait(self, clinic, monkeypatch):
        monkeypatch.setattr(batch_job, "MOST_UNFINISHED", 2)
        for _ in range(2):
            clinic.send(ndjson(ENROLMENT))
        answer = clinic.ward.ask("POST", "/follow-ups", data=ndjson(ENROLMENT), content_type=LINES, headers=LATER)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
        clinic.send(ndjson(ENROLMENT | {"centre": "BE-001"}), who="other-centre")
        clinic.work()
        clinic.send(ndjson(ENROLMENT))


class TestHowLong:
    def test_the_file_goes_with_its_last_document_and_the_report_a_day_later(self, clinic):
        job = clinic.send(ndjson(ENROLMENT))
        assert clinic.kept("length(body)") != [None]
        clinic.clock.now += timedelta(days=40)  # nobody had time: it is kept
        clinic.work()
        assert clinic.kept("body") == [None]
        answer = clinic.ward.ask("GET", job)
        assert (answer.status_code, answer.headers["Expires"]) == (200, "Wed, 14 Oct 2026 10:00:00 GMT")
        clinic.clock.now += timedelta(hours=24)
        assert clinic.look(job)[0] == 404
        clinic.send(ndjson(ENROLMENT))
        assert len(clinic.kept("id")) == 1

    def test_one_that_is_deleted_in_the_midst_stops_there(self, clinic, monkeypatch):
        job = clinic.send(ndjson(ENROLMENT, FOLLOW_UP, M6))
        delete = partial(clinic.ward.ask, "DELETE", job)
        monkeypatch.setattr(batch_job._Work, "_take", looking(batch_job._Work._take, delete, []))
        clinic.work()
        assert clinic.look(job)[0] == 404
        assert clinic.ward.counts()["follow-ups"] == 0, "the enrolment was taken in, and nothing behind it"
        with clinic.ward.store.reading() as tx:
            assert tx.batches.items(job.rpartition("/")[2]) == []


class TestTrouble:
    def test_a_mistake_of_ours_over_one_document_stops_no_other_and_quotes_nobody(self, clinic, monkeypatch):
        real = follow_up.record

        def record(document, **how):
            if document["visit"] == "m6":
                raise KeyError("synthetic words of a patient")
            return real(document, **how)

        monkeypatch.setattr(batch.follow_up, "record", record)
        with logged() as log:
            status, told = clinic.told(ndjson(ENROLMENT, M6, FOLLOW_UP), headers=LATER | {"X-Request-Id": "ward-7"})
        assert (status, [one["line"] for one in told["accepted"]]) == (200, [1, 3])
        (row,) = told["rejected"]
        assert row["line"] == 2
        assert "a mistake of ours over this document, which is not kept" in row["reason"]
        assert "ward-7" in row["reason"]
        (line,) = log.of("unforeseen")
        assert (line["error"], line["correlation"], line["document"]) == ("KeyError", "ward-7", 2)
        assert "synthetic words" not in log.text

    def test_one_whose_processes_die_again_and_again_is_given_up_and_its_file_goes(self, clinic, monkeypatch):
        job = clinic.send(ndjson(ENROLMENT, FOLLOW_UP))

        def dying(*_, **__):
            raise SystemExit

        for _ in range(TRIES):
            with monkeypatch.context() as patch:
                patch.setattr(batch, "take", dying)
                with pytest.raises(SystemExit):
                    clinic.work()
            clinic.clock.now += timedelta(seconds=31)
            assert clinic.look(job)[0] == 202
        clinic.work()
        status, outcome = clinic.look(job)
        assert (status, outcome["issue"][0]["code"]) == (500, "exception")
        assert "its process ended 3 times over the same document; send it again" in outcome["issue"][0]["diagnostics"]
        assert clinic.kept("body") == [None]

    def test_a_mistake_of_ours_over_the_file_is_tried_again_and_told(self, clinic, monkeypatch):
        job = clinic.send(ndjson(ENROLMENT))

        def failing(*_):
            raise KeyError("synthetic words of a patient")

        with monkeypatch.context() as patch:
            patch.setattr(batch_job.uploads, "read", failing)
            for _ in range(TRIES):
                assert clinic.look(job)[0] == 202
                clinic.waiting[1:] = []
                clinic.work()
        status, outcome = clinic.look(job)
        assert (status, "(KeyError)" in outcome["issue"][0]["diagnostics"]) == (500, True)
        assert "synthetic words" not in str(outcome)

    def test_with_a_broker_the_web_begins_nothing_itself(self, clinic):
        settings = replace(clinic.ward.settings, broker_url="redis://127.0.0.1:9/0")
        clinic.ward.app = create_app(settings, clinic.ward.store, clinic.clock)
        job = clinic.send(ndjson(ENROLMENT))
        assert clinic.look(job)[0] == 202
        assert clinic.waiting == []
