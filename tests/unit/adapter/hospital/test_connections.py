"""Clients by the names of the configuration."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests
import responses

from adapter import keys
from adapter.config import Auth, Hospital, Registry, Secret, Settings, Tls
from adapter.errors import Refused
from adapter.hospital.connections import Connections, Tokens
from adapter.hospital.origin import speak

BASE = "https://hospital.example/fhir"


def connections(auth: Auth) -> Connections:
    hospitals = {"chu-a": Hospital("chu-a", BASE, auth)}
    return Connections(Settings(hospitals=hospitals, registries={"national": Registry("national", BASE)}))


def authorization(auth: Auth) -> str | None:
    known = connections(auth)
    with responses.RequestsMock() as web:
        web.get(f"{BASE}/metadata", json={})
        known("chu-a").capability()
        known.close()
        return web.calls[0].request.headers.get("Authorization")


def secret(tmp_path) -> Secret:
    file = tmp_path / "synthetic.secret"
    file.write_text("abc\n")
    return Secret(file=file)


def test_credentials_come_from_the_secret(tmp_path):
    assert authorization(Auth("bearer", secret=secret(tmp_path))) == "Bearer abc"
    assert authorization(Auth("basic", "engraft", secret(tmp_path))) == "Basic ZW5ncmFmdDphYmM="
    assert authorization(Auth()) is None


def test_one_client_serves_a_destination_until_closed():
    known = connections(Auth())
    assert known("chu-a") is known("chu-a")
    assert known("national").base_url == BASE
    first = known("chu-a")
    known.close()
    assert known("chu-a") is not first
    known.close()


def test_an_unknown_destination_or_secret_is_told(tmp_path):
    with pytest.raises(Refused, match="nobody"):
        connections(Auth())("nobody")
    with pytest.raises(Refused, match="cannot be read"):
        connections(Auth("bearer", secret=Secret(file=tmp_path / "absent")))("chu-a")
    with pytest.raises(Refused, match="engraft config key"):
        connections(Auth("smart-backend", client_id="engraft"))("chu-a")


def test_smart_backend_services_sign_with_the_configured_key(tmp_path):
    file = tmp_path / "es384.pem"
    file.write_text(keys.new("ES384"))
    auth = Auth("smart-backend", client_id="engraft", scope="system/*.rs", token_url="https://login.example/token")
    hospitals = {"chu-a": Hospital("chu-a", BASE, auth)}
    known = Connections(Settings(hospitals=hospitals, signing_keys=(Secret(file=file),)))
    with responses.RequestsMock() as web:
        web.post("https://login.example/token", json={"access_token": "abc", "token_type": "Bearer", "expires_in": 300})
        web.get(f"{BASE}/metadata", json={})
        known("chu-a").capability()
        known.close()
        assert web.calls[1].request.headers["Authorization"] == "Bearer abc"


@pytest.mark.parametrize(
    ("tls", "cert", "verify"),
    [
        (Tls(), None, True),
        (Tls(Path("c.pem"), Path("k.pem"), Path("ca.pem")), ("c.pem", "k.pem"), "ca.pem"),
        (Tls(Path("both.pem")), "both.pem", True),
    ],
)
def test_tls_is_spoken_with_our_certificate_and_the_authority_of_the_hospital(tls, cert, verify):
    session = requests.Session()
    speak(session, tls)
    assert (session.cert, session.verify) == (cert, verify)


def test_the_workers_of_a_process_share_one_token(tmp_path):
    file = tmp_path / "es384.pem"
    file.write_text(keys.new("ES384"))
    auth = Auth("smart-backend", client_id="engraft", scope="system/*.rs", token_url="https://login.example/token")
    settings = Settings(hospitals={"chu-a": Hospital("chu-a", BASE, auth)}, signing_keys=(Secret(file=file),))
    start, asked = threading.Barrier(4), []

    def give(_: object) -> tuple[int, dict[str, str], str]:
        asked.append(1)
        body = {"access_token": f"abc-{len(asked)}", "token_type": "Bearer", "expires_in": 300}
        return 200, {}, json.dumps(body)

    def ask(known: Connections) -> None:
        start.wait()
        known("chu-a").capability()

    with closing(Tokens(settings)) as tokens, ExitStack() as stack, responses.RequestsMock() as web:
        web.add_callback("POST", "https://login.example/token", give)
        web.get(f"{BASE}/metadata", json={})
        workers = [stack.enter_context(closing(Connections(settings, tokens))) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(ask, workers))
        shown = {call.request.headers["Authorization"] for call in web.calls if call.request.url == f"{BASE}/metadata"}
    assert len(asked) == 1
    assert shown == {"Bearer abc-1"}


def test_a_token_that_all_workers_are_refused_is_renewed_once(tmp_path):
    file = tmp_path / "es384.pem"
    file.write_text(keys.new("ES384"))
    auth = Auth("smart-backend", client_id="engraft", scope="system/*.rs", token_url="https://login.example/token")
    settings = Settings(hospitals={"chu-a": Hospital("chu-a", BASE, auth)}, signing_keys=(Secret(file=file),))
    with closing(Tokens(settings)) as tokens, responses.RequestsMock() as web:
        for word in ("old", "new"):
            said = {"access_token": word, "token_type": "Bearer", "expires_in": 300}
            web.post("https://login.example/token", json=said)
        token = tokens.of(settings.hospitals["chu-a"])
        assert token.token() == "old"
        assert [token.token(refused="old") for _ in range(4)] == ["new"] * 4
        assert tokens.of(settings.hospitals["chu-a"]) is token


def test_closing_one_worker_leaves_the_tokens_of_the_others(tmp_path):
    file = tmp_path / "es384.pem"
    file.write_text(keys.new("ES384"))
    auth = Auth("smart-backend", client_id="engraft")
    settings = Settings(hospitals={"chu-a": Hospital("chu-a", BASE, auth)}, signing_keys=(Secret(file=file),))
    with closing(Tokens(settings)) as tokens:
        token = tokens.of(settings.hospitals["chu-a"])
        Connections(settings, tokens).close()
        assert tokens.of(settings.hospitals["chu-a"]) is token
