"""
The keys that we sign with where a hospital asks for SMART Backend Services, and what we publish of them.

`[smart] keys` names private keys as PEM, the one to use first. Every one of them is published, so that a key can be
announced before it signs and stay known until the last server has forgotten what it signed: put the new one at the
end, wait, move it to the front, wait, take the old one out.

Source: SMART App Launch 2.2.0, "Asymmetric client authentication": RS384 or ES384, JWK with `kid` and `use`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

from adapter.config import Secret
from adapter.errors import Refused

ALGORITHMS = ("ES384", "RS384")
LEAST_BITS = 2048
"""Of an RSA key. Source: RFC 7518 section 3.3."""

_THUMBED = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, the algorithm that it signs by, and its public half with the name that others know it by."""

    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    algorithm: str
    public: dict[str, Any]

    @property
    def kid(self) -> str:
        """The key's thumbprint (RFC 7638): the same key has the same name everywhere."""
        return str(self.public["kid"])

    def sign(self, claims: dict[str, Any]) -> str:
        """A JWT of these claims."""
        return jwt.encode(claims, self.private, algorithm=self.algorithm, headers={"kid": self.kid})

    def __repr__(self) -> str:
        return f"SigningKey({self.algorithm}, {self.kid})"


def read(secret: Secret) -> SigningKey:
    """The key in a PEM without a passphrase. Raises Refused where it is none that SMART allows."""
    try:
        private = load_pem_private_key(secret.read().encode(), password=None)
    except (ValueError, TypeError):
        # the words of the library may hold parts of the file
        raise Refused(f"the key in {secret} is not a private key as PEM without a passphrase") from None
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= LEAST_BITS:
        return _named(private, "RS384", RSAAlgorithm.to_jwk(private.public_key(), as_dict=True))
    if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP384R1):
        return _named(private, "ES384", ECAlgorithm.to_jwk(private.public_key(), as_dict=True))
    raise Refused(f"the key in {secret} is neither RSA of {LEAST_BITS} bits or more nor on the curve P-384")


def new(algorithm: str) -> str:
    """A fresh private key as PEM."""
    private = (
        ec.generate_private_key(ec.SECP384R1())
        if algorithm == "ES384"
        else rsa.generate_private_key(public_exponent=65537, key_size=3072)
    )
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def chosen(secrets: Iterable[Secret], algorithm: str | None) -> SigningKey:
    """The first key of the algorithm, of any where none is asked for. Raises Refused where there is none."""
    for secret in secrets:
        key = read(secret)
        if algorithm in (None, key.algorithm):
            return key
    raise Refused(f"[smart] keys names no {algorithm or 'private'} key: engraft config key")


def published(secrets: Iterable[Secret]) -> dict[str, Any]:
    """The JWK Set of the public halves. Raises Refused."""
    return {"keys": [read(secret).public for secret in secrets]}


def _named(private: Any, algorithm: str, jwk: dict[str, Any]) -> SigningKey:
    parts = {name: jwk[name] for name in _THUMBED[jwk["kty"]]}
    thumb = sha256(json.dumps(parts, separators=(",", ":"), sort_keys=True).encode()).digest()
    kid = base64url_encode(thumb).decode()
    return SigningKey(private, algorithm, parts | {"kid": kid, "use": "sig", "alg": algorithm, "key_ops": ["verify"]})
