"""A JWT is taken only where one EHR of the configuration signed it, for this address, now, and once."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import uuid4

import jwt
import pytest
import responses
from cryptography.hazmat.primitives.asymmetric import ec

from adapter.config import Ehr
from adapter.errors import NotAllowed, Unavailable
from adapter.flows.ehr_trust import LONGEST, SKEW, Trust
from adapter.store.clients import Client
from tests.lib.ehr import ISSUER, NOW, SERVICE, SigningEhr, published

AT = int(NOW.timestamp())


@pytest.fixture(scope="module")
def ehr():
    return SigningEhr()


@pytest.fixture(scope="module")
def other():
    return SigningEhr.with_rsa()


@pytest.fixture
def trust(tmp_path, ehr, other, store):
    file = published(tmp_path, ehr.public, other.public | {"kid": "rsa"})
    return Trust({"chu-a": Ehr("chu-a", ISSUER, "FR-037", jwks_file=file)}, store)


def check(trust, token, at=NOW):
    return trust.check(token, {SERVICE}, at)


def refused(trust, token, at=NOW):
    with pytest.raises(NotAllowed) as told:
        check(trust, token, at)
    assert told.value.status == 401
    assert str(told.value).startswith("this JWT is not accepted: ")
    return str(told.value)


def test_who_signed_it_is_a_client_of_its_centre(trust, ehr):
    assert check(trust, ehr.token()) == Client("ehr:chu-a", "ehr", "FR-037")


def test_rs384_is_taken_too(trust, other):
    assert check(trust, other.token(header={"kid": "rsa"})).centre == "FR-037"


def test_aud_may_be_several_of_which_one_is_ours(trust, ehr):
    assert check(trust, ehr.token(aud=["https://another.example", SERVICE]))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://stranger.example"}, "is no EHR of the configuration"),
        ({"iss": None}, "is no EHR of the configuration"),
        ({"aud": "https://engraft.test/cds-services/regimen-standing"}, "aud is not"),
        ({"aud": "https://engraft.test"}, "aud is not"),
        ({"aud": None}, "needs the claims"),
        ({"exp": None}, "needs the claims"),
        ({"iat": None}, "needs the claims"),
        ({"jti": None}, "needs the claims"),
        ({"jti": "j" * 257}, "jti is a text"),
        ({"exp": AT - SKEW}, "has expired"),
        ({"exp": AT + LONGEST + SKEW + 1}, "holds for more than"),
        ({"iat": AT + SKEW + 1}, "is of the future"),
        ({"nbf": AT + SKEW + 1}, "is of the future"),
        ({"iat": True}, "seconds since 1970"),
        ({"exp": "soon"}, "seconds since 1970"),
    ],
)
def test_a_claim_that_is_wrong_or_missing_is_refused(trust, ehr, changes, why):
    assert why in refused(trust, ehr.token(**changes))


def test_an_empty_jti_is_none(trust, ehr):
    assert "jti is a text" in refused(trust, ehr.token(jti=""))


@pytest.mark.parametrize("part", ["exp", "iat"])
def test_clocks_may_differ_by_a_minute(trust, ehr, part):
    assert check(trust, ehr.token(**{part: AT - SKEW + 1 if part == "exp" else AT + SKEW}))


@pytest.mark.parametrize("header", [{"typ": "at+jwt"}, {"jku": "https://stranger.example/jwks.json"}])
def test_a_header_of_another_kind_or_with_keys_from_elsewhere_is_refused(trust, ehr, header):
    assert "its header" in refused(trust, ehr.token(header=header))


def test_a_header_that_says_what_must_be_understood_and_is_not_is_refused(trust, ehr):
    refused(trust, ehr.token(header={"crit": ["x"], "x": 1}))
    refused(trust, ehr.token(header={"crit": ["b64"], "b64": True}))


def test_a_token_without_the_name_of_its_key_is_refused(trust, ehr):
    said = {"iss": ISSUER, "aud": SERVICE, "iat": AT, "exp": AT + 9, "jti": "1"}
    assert "its header" in refused(trust, jwt.encode(said, ehr.private, algorithm="ES384"))


def test_a_key_that_the_ehr_has_not_is_refused(trust, ehr):
    stranger = SigningEhr()
    assert "signature is not by" in refused(trust, stranger.token())
    assert "none of the EHR's keys" in refused(trust, ehr.token(header={"kid": "k9"}))


def test_a_changed_claim_breaks_the_signature(trust, ehr):
    head, _, signature = ehr.token().split(".")
    _, claims, _ = ehr.token(jti="another").split(".")
    assert "signature" in refused(trust, f"{head}.{claims}.{signature}")


def test_no_signature_and_a_shared_secret_are_none(trust, ehr):
    """Also where the secret is the public key that everybody knows."""
    said = {"iss": ISSUER, "aud": SERVICE, "iat": AT, "exp": AT + 9, "jti": "1"}
    secret = json.dumps(ehr.public)[1:-1]
    for token in (
        jwt.encode(said, None, algorithm="none", headers={"kid": "k1"}),
        jwt.encode(said, secret, algorithm="HS384", headers={"kid": "k1"}),
    ):
        assert "as alg one of ES384, RS384" in refused(trust, token)


@pytest.mark.parametrize("token", ["", "a.b.c", "not a token", "e30.e30.", "\x00", "é.é.é"])
def test_what_is_no_jwt_is_refused(trust, token):
    refused(trust, token)


def test_a_token_is_taken_once_also_when_it_is_written_otherwise(trust, ehr):
    token = ehr.token(jti="once")
    check(trust, token)
    assert "taken before" in refused(trust, token)
    assert "taken before" in refused(trust, ehr.token(jti="once"))
    check(trust, ehr.token(jti="twice"))


def test_it_is_taken_once_by_all_processes_together(tmp_path, ehr, prepared, opened):
    ehrs = {"chu-a": Ehr("chu-a", ISSUER, "FR-037", jwks_file=published(tmp_path, ehr.public))}
    one, another = (Trust(ehrs, opened(prepared)) for _ in range(2))
    token = ehr.token(jti="once")
    check(one, token)
    assert "taken before" in refused(another, token)


def test_a_nonce_is_forgotten_when_its_token_no_longer_holds(trust, ehr):
    check(trust, ehr.token(jti="once"))
    later = NOW + timedelta(seconds=300 + SKEW + 1)
    fresh = {"iat": int(later.timestamp()), "exp": int(later.timestamp()) + 300}
    assert check(trust, ehr.token(jti="once", **fresh), later)


def test_a_refused_token_uses_up_no_nonce(trust, ehr):
    refused(trust, ehr.token(jti="mine", aud="https://another.example"))
    assert check(trust, ehr.token(jti="mine"))


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"alg": "ES256"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"crv": "P-256"},
        {"x": "AA"},
        {"d": "AA"},
    ],
)
def test_a_key_that_is_not_for_this_is_not_used(tmp_path, ehr, change, store):
    file = published(tmp_path, ehr.public | change)
    trust = Trust({"chu-a": Ehr("chu-a", ISSUER, "FR-037", jwks_file=file)}, store)
    assert "none of the EHR's keys" in refused(trust, ehr.token())


def test_a_short_rsa_key_is_not_used(tmp_path, store):
    weak = SigningEhr.with_rsa(1024)
    trust = Trust({"chu-a": Ehr("chu-a", ISSUER, "FR-037", jwks_file=published(tmp_path, weak.public))}, store)
    with pytest.warns(UserWarning, match="1024 bits"):
        token = weak.token()
    assert "none of the EHR's keys" in refused(trust, token)


def test_another_curve_is_none(tmp_path, ehr, store):
    wrong = SigningEhr(ec.generate_private_key(ec.SECP256R1()))
    trust = Trust({"chu-a": Ehr("chu-a", ISSUER, "FR-037", jwks_file=published(tmp_path, wrong.public))}, store)
    assert "none of the EHR's keys" in refused(trust, ehr.token())


def test_a_rotated_key_counts_at_once(tmp_path, ehr, store):
    file, new = published(tmp_path, ehr.public), SigningEhr(kid="k2")
    trust = Trust({"chu-a": Ehr("chu-a", ISSUER, "FR-037", jwks_file=file)}, store)
    refused(trust, new.token())
    published(tmp_path, new.public)
    check(trust, new.token())
    refused(trust, ehr.token())


@pytest.mark.parametrize("content", [None, "{", '{"keys": 3}'])
def test_where_the_keys_are_away_nothing_is_taken(tmp_path, ehr, content, store):
    file = tmp_path / "jwks.json"
    if content:
        file.write_text(content)
    trust = Trust({"chu-a": Ehr("chu-a", ISSUER, "FR-037", jwks_file=file)}, store)
    with pytest.raises(Unavailable, match="keys of the EHR chu-a cannot be read"):
        check(trust, ehr.token())


@responses.activate
def test_keys_may_be_where_the_ehr_publishes_them_and_the_token_may_say_so(ehr, store):
    url = "https://ehr.chu-a.example/jwks.json"
    responses.get(url, json={"keys": [ehr.public]})
    trust = Trust({"chu-a": Ehr("chu-a", ISSUER, "FR-037", jwks_url=url)}, store)
    assert check(trust, ehr.token(header={"jku": url}))
    assert check(trust, ehr.token())
    refused(trust, ehr.token(header={"jku": f"{url}?x"}))
    assert len(responses.calls) == 1


def test_an_ehr_of_several_houses_tells_which_by_its_tenant(tmp_path, ehr, store):
    file = published(tmp_path, ehr.public)
    trust = Trust(
        {
            "a": Ehr("a", ISSUER, "FR-037", tenant="chu-a", jwks_file=file),
            "b": Ehr("b", ISSUER, "BE-001", tenant="uz-b", jwks_file=file),
        },
        store,
    )
    assert check(trust, ehr.token(tenant="uz-b")) == Client("ehr:b", "ehr", "BE-001")
    assert check(trust, ehr.token(tenant="chu-a", jti=uuid4().hex)).centre == "FR-037"
    for tenant in (None, "another"):
        assert "is no EHR" in refused(trust, ehr.token(tenant=tenant))


def test_the_keys_of_one_ehr_open_nothing_of_another(tmp_path, ehr, other, store):
    (tmp_path / "b").mkdir()
    trust = Trust(
        {
            "a": Ehr("a", ISSUER, "FR-037", jwks_file=published(tmp_path, ehr.public)),
            "b": Ehr("b", "https://b.example", "BE-001", jwks_file=published(tmp_path / "b", other.public)),
        },
        store,
    )
    assert "signature is not by" in refused(trust, SigningEhr(kid="k1").token())
    refused(trust, ehr.token(iss="https://b.example"))
