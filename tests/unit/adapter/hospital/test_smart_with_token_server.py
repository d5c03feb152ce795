"""Our assertion against a token endpoint that is not ours (Authlib)."""

from __future__ import annotations

import pytest

from adapter import keys
from adapter.config import Secret
from adapter.errors import HospitalUnavailable
from adapter.hospital.smart import BackendToken, Registration
from tests.lib.token_server import token_server


@pytest.fixture(params=["ES384", "RS384"])
def secret(request, tmp_path) -> Secret:
    file = tmp_path / "key.pem"
    file.write_text(keys.new(request.param))
    return Secret(file=file)


def provider(server, secret, client_id="engraft") -> BackendToken:
    there = Registration("chu-a", "http://127.0.0.1/fhir", client_id, "system/*.cruds", server.token_endpoint)
    return BackendToken(there, lambda: keys.read(secret))


def test_another_implementation_takes_our_assertion(secret):
    with token_server("engraft", lambda: keys.published([secret])) as server:
        assert provider(server, secret).token() == server.given[0]


def test_a_rotated_key_signs_once_it_is_published(secret, tmp_path):
    fresh = Secret(file=tmp_path / "fresh.pem")
    fresh.file.write_text(keys.new("ES384"))
    with token_server("engraft", lambda: keys.published([secret, fresh])) as server:
        assert provider(server, fresh).token()


def test_a_client_that_nobody_knows_gets_no_token(secret):
    with token_server("engraft", lambda: keys.published([secret])) as server:
        with pytest.raises(HospitalUnavailable, match="invalid_client"):
            provider(server, secret, "somebody-else").token()
        assert server.given == []
