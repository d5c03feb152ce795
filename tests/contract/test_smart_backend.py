"""SMART Backend Services against a server that refuses whoever brings no token: Helios, and tokens by Authlib."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import requests

from adapter import keys
from adapter.config import Auth, Hospital, Secret, Settings
from adapter.errors import HospitalUnavailable
from adapter.hospital.connections import Connections
from tests.lib import servers
from tests.lib.token_server import AUDIENCE, token_server

pytestmark = pytest.mark.contract


def guarded(base_url: str, issued) -> dict[str, str]:
    return {
        "HFS_BASE_URL": base_url,
        "HFS_DATABASE_URL": ":memory:",
        "HFS_AUTH_ENABLED": "true",
        "HFS_AUTH_ISSUER": issued.url,
        "HFS_AUTH_AUDIENCE": AUDIENCE,
        "HFS_AUTH_JWKS_URL": issued.jwks_url,
        "HFS_AUTH_ALGORITHMS": "ES384,RS384",
        "HFS_SMART_TOKEN_ENDPOINT": issued.token_endpoint,
    }


@pytest.fixture(params=["ES384", "RS384"])
def hospital(request, tmp_path):
    """(address, settings of ours that it takes, the token endpoint)."""
    named = os.environ.get("ENGRAFT_TEST_HFS")
    if not named:
        pytest.skip("SMART BACKEND SERVICES NOT TESTED: ENGRAFT_TEST_HFS names no start script or binary of Helios")
    file = tmp_path / "key.pem"
    file.write_text(keys.new(request.param))
    secret = Secret(file=file)
    shutil.copy(servers.SERVERS / "helios" / "search-parameters-r4.json", tmp_path)
    with token_server("engraft", lambda: keys.published([secret])) as issued:
        port = servers.free_port()
        base = f"http://127.0.0.1:{port}"
        environ = guarded(base, issued) | {"HFS_DATA_DIR": str(tmp_path)}
        configuration = f"{base}/.well-known/smart-configuration"
        command = [Path(named).resolve(), "--port", str(port)]
        with servers.running(command, tmp_path, lambda: servers.answers(configuration), environ):
            auth = Auth("smart-backend", client_id="engraft", scope="system/*.cruds")
            yield base, Settings(hospitals={"h": Hospital("h", base, auth)}, signing_keys=(secret,)), issued


def test_the_server_lets_in_who_shows_a_token_for_our_assertion_and_nobody_else(hospital):
    base, settings, issued = hospital
    assert requests.get(f"{base}/Patient/p1", timeout=10).status_code == 401
    known = Connections(settings)
    client = known("h")
    client.transact([{"resourceType": "Patient", "id": "p1"}])
    assert client.read("Patient", "p1")["id"] == "p1"
    known.close()
    assert len(issued.given) == 1


def test_a_token_that_the_server_no_longer_takes_is_replaced_once(hospital):
    _, settings, issued = hospital
    known = Connections(settings)
    client = known("h")
    client.transact([{"resourceType": "Patient", "id": "p1"}])
    auth = client._session.auth
    auth._token = f"{auth._token[:-8]}AAAAAAAA"  # as if it had been revoked
    assert client.read("Patient", "p1")["id"] == "p1"
    known.close()
    assert len(issued.given) == 2


def test_who_is_not_registered_gets_no_token_and_nothing_is_parked_for_it(hospital):
    base, settings, issued = hospital
    stranger = Auth("smart-backend", client_id="stranger", scope="system/*.cruds")
    known = Connections(Settings(hospitals={"h": Hospital("h", base, stranger)}, signing_keys=settings.signing_keys))
    with pytest.raises(HospitalUnavailable, match="invalid_client"):
        known("h").transact([{"resourceType": "Patient", "id": "p1"}])
    known.close()
    assert issued.given == []
