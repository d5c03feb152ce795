"""One suite, every server. The sandbox round needs nothing and runs with the unit tests."""

from __future__ import annotations

import uuid

import pytest

from adapter.hospital.client import HospitalClient
from adapter.store import Store
from tests.lib import servers

ROUNDS = [
    "sandbox",
    pytest.param("hapi", marks=pytest.mark.contract),
    pytest.param("helios", marks=pytest.mark.contract),
]


@pytest.fixture(scope="session", params=ROUNDS)
def server(request, tmp_path_factory):
    with servers.START[request.param](tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
def client(server):
    client = HospitalClient(server.name, server.base_url, None, timeout=(5, 60))
    yield client
    client.close()


@pytest.fixture
def fresh():
    """Makes ids that no other test uses: the servers are shared by the session."""
    run = uuid.uuid4().hex[:12]
    return lambda name: f"{name}-{run}"


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    store.migrate()
    yield store
    store.close()
