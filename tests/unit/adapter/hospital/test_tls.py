"""TLS with a hospital that has an authority of its own: what is trusted, and what is said where it is not."""

from __future__ import annotations

import ssl
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
import requests
import urllib3
from urllib3.exceptions import MaxRetryError

from adapter.config import Auth, Hospital, Secret, Settings, Tls
from adapter.errors import Refused
from adapter.hospital.answer import Distrusted, HospitalSilent, NoToken
from adapter.hospital.connections import Connections
from adapter.hospital.origin import distrust
from tests.lib.certificates import ELSEWHERE, Authority, tls_server


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def asked(url: str, tls: Tls, auth: Auth | None = None) -> dict:
    with closing(Connections(Settings(hospitals={"chu-a": Hospital("chu-a", url, auth or Auth(), tls=tls)}))) as known:
        return known("chu-a").capability()


@pytest.mark.parametrize(
    ("days", "at", "theirs", "words"),
    [
        (-1, None, True, "certificate has expired"),
        (9, ELSEWHERE, True, "certificate is not valid for '127.0.0.1'"),
        (9, None, False, "issuer certificate"),
    ],
)
def test_why_a_server_is_not_trusted_is_said(tmp_path, authority, days, at, theirs, words):
    shown = authority.signed("server", timedelta(days=days), *([at] if at else []))
    ca = authority.file if theirs else Authority(tmp_path, "another").file
    with tls_server(shown) as url, pytest.raises(Distrusted, match=rf"chu-a: no TLS: .*{words}"):
        asked(url, Tls(ca=ca))


def test_who_shows_the_certificate_that_is_wanted_is_let_in_and_nobody_else(authority):
    ours = authority.signed("engraft")
    mutual = Tls(ours.certificate, ours.key, authority.file)
    with tls_server(authority.signed("server"), authority) as url:
        assert asked(url, mutual)["fhirVersion"] == "4.0.1"
        with pytest.raises(HospitalSilent):  # it may hang up before its reason is read
            asked(url, Tls(ca=authority.file))


def test_what_a_server_has_against_us_is_said_though_it_comes_late():
    """By TLS 1.3 we have finished before we are refused; urllib3 then wraps the reason without naming the cause."""
    refused = ssl.SSLError(1, "[SSL] tlsv13 alert certificate required (_ssl.c:2548)")
    wrapped = requests.exceptions.SSLError(MaxRetryError(None, "/", urllib3.exceptions.SSLError(refused)))
    assert distrust(wrapped) == "tlsv13 alert certificate required"
    assert distrust(requests.ConnectionError(MaxRetryError(None, "/", OSError("no route")))) is None


def test_files_that_tls_cannot_be_spoken_with_are_told_by_name_before_anything_is_sent(tmp_path, authority):
    ours, other = authority.signed("engraft"), authority.signed("other")
    right = Tls(ours.certificate, ours.key, authority.file)
    for wrong, words in (
        (replace(right, ca=tmp_path / "absent.pem"), r"tls\.ca of chu-a: .*absent\.pem.* No such file"),
        (replace(right, ca=ours.key), r"tls\.ca of chu-a"),
        (replace(right, key=other.key), r"tls\.certificate of chu-a: .*other\.key.*key values mismatch"),
    ):
        with pytest.raises(Refused, match=words):
            asked("https://127.0.0.1:1", wrong)


def test_the_authority_of_the_hospital_counts_for_its_tokens_too(tmp_path, authority, monkeypatch):
    """The environment may name another bundle, as many images do."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(Authority(tmp_path, "of-the-machine").file))
    secret = tmp_path / "secret"
    secret.write_text("abc")
    with tls_server(authority.signed("server")) as url:
        auth = Auth("oauth", secret=Secret(file=secret), client_id="e", scope="s", token_url=f"{url}/token")
        assert asked(url, Tls(ca=authority.file), auth)["fhirVersion"] == "4.0.1"
        with pytest.raises(Distrusted, match="no TLS where tokens come from"):
            asked(url, Tls(), auth)


def test_a_rotated_secret_counts_without_a_restart(tmp_path, authority):
    file = tmp_path / "token"
    file.write_text("old")
    for kind, user, shown in (("bearer", None, "Bearer new"), ("basic", "e", "Basic ZTpuZXc=")):
        auth = Auth(kind, user, Secret(file=file))
        with closing(Connections(Settings(hospitals={"h": Hospital("h", "https://127.0.0.1:1", auth)}))) as known:
            session = known("h")._session
            file.write_text("new")
            assert session.auth(_Request()).headers["Authorization"] == shown
            file.unlink()
            with pytest.raises(NoToken, match="cannot be read"):
                session.auth(_Request())
        file.write_text("old")


class _Request:
    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
