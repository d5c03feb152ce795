from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapter.store import Store

NOON = datetime(2026, 9, 3, 12, 0, tzinfo=UTC)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/var/engraft.sqlite"


@pytest.fixture
def store(url):
    store = Store(url)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def noon():
    return NOON
