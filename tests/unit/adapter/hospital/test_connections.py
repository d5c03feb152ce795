"""Clients by the names of the configuration."""

from __future__ import annotations

import pytest
import responses

from adapter.config import Auth, Hospital, Registry, Secret, Settings
from adapter.errors import Refused
from adapter.hospital.connections import Connections

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
    with pytest.raises(Refused, match="smart-backend"):
        connections(Auth("smart-backend", secret=secret(tmp_path)))("chu-a")
