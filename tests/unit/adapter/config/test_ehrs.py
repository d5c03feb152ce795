"""EHRs that sign their calls: which centre each calls for, and where its keys are."""

from __future__ import annotations

import pytest

from adapter.config import Ehr
from tests.unit.adapter.config.test_config import faults_of, settings_of

SOUND = """\
[centres.FR-037]
[ehrs.chu-a]
issuer = "https://ehr.chu-a.example"
centre = "FR-037"
jwks = { url = "https://ehr.chu-a.example/jwks.json" }
"""
HEAD = '[ehrs.a]\nissuer = "https://e.example"\ncentre = "X"\n'
FILE = 'jwks = { file = "jwks.json" }\n'


def test_an_ehr_has_an_issuer_a_centre_and_keys(tmp_path):
    found = settings_of(tmp_path, SOUND).ehrs
    url = "https://ehr.chu-a.example/jwks.json"
    assert found == {"chu-a": Ehr("chu-a", "https://ehr.chu-a.example", "FR-037", None, url)}
    one = settings_of(tmp_path, HEAD + 'tenant = "t"\n' + FILE).ehrs["a"]
    assert (one.tenant, one.jwks_file, one.jwks_url) == ("t", tmp_path / "jwks.json", None)
    assert settings_of(tmp_path, HEAD + 'jwks = { url = "http://127.0.0.1:9/k" }').ehrs["a"].jwks_url


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        (HEAD, "ehrs.a.jwks", "where its public keys are"),
        (HEAD + "jwks = 3", "ehrs.a.jwks", "is a table"),
        (HEAD + 'jwks = { url = "https://e.example", file = "x" }', "ehrs.a.jwks", "where its public keys are"),
        (HEAD + 'jwks = { path = "x" }', "ehrs.a.jwks", "where its public keys are"),
        (HEAD + 'jwks = { url = "http://e.example/k" }', "ehrs.a.jwks.url", "fetched by https"),
        (HEAD + 'jwks = { url = "keys" }', "ehrs.a.jwks.url", "absolute http"),
        (HEAD + FILE + 'secret = "x"', "ehrs.a.secret", "unknown key"),
        ('[ehrs.a]\ncentre = "X"\n' + FILE, "ehrs.a.issuer", "is needed"),
        ('[ehrs.a]\nissuer = "https://e.example"\n' + FILE, "ehrs.a.centre", "is needed"),
        ("[centres.Y]\n" + HEAD + FILE, "ehrs.a.centre", "no centre is called X; known: Y"),
    ],
)
def test_a_fault_is_told_with_its_key(tmp_path, text, key, why):
    assert (key, True) in [(named, why in told) for _, named, told in faults_of(tmp_path, text)]


def of_one_issuer(*tenants):
    named = [f'tenant = "{one}"\n' if one else "" for one in tenants]
    return "".join(HEAD.replace("ehrs.a", f"ehrs.e{n}") + FILE + tenant for n, tenant in enumerate(named))


@pytest.mark.parametrize("tenants", [("", ""), ("x", ""), ("x", "x")])
def test_two_with_one_issuer_are_told_apart_by_their_tenants(tmp_path, tenants):
    ((_, key, told),) = faults_of(tmp_path, of_one_issuer(*tenants))
    assert (key, "tenant of its own" in told) == ("ehrs.e1", True)
    assert len(settings_of(tmp_path, of_one_issuer("p", "q")).ehrs) == 2
