"""The database goes away while a worker delivers: what it held waits for no lease to end. Synthetic patients only."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from adapter.errors import StoreUnavailable
from adapter.flows.delivery import Post
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
