"""An EHR that signs its calls of CDS Hooks, with keys made for the test."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://ehr.chu-a.example"
NOW = datetime(2026, 9, 3, 10, 0, tzinfo=UTC)
SERVICE = "https://engraft.test/cds-services/order-check"


@dataclass
class SigningEhr:
    """Its private key, and the one of which its header tells."""

    private: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP384R1()))
    algorithm: str = "ES384"
    kid: str = "k1"

    @classmethod
    def with_rsa(cls, bits: int = 2048, **more: Any) -> SigningEhr:
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=bits), "RS384", **more)

    @property
    def public(self) -> dict[str, Any]:
        made = RSAAlgorithm if self.algorithm == "RS384" else ECAlgorithm
        return made.to_jwk(self.private.public_key(), as_dict=True) | {"kid": self.kid}

    def token(self, header: dict[str, Any] | None = None, key: Any = None, **changes: Any) -> str:
        """A sound token but for the changes; None leaves a claim out."""
        now = int(NOW.timestamp())
        claims = {"iss": ISSUER, "aud": SERVICE, "iat": now, "exp": now + 300, "jti": uuid4().hex} | changes
        said = {name: value for name, value in claims.items() if value is not None}
        named = {"kid": self.kid} | (header or {})
        algorithm = named.pop("alg", self.algorithm)
        return jwt.encode(said, key or self.private, algorithm=algorithm, headers=named)


def published(folder: Path, *keys: dict[str, Any]) -> Path:
    """A file with the set of these keys."""
    file = folder / "jwks.json"
    file.write_text(json.dumps({"keys": keys}), "utf-8")
    return file
