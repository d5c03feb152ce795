"""A batch that several processes may take in: killed, overtaken, stopped, it keeps each document exactly once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from adapter.config import Settings
from adapter.errors import Conflict, StoreUnavailable
from adapter.flows import batch, batch_job, erasure, follow_up
from adapter.flows.uploads import BODY, LINES, Upload
from adapter.store import Store
from adapter.store.clients import Client
from adapter.store.jobs import SILENT_SECONDS
from mappings.r4 import wire
from tests.lib.forms import ENROLMENT, FOLLOW_UP

NOW = datetime(2026, 9, 3, 10, 0, tzinfo=UTC)
OTHER = ENROLMENT | {"patient": "P-0002"}
DOCUMENTS = (FOLLOW_UP, OTHER, ENROLMENT, {"centre": "FR-037", "patient": "P-0001", "visit": "m6", "mood": "good"})


@dataclass
class Desk:
    """A centre's client and its batches."""

    store: object
    settings: Settings
    now: datetime = NOW
    client: Client = field(default_factory=lambda: Client("forms", "centre", "FR-037"))

    def ask(self, *documents):
        upload = Upload(LINES, {BODY: b"\n".join(map(wire.encode, documents))})
        return batch_job.ask(upload, store=self.store, client=self.client, centre="FR-037", now=self.now).id

    def work(self, id_, worker="w1", **how):
        return batch_job.work(
            id_, worker=worker, store=self.store, clock=lambda: self.now, settings=self.settings, **how
        )

    def job(self, id_):
        with self.store.reading() as tx:
            return tx.batches.get(id_, self.client.name, self.now)

    def told(self, id_):
        return batch_job.report(self.job(id_), self.store).document()

    def versions(self):
        """Of each document that is stored, how many."""
        with self.store.reading() as tx:
            enrolled = tx.enrolments.of_centre("FR-037")
            visits = [one for each in enrolled for one in tx.follow_ups.of_course(each.course)]
            return sorted((one.patient, one.version) for one in (*enrolled, *visits))


def opened(store):
    with store.transaction() as tx:
        tx.clients.add("forms", "centre", "FR-037", NOW)
    return Desk(store, Settings())


