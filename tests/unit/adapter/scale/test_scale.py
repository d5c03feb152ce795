"""What the messages say and what becomes of them, without a broker. Synthetic patients only."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from kombu.exceptions import OperationalError

from adapter.config import Exports, Hospital, Settings
from adapter.errors import StoreUnavailable
from adapter.flows import batch_job, bulk
from adapter.flows.uploads import BODY, LINES, Upload
from adapter.hospital.sandbox import Sandbox
from adapter.scale import app
from adapter.scale.herald import Herald
from mappings.r4 import wire
from tests.lib.forms import ENROLMENT, FOLLOW_UP
from tests.lib.logged import logged
from tests.lib.post import observation, patient

NOW = datetime(2026, 9, 3, 10, 0, tzinfo=UTC)


@pytest.fixture
def hospital():
    with Sandbox() as hospital:
        yield hospital


@pytest.fixture
def said(monkeypatch):
    found = []
    monkeypatch.setattr(app.app, "send_task", lambda task, about, **how: found.append((task, *about)))
    return found


@pytest.fixture
def worker(tmp_path, prepared, hospital, monkeypatch):
    """This process is one, on the database of the test."""
    config = tmp_path / "engraft.toml"
    config.write_text(f'[hospitals.chu-a]\nbase_url = "{hospital.base_url}"\n')
    monkeypatch.setenv("ENGRAFT_CONFIG", str(config))
    monkeypatch.setenv("ENGRAFT_DATABASE_URL", prepared)
    yield app
    app.leave()
    app.leave()  # nothing is left to be closed


def fill(store, patients):
    with store.transaction() as tx:
        for n in range(patients):
            content = [patient(f"p{n}"), observation(f"o{n}", of=f"p{n}")]
            tx.outbox.add("chu-a", f"c{n}", content, source="m1", at=datetime.now(UTC))


def test_a_hot_hospital_has_its_turn_and_says_that_more_is_left(store, worker, hospital, said, monkeypatch):
    monkeypatch.setattr(app, "TURN", 2)
    fill(store, 3)
    worker.drain("chu-a")
    assert len(hospital.all("Patient")) == 2
    assert said == [("engraft.drain", "chu-a")]
    worker.drain("chu-a")
    assert len(hospital.all("Patient")) == 3
    assert len(said) == 1
    worker.drain("chu-a")  # a message that came twice finds nothing to do


def test_notifications_are_read(store, worker):
    with store.transaction() as tx:
        tx.inbox.add("chu-a", "PUT", "Patient", "unknown", {}, b"", datetime.now(UTC))
        assert tx.inbox.is_due(datetime.now(UTC))
    worker.pull()
    with store.reading() as tx:
        assert not tx.inbox.is_due(datetime.now(UTC))


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_database_that_is_away_is_logged_and_the_message_is_over(worker, monkeypatch):
    def away(*_):
        raise StoreUnavailable("the database is busy")

    monkeypatch.setattr(app.Crew, "share", away)
    monkeypatch.setattr(app.Crew, "pull", away)
    with logged() as log:
        worker.drain("chu-a")
        worker.pull()
    assert [(line["level"], line["says"]) for line in log.of("store-unavailable")] == [
        ("warning", "the-database-is-busy")
    ] * 2


@pytest.fixture
def centre(store):
    with store.transaction() as tx:
        tx.clients.add("forms", "centre", "FR-037", NOW)
        return next(one for one in tx.clients.listing())


def sent(store, centre):
    lines = b"\n".join(map(wire.encode, (ENROLMENT, FOLLOW_UP)))
    upload = Upload(LINES, {BODY: lines})
    return batch_job.ask(upload, store=store, client=centre, centre="FR-037", now=datetime.now(UTC)).id


def asked(store, settings):
    told = {"store": store, "settings": settings, "now": datetime.now(UTC)}
    return bulk.ask(bulk.Asked(("Patient",)), client="forms", centre="FR-037", url="http://localhost", **told).id


def test_a_batch_is_taken_in_by_turns(store, worker, said, centre, monkeypatch):
    monkeypatch.setattr(app, "TURN_SECONDS", -1.0)
    id_ = sent(store, centre)
    worker.batch(id_)
    assert said == [("engraft.batch", id_)]
    worker.batch(id_)
    assert len(said) == 1
    worker.batch(id_)  # a message that came twice finds nothing to do
    with store.reading() as tx:
        found = tx.batches.get(id_, "forms", NOW)
        assert (found.state, found.body) == ("done", None)
        assert [one.taken["kind"] for one in tx.batches.items(id_)] == ["enrolment", "follow-up"]


def test_an_export_is_written_where_the_web_looks_for_it(store, worker, tmp_path):
    settings = Settings(exports=Exports(tmp_path / "var" / "exports", 24))
    id_ = asked(store, settings)
    with logged() as log:
        worker.export(id_)
    assert [line["export"] for line in log.of("export-elsewhere")] == [id_]
    with store.reading() as tx:
        assert tx.exports.free(datetime.now(UTC)) == [id_], "whoever sees the folder may have it"
    worker._local.mine = replace(worker._mine(), settings=settings)
    worker.export(id_)
    with store.reading() as tx:
        assert tx.exports.get(id_, "forms", datetime.now(UTC)).state == "done"


def test_the_herald_calls_for_what_nobody_works_on(store, centre, tmp_path):
    said = []
    settings = Settings(exports=Exports(tmp_path / "exports", 24))
    herald = Herald(store, settings, 2, lambda _: None, say=lambda *what: said.append(what))
    mine, theirs, export = sent(store, centre), sent(store, centre), asked(store, settings)
    with store.transaction() as tx:
        assert tx.batches.claim(theirs, "elsewhere/1/batch-x", datetime.now(UTC))
    herald.take_in()
    assert said == [("engraft.batch", mine), ("engraft.export", export)]
    with store.reading() as tx:
        assert tx.batches.items(mine) == []
    herald.close()


def test_a_message_holds_nothing_of_a_patient(store, centre, tmp_path):
    said = []
    herald = Herald(store, Settings(), 1, lambda _: None, say=lambda *what: said.append(what))
    sent(store, centre)
    herald.take_in()
    herald.close()
    assert ENROLMENT["patient"] not in str(said)
    assert len(str(said)) < 80


def test_long_work_has_a_queue_of_its_own_so_that_workers_can_be_kept_for_deliveries():
    routes = {task: app.app.amqp.router.route({}, task)["queue"].name for task in (app.BATCH, app.EXPORT)}
    assert set(routes.values()) == {"engraft.long"}
    assert sorted(app.app.amqp.queues) == ["engraft", "engraft.long"], "a worker that says nothing takes both"


def test_the_log_of_a_worker_is_ours_and_not_celerys(worker):
    with logged():
        app.setup_logging.send(sender=None, loglevel=20, logfile=None, format="", colorize=False)
        handlers = [type(one).__module__ for one in logging.getLogger().handlers]
    assert "adapter.trail.journal" in handlers


def test_a_broker_that_is_away_is_told_without_its_address(monkeypatch):
    def away(*_, **__):
        raise OperationalError("amqp://engraft:s3cret@broker is away")

    monkeypatch.setattr(app.app, "send_task", away)
    with pytest.raises(StoreUnavailable, match="broker") as caught:
        app.say(app.DRAIN, "chu-a")
    assert "s3cret" not in str(caught.value)


def test_the_herald_calls_workers_and_delivers_nothing(store, hospital):
    said = []
    settings = Settings(hospitals={"chu-a": Hospital("chu-a", hospital.base_url)})
    herald = Herald(store, settings, 2, lambda _: None, say=lambda *what: said.append(what))
    fill(store, 1)
    herald.fetch()
    herald.once()
    with store.transaction() as tx:
        tx.inbox.add("chu-a", "PUT", "Patient", "x", {}, b"", datetime.now(UTC))
    herald.fetch()
    herald.close()
    assert said == [("engraft.drain", "chu-a")] * 2 + [("engraft.pull",)]
    assert not hospital.requests
