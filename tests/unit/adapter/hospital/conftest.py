"""The sandbox hospital, and a plain way to ask it."""

from __future__ import annotations

import pytest
import requests

from adapter.hospital.sandbox import Sandbox
from mappings.r4 import wire
from tests.lib.exchange import JSON


@pytest.fixture(scope="module")
def hospital():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def http(hospital):
    with requests.Session() as session:
        session.headers.update(JSON)

        def ask(method, path="", content=None, **headers):
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            body = None if content is None else content if isinstance(content, bytes) else wire.encode(content)
            return session.request(
                method, f"{hospital.base_url}{'/' if path else ''}{path}", data=body, headers=headers
            )

        yield ask


@pytest.fixture
def name(request):
    return "".join(c if c.isalnum() else "-" for c in request.node.name)[-50:].strip("-")
