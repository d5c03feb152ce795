"""One suite, every server. The sandbox's and our own round need nothing and run with the unit tests."""

from __future__ import annotations

import uuid
from contextlib import ExitStack

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from adapter.hospital.client import HospitalClient
from adapter.store import Store
from tests.lib import servers

ROUNDS = [
    "sandbox",
    pytest.param("hapi", marks=pytest.mark.contract),
    pytest.param("helios", marks=pytest.mark.contract),
]


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    """Starts a server when it is first asked for; all of them stop at the end."""
    running: dict[str, servers.Server] = {}
    with ExitStack() as stack:

        def start(name):
            if name not in running:
                running[name] = stack.enter_context(servers.START[name](tmp_path_factory.mktemp(name)))
            return running[name]

        yield start


@pytest.fixture(scope="session", params=ROUNDS)
def server(request, start):
    return start(request.param)


@pytest.fixture(scope="session", params=[*ROUNDS, "engraft"])
def reader(request, start):
    """A server that is only read from: ours too."""
    return start(request.param)


@pytest.fixture
def client(server, connect):
    return connect(server)


@pytest.fixture
def connect():
    """Makes clients that show what the server wants to be shown."""
    with ExitStack() as stack:

        def connect(server):
            client = HospitalClient(server.name, server.base_url, server.auth, timeout=(5, 60))
            stack.callback(client.close)
            return client

        yield connect


@pytest.fixture
def session():
    """A plain client, as patient as HAPI asks for: now and then it answers a write 409 because of its own work behind.

    Seen of 8.8: 3 of 2,400 deletions of what nobody else writes, with subscriptions active (HAPI-0550, HAPI-0826).
    """
    again = Retry(total=5, status_forcelist={409}, allowed_methods=None, backoff_factor=0.1, raise_on_status=False)
    with requests.Session() as session:
        session.headers.update({"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"})
        session.mount("http://", HTTPAdapter(max_retries=again))
        yield session


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
