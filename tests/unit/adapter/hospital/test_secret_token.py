"""Tokens for a client secret: by client credentials, or with a service account as CIBMTR's guide asks."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs

import pytest
import requests
import responses

from adapter.config import Auth, Registry, Secret, Settings
from adapter.errors import HospitalUnavailable
from adapter.hospital.answer import NoToken
from adapter.hospital.client import HospitalClient
from adapter.hospital.connections import Connections
from adapter.hospital.token import Registration, SecretToken, Token
from tests.lib.cut_short import cut_short

BASE, TOKENS = "https://registry.example/v1/r4", "https://login.registry.example/token"
NAMED = Registration("registry", BASE, "engraft", "submit", TOKENS)


@pytest.fixture
def web():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(TOKENS, json={"access_token": "t-1", "token_type": "Bearer", "expires_in": 1800})
        yield mock


def form_of(request) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(str(request.body)).items()}


def test_client_credentials_show_the_secret_and_nothing_else(web):
    assert SecretToken(NAMED, lambda: "secret").token() == "t-1"
    request = web.calls[0].request
    assert form_of(request) == {"grant_type": "client_credentials", "scope": "submit"}
    assert request.headers["Authorization"] == "Basic ZW5ncmFmdDpzZWNyZXQ="


def test_an_account_is_shown_beside_the_secret(web):
    SecretToken(NAMED, lambda: "secret", lambda: ("service", "pass word")).token()
    request = web.calls[0].request
    said = {"grant_type": "password", "scope": "submit", "username": "service", "password": "pass word"}
    assert form_of(request) == said
    assert request.headers["Authorization"].startswith("Basic ")


def test_a_token_is_kept_until_shortly_before_its_end(web):
    now = [0.0]
    token = SecretToken(NAMED, lambda: "secret", monotonic=lambda: now[0])
    for seconds, asked in ((0, 1), (1769, 1), (1771, 2)):
        now[0] = float(seconds)
        token.token()
        assert len(web.calls) == asked


def test_nothing_is_shown_to_another_origin(web):
    web.get("https://other.example/x", json={})
    with requests.Session() as session:
        session.auth = SecretToken(NAMED, lambda: "secret")
        session.get("https://other.example/x")
    assert "Authorization" not in web.calls[0].request.headers
    assert len(web.calls) == 1


def test_an_answer_that_breaks_off_is_an_outage():
    with cut_short() as url, pytest.raises(HospitalUnavailable, match="no answer about a token"):
        SecretToken(replace(NAMED, token_url=f"{url}/token"), lambda: "secret").token()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422, 429, 500, 503])
def test_a_token_endpoint_that_refuses_is_never_a_refusal_of_the_content(status):
    """It would be parked for good, because an address was wrong."""
    with responses.RequestsMock() as web:
        web.post(TOKENS, status=status, json={"error": "invalid_client"})
        with pytest.raises(NoToken, match="registry: no token: invalid_client"):
            SecretToken(NAMED, lambda: "secret").token()


def test_a_secret_that_cannot_be_read_just_now_is_not_the_fault_of_the_content(tmp_path):
    with responses.RequestsMock(), pytest.raises(NoToken, match="cannot be read"):
        SecretToken(NAMED, Secret(file=tmp_path / "being-replaced").read).token()


@pytest.mark.parametrize("body", ["<html>", "[]"])
def test_an_answer_that_is_no_json_object_says_that_it_was_about_a_token(body):
    with responses.RequestsMock() as web:
        web.post(TOKENS, body=body)
        with pytest.raises(NoToken, match="no token: the answer is not a JSON object"):
            SecretToken(NAMED, lambda: "secret").token()


def test_where_tokens_come_from_is_configured():
    with pytest.raises(HospitalUnavailable, match=r"set auth\.token_url"):
        SecretToken(Registration("registry", BASE, "engraft", "submit"), lambda: "secret").token()


def test_each_kind_says_how_it_shows_itself():
    with responses.RequestsMock(), pytest.raises(NotImplementedError):
        Token(NAMED).token()


def test_the_secrets_are_read_anew_for_each_token(web, tmp_path):
    for name in ("client", "account"):
        (tmp_path / name).write_text(name)
    auth = Auth(
        "oauth",
        "service",
        Secret(file=tmp_path / "client"),
        client_id="engraft",
        scope="submit",
        token_url=TOKENS,
        password=Secret(file=tmp_path / "account"),
    )
    settings = Settings(registries={"r": Registry("r", BASE, auth, dialect="cibmtr")})
    assert set(settings.secrets()) == {"registries.r.auth.secret", "registries.r.auth.password"}
    web.get(f"{BASE}/metadata", json={}, status=401)
    known = Connections(settings)
    (tmp_path / "account").write_text("rotated")
    with pytest.raises(Exception, match="401"):
        known("r").capability()
    known.close()
    assert form_of(web.calls[0].request)["password"] == "rotated"


def test_content_goes_to_the_server_of_base_url_alone(web):
    client = HospitalClient("registry", BASE, None)
    web.put("https://registry.example/v1/CRID", json={"crid": 1})
    assert client.put_plain("https://registry.example/v1/CRID", {"ccn": "1"}) == {"crid": 1}
    assert web.calls[0].request.headers["Content-Type"] == "application/json"
    with pytest.raises(ValueError, match="base_url"):
        client.put_plain("https://other.example/CRID", {})
    client.close()
