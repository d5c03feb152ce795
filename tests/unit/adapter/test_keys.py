"""The keys that sign for SMART Backend Services, and what is published of them."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import import_key

from adapter import keys
from adapter.config import Secret
from adapter.errors import Refused


def pem(private, folder: Path, password: bytes | None = None) -> Secret:
    how = BestAvailableEncryption(password) if password else NoEncryption()
    file = folder / "synthetic.pem"
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    return Secret(file=file)


def made(folder: Path, algorithm: str) -> Secret:
    file = folder / f"{algorithm}.pem"
    file.write_text(keys.new(algorithm))
    return Secret(file=file)


@pytest.mark.parametrize(("algorithm", "kind"), [("ES384", "EC"), ("RS384", "RSA")])
def test_what_a_new_key_signs_is_verified_by_what_is_published_of_it(tmp_path, algorithm, kind):
    secret = made(tmp_path, algorithm)
    published = keys.published([secret])["keys"][0]
    signed = keys.read(secret).sign({"iss": "engraft", "aud": "https://hospital.example/token"})
    header = jwt.get_unverified_header(signed)
    assert (published["kty"], published["use"], published["alg"]) == (kind, "sig", algorithm)
    assert header["kid"] == published["kid"]
    found = jwt.decode(signed, jwt.PyJWK(published), algorithms=[algorithm], audience="https://hospital.example/token")
    assert found["iss"] == "engraft"


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_nothing_private_is_published_and_the_kid_is_the_thumbprint_that_others_reckon(tmp_path, algorithm):
    published = keys.published([made(tmp_path, algorithm)])["keys"][0]
    assert not {"d", "p", "q", "dp", "dq", "qi"} & published.keys()
    assert published["kid"] == import_key(published).thumbprint()


def test_every_key_is_published_and_the_first_of_an_algorithm_signs(tmp_path):
    both = [made(tmp_path, "ES384"), made(tmp_path, "RS384")]
    assert len(keys.published(both)["keys"]) == 2
    assert keys.chosen(both, None).algorithm == "ES384"
    assert keys.chosen(both, "RS384").algorithm == "RS384"
    with pytest.raises(Refused, match="RS384"):
        keys.chosen(both[:1], "RS384")
    with pytest.raises(Refused, match="engraft config key"):
        keys.chosen([], None)


def test_a_key_that_smart_does_not_allow_is_refused(tmp_path):
    with pytest.raises(Refused, match="neither RSA of 2048"):
        keys.read(pem(rsa.generate_private_key(public_exponent=65537, key_size=1024), tmp_path))
    with pytest.raises(Refused, match="P-384"):
        keys.read(pem(ec.generate_private_key(ec.SECP256R1()), tmp_path))


def test_what_is_no_open_private_key_is_refused_without_quoting_it(tmp_path):
    locked = pem(ec.generate_private_key(ec.SECP384R1()), tmp_path, b"synthetic")
    with pytest.raises(Refused, match="without a passphrase"):
        keys.read(locked)
    locked.file.write_text("-----BEGIN PRIVATE KEY-----\nsynthetic-words\n-----END PRIVATE KEY-----\n")
    with pytest.raises(Refused) as told:
        keys.read(locked)
    assert "synthetic-words" not in str(told.value)


def test_a_key_tells_its_name_and_nothing_else_where_it_is_printed(tmp_path):
    key = keys.read(made(tmp_path, "ES384"))
    assert repr(key) == f"SigningKey(ES384, {key.kid})"
