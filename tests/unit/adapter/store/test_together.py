"""Several deeds as one: all of them are there afterwards, or none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapter.errors import Refused
from adapter.store import Store

NOW = datetime(2026, 9, 3, 10, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    made = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    made.migrate()
    yield made
    made.close()


def told(store):
    with store.reading() as tx:
        return [client.name for client in tx.clients.listing()]


def add(store, name):
    with store.transaction() as tx:
        tx.clients.add(name, "admin", None, NOW)


def test_each_deed_sees_those_before_it_and_all_end_together(store):
    with store.together() as one:
        add(one, "first")
        add(one, "second")
        assert sorted(told(one)) == ["first", "second"]
    assert sorted(told(store)) == ["first", "second"]


def test_what_goes_wrong_later_undoes_what_was_done(store):
    with pytest.raises(Refused):
        twice(store, "first")
    assert told(store) == []


def twice(store, name):
    """The second has the name of the first."""
    with store.together() as one:
        add(one, name)
        add(one, name)
