"""A centre at work on an empty store, and with its one patient enrolled."""

from __future__ import annotations

import pytest

from adapter.store import Store
from tests.lib.centre import Ward


@pytest.fixture
def ward(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    store.migrate()
    yield Ward(store)
    store.close()


@pytest.fixture
def enrolled(ward):
    ward.enrol()
    return ward
