"""The database goes away while a worker delivers: what it held waits for no lease to end. Synthetic patients only."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest

from adapter.config import Hospital, Settings
from adapter.errors import StoreUnavailable
from adapter.flows.crew import Crew, worker_name
from adapter.flows.delivery import Post
from adapter.hospital.sandbox import Sandbox
from tests.lib.post import THERE, observation, patient, post


@contextmanager
def away(store, monkeypatch, writes):
    """The database answers so many more writes, then no more."""
    transaction, left = store.transaction, [writes]

    @contextmanager
    def failing():
        left[0] -= 1
        if left[0] < 0:
            raise StoreUnavailable("the database is away")
        with transaction() as tx:
            yield tx

    with monkeypatch.context() as patch:
        patch.setattr(store, "transaction", failing)
        yield


def test_what_was_sent_and_not_noted_is_taken_up_at_once_and_has_one_effect(store, monkeypatch):
    with post(store) as office:
        sent = office.queue(patient(), observation("o", "7"))
        crew = Post(store, lambda: office.now, lambda: 0.5)
        with away(store, monkeypatch, writes=1), pytest.raises(StoreUnavailable):
            crew.work(THERE, lambda _: office.client, "w1")
        assert office.values() == {"o": "7"}
        assert office.row(sent).state == "leased"

        assert crew.work(THERE, lambda _: office.client, "w1") == {"delivered": 1}
        assert office.versions() == {"o": "1"}


def test_another_workers_lease_is_left_alone(store, monkeypatch):
    with post(store) as office:
        crew = Post(store, lambda: office.now, lambda: 0.5)
        sent = office.queue(patient(), observation("o", "7"))
        with away(store, monkeypatch, writes=1), pytest.raises(StoreUnavailable):
            crew.work(THERE, lambda _: office.client, "w1")
        assert not crew.work(THERE, lambda _: office.client, "w2")
        assert office.row(sent).worker == "w1"


NOBODY = {"hospital": "chu-a", "method": "PUT", "kind": "Patient", "resource_id": "nobody", "headers": {}, "body": b""}


def notified(store):
    with store.transaction() as tx:
        return tx.inbox.add(**NOBODY, at=datetime.now(UTC))


@pytest.fixture
def crew(store):
    with Sandbox() as hospital:
        settings = Settings(hospitals={"chu-a": Hospital("chu-a", hospital.base_url)})
        with closing(Crew(store, settings, 1, lambda _: None)) as crew:
            yield crew


def test_a_notification_that_was_taken_up_is_read_as_soon_as_the_database_is_back(store, monkeypatch, crew):
    notified(store)
    with away(store, monkeypatch, writes=1), pytest.raises(StoreUnavailable):
        crew.pull()
    assert crew.pull().done == 1, "and not when the lease is over"
    assert crew.pull().done == 0


def test_a_notification_that_another_process_reads_is_left_to_it(store, monkeypatch, crew):
    notified(store)
    with store.transaction() as tx:
        tx.inbox.lease("elsewhere/1/pull", at=datetime.now(UTC), lease_seconds=600)
    with away(store, monkeypatch, writes=0), pytest.raises(StoreUnavailable):
        crew.read("chu-a")
    assert crew.pull().done == 0


def test_what_a_process_held_that_was_killed_here_is_read_at_once(store, crew):
    notified(store)
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    machine = worker_name("x").split("/")[0]
    with store.transaction() as tx:
        tx.inbox.lease(f"{machine}/{int(ended.stdout)}/pull", at=datetime.now(UTC), lease_seconds=600)
    assert crew.pull().done == 0
    crew.bury()
    assert crew.pull().done == 1
