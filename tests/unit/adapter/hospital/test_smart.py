"""SMART Backend Services as a client: what is asked for, what is kept, where a token may go."""

from __future__ import annotations

from threading import Thread
from urllib.parse import parse_qs

import jwt
import pytest
import requests
import responses

from adapter import keys
from adapter.config import Secret
from adapter.errors import HospitalUnavailable
from adapter.hospital.smart import BEARER_ASSERTION, OAUTH_URIS, BackendToken, Registration

BASE = "https://hospital.example/fhir"
TOKENS = "https://login.hospital.example/token"
CONFIGURATION = f"{BASE}/.well-known/smart-configuration"
NOW = 1_780_000_000


@pytest.fixture(scope="module")
def key(tmp_path_factory) -> keys.SigningKey:
    file = tmp_path_factory.mktemp("keys") / "es384.pem"
    file.write_text(keys.new("ES384"))
    return keys.read(Secret(file=file))


@pytest.fixture
def web():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(CONFIGURATION, json={"token_endpoint": TOKENS})
        yield mock


class Seconds:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def tokens(key, monotonic=None, **changes) -> BackendToken:
    registration = Registration("chu-a", BASE, "engraft-at-chu-a", "system/*.cruds", **changes)
    return BackendToken(registration, lambda: key, clock=lambda: NOW, monotonic=monotonic or Seconds())


def grant(web, token="t-1", **said) -> None:
    web.post(
        TOKENS,
        json={"access_token": token, "token_type": "bearer", "expires_in": 300, "scope": "system/*.cruds"} | said,
    )


def asked_of(web, url: str) -> list[requests.PreparedRequest]:
    return [call.request for call in web.calls if call.request.url == url]


def test_the_assertion_says_who_we_are_to_the_token_endpoint_and_lives_less_than_five_minutes(web, key):
    grant(web)
    assert tokens(key).token() == "t-1"
    (request,) = asked_of(web, TOKENS)
    form = {name: value for name, (value,) in parse_qs(str(request.body)).items()}
    assert form["grant_type"] == "client_credentials"
    assert form["scope"] == "system/*.cruds"
    assert form["client_assertion_type"] == BEARER_ASSERTION
    assert "Authorization" not in request.headers
    options = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(form["client_assertion"], jwt.PyJWK(key.public), ["ES384"], options, audience=TOKENS)
    assert claims["iss"] == claims["sub"] == "engraft-at-chu-a"
    assert NOW < claims["exp"] <= NOW + 300
    assert claims["jti"]


def test_each_assertion_is_used_once(web, key):
    grant(web, expires_in=0)
    provider = tokens(key)
    provider.token()
    provider.token()
    bodies = [parse_qs(str(request.body))["client_assertion"][0] for request in asked_of(web, TOKENS)]
    ids = [jwt.decode(body, options={"verify_signature": False})["jti"] for body in bodies]
    assert len(ids) == len(set(ids)) == 2


def test_a_token_is_kept_until_shortly_before_its_end(web, key):
    grant(web)
    seconds = Seconds()
    provider = tokens(key, seconds)
    provider.token()
    seconds.now = 269.9
    provider.token()
    assert len(asked_of(web, TOKENS)) == 1
    seconds.now = 270.0
    provider.token()
    assert len(asked_of(web, TOKENS)) == 2
    assert len(asked_of(web, CONFIGURATION)) == 1


@pytest.mark.parametrize("life", [None, "soon"])
def test_a_token_of_untold_life_is_used_for_half_a_minute(web, key, life):
    grant(web, expires_in=life)
    seconds = Seconds()
    provider = tokens(key, seconds)
    provider.token()
    seconds.now = 29.9
    provider.token()
    assert len(asked_of(web, TOKENS)) == 1
    seconds.now = 30.0
    provider.token()
    assert len(asked_of(web, TOKENS)) == 2