@pytest.fixture
def desk(store):
    return opened(store)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What is told of the batch when nothing happens in between; ids are the same in every database."""
    with closing(Store(f"sqlite:///{tmp_path_factory.mktemp('whole')}/engraft.sqlite")) as store:
        store.migrate()
        desk = opened(store)
        id_ = desk.ask(*DOCUMENTS)
        desk.work(id_)
        told = desk.told(id_)
    assert [one["changed"] for one in told["accepted"]] == [True, True, True]
    return told


@pytest.mark.parametrize("before", [1, 3])
def test_killed_before_any_document_it_is_taken_over_and_told_as_if_nothing_had_been(desk, whole, monkeypatch, before):
    id_, real, seen = desk.ask(*DOCUMENTS), batch.take, []

    def dying(*about, **how):
        seen.append(about)
        if len(seen) == before:
            raise SystemExit
        return real(*about, **how)

    with monkeypatch.context() as patch:
        patch.setattr(batch, "take", dying)
        with pytest.raises(SystemExit):
            desk.work(id_)
    assert not desk.work(id_, "w2")
    assert desk.job(id_).state == "running", "the first may still live"
    desk.now += timedelta(seconds=SILENT_SECONDS + 1)
    desk.work(id_, "w2")
    assert desk.told(id_) == whole
    assert desk.versions() == [("P-0001", 1), ("P-0001", 1), ("P-0002", 1)]


def test_killed_with_a_document_kept_and_not_told_of_neither_is_there(desk, whole, monkeypatch):
    id_, real = desk.ask(*DOCUMENTS), batch.take

    def dying(*about, **how):
        real(*about, **how)
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(batch, "take", dying)
        with pytest.raises(SystemExit):
            desk.work(id_)
    assert desk.versions() == []
    desk.now += timedelta(seconds=SILENT_SECONDS + 1)
    desk.work(id_, "w2")
    assert desk.told(id_) == whole


def test_one_that_was_taken_for_dead_and_lives_keeps_nothing_more(desk, whole, monkeypatch):
    id_, real, taken_over = desk.ask(*DOCUMENTS), batch.take, []

    def slow(*about, **how):
        taken = real(*about, **how)
        if not taken_over:
            taken_over.append(True)
        return taken

    monkeypatch.setattr(batch, "take", slow)
    left = batch_job._Work._left

    def overtaken(self, dealt):
        found = left(self, dealt)
        if self.name == "w1":
            desk.now += timedelta(seconds=SILENT_SECONDS + 1)
            desk.work(id_, "w2")
        return found

    monkeypatch.setattr(batch_job._Work, "_left", overtaken)
    assert not desk.work(id_, "w1")
    assert desk.told(id_) == whole
    assert desk.versions() == [("P-0001", 1), ("P-0001", 1), ("P-0002", 1)]


def test_two_at_once_are_one(desk, whole):
    id_ = desk.ask(*DOCUMENTS)
    together = threading.Barrier(4)

    def work(number):
        together.wait(10)
        return desk.work(id_, f"w{number}")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [False] * 4
    assert desk.told(id_) == whole


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_who_is_told_to_stop_gives_it_back_at_once(desk, whole):
    id_ = desk.ask(*DOCUMENTS)
    left = iter([False, False, True])
    assert desk.work(id_, stop=lambda: next(left))
    assert desk.job(id_).state == "waiting"
    assert desk.versions() == [("P-0001", 1), ("P-0002", 1)], "enrolments come first"
    assert not desk.work(id_, "w2")
    assert desk.told(id_) == whole


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_turn_is_over_and_more_is_left(desk, whole):
    id_, turns = desk.ask(*DOCUMENTS), 0
    while desk.work(id_, f"w{turns}", turn=-1.0):
        assert desk.job(id_).state == "waiting"
        turns += 1
    assert turns == len(DOCUMENTS) - 1
    assert desk.told(id_) == whole


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_database_that_is_away_costs_no_attempt_and_no_document(desk, whole, monkeypatch):
    id_ = desk.ask(*DOCUMENTS)

    def away(*_, **__):
        raise StoreUnavailable("the database is busy")

    for turn in range(5):
        with monkeypatch.context() as patch:
            patch.setattr(batch.enrolment, "enrol", away)
            with pytest.raises(StoreUnavailable):
                desk.work(id_, f"w{turn}")
    desk.work(id_, "last")
    assert desk.told(id_) == whole


def test_others_who_write_to_the_same_file_are_let_in_now_and_then(desk, monkeypatch):
    monkeypatch.setattr(batch_job, "STRETCH", -1.0)
    rests = []
    desk.work(desk.ask(*DOCUMENTS), rest=rests.append)
    assert rests == ([batch_job.REST] * len(DOCUMENTS) if desk.store.one_writer else [])
    assert batch_job.REST > 0.1, "who waits for SQLite's lock asks again after so long at most"


class TestErasure:
    def erase(self, desk, patient="P-0001"):
        erasure.erase(
            "FR-037", patient, "asked for", store=desk.store, settings=desk.settings, now=desk.now, who="test"
        )

    def everything(self, desk):
        with desk.store.reading() as tx:
            tables = [
                tx._connection.exec_driver_sql(f"SELECT * FROM {one}").all() for one in ("batches", "batch_items")
            ]
        return str(tables)

    def test_waits_until_no_batch_may_bring_the_patient_back(self, desk):
        desk.work(desk.ask(ENROLMENT))
        id_ = desk.ask(FOLLOW_UP)
        with pytest.raises(Conflict, match="a batch of this centre is being taken in"):
            self.erase(desk)
        desk.work(id_)
        self.erase(desk)

    def test_takes_the_patient_out_of_what_is_told_of_batches(self, desk):
        wrong = FOLLOW_UP | {"date": "Zquatl"}
        id_ = desk.ask(ENROLMENT, OTHER, wrong, wrong | {"patient": "P-0002"}, {"patient": ["P-0001"]})
        desk.work(id_)
        assert "Zquatl" in self.everything(desk)
        self.erase(desk)
        told = desk.told(id_)
        assert [one["line"] for one in told["accepted"]] == [2]
        assert [one["line"] for one in told["rejected"]] == [4], "a line that names nobody might be the patient's"
        assert "P-0001" not in self.everything(desk)

    def test_takes_out_what_was_told_of_a_file_that_nobody_could_read(self, desk):
        desk.work(desk.ask(ENROLMENT))
        table = Upload("table", {BODY: b"P-0001;Zquatl\n1;2\n"})
        id_ = batch_job.ask(table, store=desk.store, client=desk.client, centre="FR-037", now=desk.now).id
        desk.work(id_)
        assert desk.job(id_).refused
        self.erase(desk)
        assert desk.job(id_) is None
        assert "Zquatl" not in self.everything(desk)

    def test_leaves_other_centres_alone(self, desk):
        desk.work(desk.ask(ENROLMENT))
        far = Client("far", "centre", "BE-001")
        with desk.store.transaction() as tx:
            tx.clients.add("far", "centre", "BE-001", NOW)
        upload = Upload(LINES, {BODY: wire.encode(ENROLMENT | {"centre": "BE-001"})})
        batch_job.ask(upload, store=desk.store, client=far, centre="BE-001", now=desk.now)
        self.erase(desk)


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_visit_that_came_meanwhile_by_itself_stays_one(desk, whole):
    id_ = desk.ask(*DOCUMENTS)
    call = {"sender": desk.client, "store": desk.store, "settings": desk.settings, "now": desk.now}
    batch.enrolment.enrol(ENROLMENT, **call)
    follow_up.record(FOLLOW_UP, **call)
    desk.work(id_)
    assert [one["changed"] for one in desk.told(id_)["accepted"]] == [False, True, False]
    assert desk.versions() == [("P-0001", 1), ("P-0001", 1), ("P-0002", 1)]
