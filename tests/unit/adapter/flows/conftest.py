"""A centre at work on an empty store, and with its one patient enrolled."""

from __future__ import annotations

import pytest

from tests.lib.centre import Ward


@pytest.fixture
def ward(store):
    return Ward(store)


@pytest.fixture
def enrolled(ward):
    ward.enrol()
    return ward
