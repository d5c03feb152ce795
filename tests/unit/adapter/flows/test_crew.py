"""Workers of `engraft deliver`: many at once, killed, stopped, with hospitals that are down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from adapter.config import Hospital, Settings
from adapter.errors import StoreUnavailable
from adapter.flows import batch_job
from adapter.flows import crew as crew_module
from adapter.flows.crew import Crew, is_dead, told, worker_name
from adapter.flows.uploads import BODY, LINES, Upload
from adapter.hospital.sandbox import Sandbox
from adapter.hospital.sandbox.habits import Habits
from mappings.r4 import wire
from tests.lib.forms import ENROLMENT, FOLLOW_UP
from tests.lib.logged import logged
from tests.lib.post import observation, patient

KILLS = 4
PATIENTS, VERSIONS = 12, 4


def fill(store, destination="chu-a", patients=PATIENTS, versions=VERSIONS):
    """Each patient's count is said several times over, in an order that must be kept."""
    with store.transaction() as tx:
        for version in range(1, versions + 1):
            for n in range(patients):
                content = [patient(f"p{n}")] * (version == 1) + [observation(f"o{n}", str(version), of=f"p{n}")]
                tx.outbox.add(destination, f"c{n}", content, source="m1", at=datetime.now(UTC))


def balanced(hospital, patients=PATIENTS, versions=VERSIONS):
    """Everything arrived exactly once: one version at the hospital for each that was said, the last one now."""
    found = {one["id"]: one for one in hospital.all("Observation")}
    assert {one["meta"]["versionId"] for one in found.values()} == {str(versions)}
    assert {str(one["valueQuantity"]["value"]) for one in found.values()} == {str(versions)}
    assert len(found) == len(hospital.all("Patient")) == patients


def crew_of(store, *hospitals, writers=4, tell=None):
    there = {name: Hospital(name, url, timeout=(1, 1)) for name, url in hospitals}
    return Crew(store, Settings(hospitals=there), writers, tell or (lambda _: None))


@contextmanager
def watching(crew):
    thread = threading.Thread(target=crew.watch)
    thread.start()
    try:
        yield
    finally:
        crew.stop.set()
        thread.join(30)
        crew.close()
        assert not thread.is_alive()


def until(condition, seconds=30.0):
    """Waits for a condition, however busy the machine is."""
    pause, end = threading.Event(), datetime.now(UTC).timestamp() + seconds
    while not condition():
        assert datetime.now(UTC).timestamp() < end, "it never came"
        pause.wait(0.02)


def waiting(store):
    with store.reading() as tx:
        return sum(number for state, number in tx.outbox.counts().items() if state in ("waiting", "leased"))


def test_patients_go_side_by_side_and_each_in_its_order(store):
    fill(store)
    with Sandbox(habits=Habits(seconds=0.02)) as hospital:
        crew = crew_of(store, ("chu-a", hospital.base_url))
        report = crew.once()
        crew.close()
        assert (report.delivered, report.waiting) == (PATIENTS * VERSIONS, 0)
        balanced(hospital)
        assert hospital.desk.most > 1


def test_a_server_that_likes_two_writers_gets_everything_from_sixteen(store):
    fill(store, versions=2)
    with Sandbox(habits=Habits(writers=2, seconds=0.05)) as hospital:
        crew = crew_of(store, ("chu-a", hospital.base_url), writers=16)
        with watching(crew):
            until(lambda: waiting(store) == 0)
        balanced(hospital, versions=2)
        assert hospital.desk.most <= 2
        crowded = hospital.desk.refused > 0  # a slow machine may not crowd it
        assert (crew._post.pace("chu-a").writers < 16) == crowded


def test_a_hospital_that_hangs_slows_no_other(store):
    fill(store, "chu-a", versions=1)
    fill(store, "chu-b", versions=1)
    with Sandbox() as hanging, Sandbox() as hospital:
        crew = crew_of(store, ("chu-a", hanging.base_url), ("chu-b", hospital.base_url))
        with hanging.held(), watching(crew):
            until(lambda: len(hospital.all("Patient")) == PATIENTS)
        assert hanging.all("Patient") == []
        assert len(hanging.requests) <= 4 + 1, "its writers, and one to see whether it is back"


def test_it_is_told_what_was_done_and_that_the_database_is_away(store, monkeypatch):
    monkeypatch.setattr(crew_module, "POLL_SECONDS", 0.01)
    fill(store, versions=1, patients=1)
    said = []
    with Sandbox() as hospital:
        crew = crew_of(store, ("chu-a", hospital.base_url), tell=said.append)
        real, away = store.reading, [StoreUnavailable("the database is locked")]

        def reading():
            if away:
                raise away.pop()
            return real()

        monkeypatch.setattr(store, "reading", reading)
        with watching(crew):
            until(lambda: len(said) == 2)
    assert sorted(said) == ["chu-a: 1 delivered, 0 to be tried again, 0 parked", "the database is locked"]
    assert told(Counter()) == "0 delivered, 0 to be tried again, 0 parked"


