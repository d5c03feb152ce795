"""A centre at work on an empty store, and with its one patient enrolled."""

from __future__ import annotations

import pytest

from adapter.hospital.client import HospitalClient
from adapter.hospital.sandbox import Sandbox
from tests.lib.centre import Ward


@pytest.fixture
def ward(store):
    return Ward(store)


@pytest.fixture
def enrolled(ward):
    ward.enrol()
    return ward


@pytest.fixture
def hospital():
    """The server of the hospital chu-a; it has nothing yet."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(hospital):
    client = HospitalClient("chu-a", hospital.base_url, None, timeout=(2, 2), pause=lambda _: None)
    yield client
    client.close()
