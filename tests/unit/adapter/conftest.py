"""The databases of the suite: every test that asks for one runs on each engine."""

from __future__ import annotations

from contextlib import ExitStack, closing

import pytest

from adapter.store import Store
from tests.lib.databases import ENGINES, Databases, postgres


@pytest.fixture(scope="session")
def postgresql():
    """Starts the server when it is first asked for; it stops at the end."""
    found = []
    with ExitStack() as stack:

        def start():
            if not found:
                found.append(stack.enter_context(postgres()))
            return found[0]

        yield start


@pytest.fixture(params=ENGINES)
def databases(request, tmp_path, postgresql):
    databases = Databases(request.param, tmp_path, postgresql)
    yield databases
    databases.close()


@pytest.fixture
def url(databases):
    return databases.empty()


@pytest.fixture
def opened():
    """Opens stores that are closed at the end."""
    with ExitStack() as stack:
        yield lambda url, **how: stack.enter_context(closing(Store(url, **how)))


@pytest.fixture
def prepared(databases):
    return databases.prepared()


@pytest.fixture
def store(prepared, opened):
    return opened(prepared)