def test_a_mistake_of_ours_ends_no_worker_it_is_counted_and_tried_again_later(store, monkeypatch, caplog):
    monkeypatch.setattr(crew_module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(crew_module.retry, "delay", lambda times, _: 0.001 * times)
    fill(store, versions=1, patients=1)
    with Sandbox() as hospital:
        crew = crew_of(store, ("chu-a", hospital.base_url))
        real, mistakes = crew.share, [KeyError("Jane Synthetic"), KeyError("Jane Synthetic")]

        def share(*about):
            if mistakes:
                raise mistakes.pop()
            return real(*about)

        monkeypatch.setattr(crew, "share", share)
        with watching(crew):
            until(lambda: hospital.all("Patient"))
            until(lambda: not crew.stumbles)
    told_of = [vars(record)["engraft_fields"] for record in caplog.records if record.message == "unforeseen"]
    assert [(one["work"], one["error"], one["times"]) for one in told_of] == [
        ("deliver_round", "KeyError", 1),
        ("deliver_round", "KeyError", 2),
    ]
    assert "Jane" not in caplog.text


def sent(store):
    """A batch of two documents."""
    lines = Upload(LINES, {BODY: b"\n".join(map(wire.encode, (ENROLMENT, FOLLOW_UP)))})
    with store.transaction() as tx:
        tx.clients.add("forms", "centre", "FR-037", datetime.now(UTC))
        (centre,) = tx.clients.listing()
    return batch_job.ask(lines, store=store, client=centre, centre="FR-037", now=datetime.now(UTC)).id


def state_of(store, batch):
    with store.reading() as tx:
        return tx.batches.get(batch, "forms", datetime.now(UTC)).state


def test_a_batch_whose_web_process_was_killed_is_taken_in_at_once(store):
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    machine, id_ = worker_name("x").split("/")[0], sent(store)
    with store.transaction() as tx:
        assert tx.batches.claim(id_, f"{machine}/{int(ended.stdout)}/batch-x", datetime.now(UTC))
    crew = crew_of(store)
    with watching(crew):
        until(lambda: state_of(store, id_) == "done")


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_batch_that_somebody_works_on_is_left_to_him_and_a_report_goes_when_it_is_over(store, monkeypatch):
    id_ = sent(store)
    with store.transaction() as tx:
        assert tx.batches.claim(id_, "elsewhere/1/batch-x", datetime.now(UTC))
    crew = crew_of(store)
    crew.take_in()
    assert state_of(store, id_) == "running"
    monkeypatch.setattr(crew_module, "now", lambda: datetime.now(UTC) + timedelta(seconds=31))
    crew.stop.set()
    crew.take_in()
    assert state_of(store, id_) == "running", "who is to stop begins nothing"
    crew.stop.clear()
    crew.take_in()
    assert state_of(store, id_) == "done"
    monkeypatch.setattr(crew_module, "now", lambda: datetime.now(UTC) + timedelta(hours=25))
    crew.take_in()
    with store.reading() as tx:
        assert tx.batches.counts() == {}
    crew.close()


def test_who_is_dead_and_who_is_not():
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    machine = worker_name("x").split("/")[0]
    assert is_dead(f"{machine}/{int(ended.stdout)}/x")
    assert not is_dead(worker_name("x"))
    assert not is_dead(f"{machine}/1/x")
    assert not is_dead("elsewhere/1/x")
    assert not is_dead("odd")


@contextmanager
def process(url, tmp_path, hospital):
    """`engraft deliver --watch` in a process of its own."""
    config = tmp_path / "engraft.toml"
    config.write_text(f'[hospitals.chu-a]\nbase_url = "{hospital.base_url}"\n')
    environ = os.environ | {
        "ENGRAFT_CONFIG": str(config),
        "ENGRAFT_DATABASE_URL": url,
    }
    command = [Path(sys.executable).with_name("engraft"), "deliver", "--watch", "--workers", "3"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            with suppress(ProcessLookupError):
                running.kill()


def test_killed_at_any_point_it_loses_and_doubles_nothing(store, prepared, tmp_path):
    fill(store)
    chance = Random(4)
    with Sandbox(habits=Habits(seconds=0.02)) as hospital:
        for _ in range(KILLS):
            with process(prepared, tmp_path, hospital) as running:
                seen = len(hospital.requests) + chance.randrange(1, 6)
                until(lambda seen=seen: len(hospital.requests) >= seen or waiting(store) == 0)
                running.send_signal(signal.SIGKILL)
        with process(prepared, tmp_path, hospital) as running:
            until(lambda: waiting(store) == 0)
            running.send_signal(signal.SIGTERM)
            assert running.wait(30) == 0
        balanced(hospital)


def test_told_to_stop_it_ends_what_is_under_way_and_holds_nothing(store, prepared, tmp_path):
    fill(store, versions=1)
    with Sandbox(habits=Habits(seconds=0.1)) as hospital, process(prepared, tmp_path, hospital) as running:
        until(lambda: hospital.requests)
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
        with store.reading() as tx:
            assert "leased" not in tx.outbox.counts()
            assert tx.outbox.counts()["delivered"] == len(hospital.all("Patient"))


def test_a_hospital_that_notifies_is_asked_all_the_same_at_the_start_and_now_and_then(store, monkeypatch):
    there = {
        "chu-a": Hospital("chu-a", "http://127.0.0.1:9/fhir", poll_minutes=15),
        "chu-b": Hospital("chu-b", "http://127.0.0.1:9/fhir"),
    }
    crew = Crew(store, Settings(hospitals=there), 1, lambda _: None)
    clock = [datetime(2026, 11, 3, 12, 0, tzinfo=UTC)]
    monkeypatch.setattr(crew_module, "now", lambda: clock[0])

    def asked():
        crew._poll_round()
        with store.transaction() as tx:
            waiting = [row for row in tx.inbox.listing() if row.state == "waiting"]
            for row in waiting:
                tx.inbox.lease("w", at=clock[0], lease_seconds=60)
                tx.inbox.done(row.id, "w", clock[0])
        return [row.hospital for row in waiting]

    assert asked() == ["chu-a"]
    clock[0] += timedelta(minutes=14)
    assert asked() == []
    clock[0] += timedelta(minutes=1)
    assert asked() == ["chu-a"]
    crew.close()


@pytest.mark.contract
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
def test_postgresql_wakes_the_workers_and_they_need_not_look(store, monkeypatch):
    monkeypatch.setattr(crew_module, "POLL_SECONDS", 3600.0)
    with Sandbox() as hospital:
        crew = crew_of(store, ("chu-a", hospital.base_url))
        listens = threading.Event()
        real = store.calls

        def calls(stop):
            for place in real(stop):
                listens.set()
                yield place

        monkeypatch.setattr(store, "calls", calls)
        with watching(crew):
            while not listens.wait(0.05):  # nobody says when LISTEN is through: knock until it is
                with store.transaction() as tx:
                    tx.inbox.add("nobody", "PUT", "Basic", "x", {}, b"", datetime.now(UTC))
            fill(store, versions=1)
            until(lambda: len(hospital.all("Patient")) == PATIENTS)
            fill(store, versions=2)
            until(lambda: waiting(store) == 0)


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_mistake_over_one_delivery_is_told_and_the_thread_goes_on(store, monkeypatch):
    with Sandbox() as hospital, logged() as log:
        crew = crew_of(store, ("chu-a", hospital.base_url))
        worked = crew.share
        mistakes = iter([KeyError("Zquatl")])

        def share(*about):
            for mistake in mistakes:
                raise mistake
            return worked(*about)

        monkeypatch.setattr(crew, "share", share)
        fill(store, versions=1)
        with watching(crew):
            until(lambda: len(hospital.all("Patient")) == PATIENTS)
    assert [line["error"] for line in log.of("unforeseen")] == ["KeyError"]
    assert "Zquatl" not in log.text


def test_a_hospital_that_hangs_keeps_no_other_ones_notifications_waiting(store):
    held = threading.Event()

    def hang(self, *_):
        assert held.wait(30)
        return

    with Sandbox() as slow, Sandbox() as quick:
        crew = crew_of(store, ("slow", slow.base_url), ("quick", quick.base_url))
        lines = crew._lines("pull-slow")("slow")
        lines.read = hang.__get__(lines)
        with store.transaction() as tx:
            tx.inbox.add("slow", "PUT", "Patient", "x", {}, b"", datetime.now(UTC) - timedelta(minutes=1))
            tx.inbox.add("quick", "PUT", "Patient", "x", {}, b"", datetime.now(UTC))
        with watching(crew):
            try:
                until(lambda: states(store) == {"quick": "done", "slow": "leased"})
            finally:
                held.set()
            until(lambda: states(store) == {"quick": "done", "slow": "done"})


def states(store):
    with store.reading() as tx:
        return {one.hospital: one.state for one in tx.inbox.listing()}