def test_many_threads_share_one_token(web, key):
    grant(web)
    provider = tokens(key)
    found: list[str] = []
    threads = [Thread(target=lambda: found.append(provider.token())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["t-1"] * 8
    assert len(asked_of(web, TOKENS)) == 1


def test_a_401_is_answered_by_one_fresh_token_and_one_repetition_of_the_same_request(web, key):
    grant(web, "t-1")
    grant(web, "t-2")
    web.put(f"{BASE}/Observation/1", status=401)
    web.put(f"{BASE}/Observation/1", status=200)
    session = requests.Session()
    session.auth = tokens(key)
    assert session.put(f"{BASE}/Observation/1", data=b'{"a":1}').status_code == 200
    first, second = asked_of(web, f"{BASE}/Observation/1")
    assert (first.headers["Authorization"], second.headers["Authorization"]) == ("Bearer t-1", "Bearer t-2")
    assert first.body == second.body


def test_the_second_401_is_the_answer(web, key):
    grant(web)
    web.get(f"{BASE}/Patient/1", status=401)
    session = requests.Session()
    session.auth = tokens(key)
    assert session.get(f"{BASE}/Patient/1").status_code == 401
    assert len(asked_of(web, f"{BASE}/Patient/1")) == 2


def test_the_token_goes_to_no_other_origin(web, key):
    grant(web)
    for elsewhere in (
        "https://evil.example/fhir",
        "https://hospital.example:8443/fhir",
        "http://hospital.example/fhir",
        "https://hospital.example.evil.example/fhir",
    ):
        web.get(f"{elsewhere}/Patient/1", status=401)
        session = requests.Session()
        session.auth = tokens(key)
        assert session.get(f"{elsewhere}/Patient/1").status_code == 401
        (request,) = asked_of(web, f"{elsewhere}/Patient/1")
        assert "Authorization" not in request.headers


def test_a_redirect_carries_no_token_away(web, key):
    grant(web)
    web.get(f"{BASE}/Patient/1", status=302, headers={"Location": "https://evil.example/Patient/1"})
    web.get("https://evil.example/Patient/1", json={})
    session = requests.Session()
    session.auth = tokens(key)
    session.get(f"{BASE}/Patient/1")
    (request,) = asked_of(web, "https://evil.example/Patient/1")
    assert "Authorization" not in request.headers


def test_an_older_server_names_its_token_endpoint_in_the_capability_statement(key):
    uris = {
        "url": OAUTH_URIS,
        "extension": [{"url": "authorize", "valueUri": "x:"}, {"url": "token", "valueUri": TOKENS}],
    }
    with responses.RequestsMock() as web:
        web.get(CONFIGURATION, status=404)
        web.get(
            f"{BASE}/metadata", json={"rest": [{"mode": "server", "security": {"extension": [{"url": "x"}, uris]}}]}
        )
        grant(web)
        assert tokens(key).token() == "t-1"


def test_the_configuration_may_name_the_token_endpoint(key):
    with responses.RequestsMock() as web:
        grant(web)
        assert tokens(key, token_url=TOKENS).token() == "t-1"


@pytest.mark.parametrize(
    ("capability", "words"),
    [
        ({}, "set auth.token_url"),
        ({"rest": [{"security": {"extension": [{"url": OAUTH_URIS}]}}]}, "set auth.token_url"),
    ],
)
def test_a_server_that_says_nowhere_where_tokens_come_from_is_told_of(key, capability, words):
    with responses.RequestsMock() as web:
        web.get(CONFIGURATION, json={})
        web.get(f"{BASE}/metadata", json=capability)
        with pytest.raises(HospitalUnavailable, match=words):
            tokens(key).token()


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("http://login.hospital.example/token", "without TLS"),
        ("ftp://login.hospital.example", "nowhere"),
        ("http://[", "nowhere"),
        (7, "nowhere"),
    ],
)
def test_an_assertion_goes_only_where_it_is_safe(key, endpoint, words):
    with responses.RequestsMock() as web:
        web.get(CONFIGURATION, json={"token_endpoint": endpoint})
        with pytest.raises(HospitalUnavailable, match=words):
            tokens(key).token()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            {"status": 400, "json": {"error": "invalid_client", "error_description": "unknown key"}},
            "invalid_client unknown key",
        ),
        ({"status": 401, "body": b"<html>"}, "status 401"),
        ({"status": 400, "json": {}}, "400"),
        ({"status": 503}, "503"),
        ({"json": {"token_type": "bearer"}}, "no bearer token"),
        ({"json": {"access_token": "a", "token_type": "mac"}}, "no bearer token"),
        ({"json": {"access_token": "a\nX-Evil: 1", "token_type": "bearer"}}, "no bearer token"),
        ({"body": requests.ConnectionError("synthetic")}, "no answer about a token"),
        ({"body": b"x" * 4_000_001}, "too large"),
    ],
)
def test_without_a_token_the_content_waits_and_the_reason_is_told(web, key, answer, words):
    web.post(TOKENS, **answer)
    with pytest.raises(HospitalUnavailable, match=words):
        tokens(key).token()
