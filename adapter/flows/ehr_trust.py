"""An EHR shows by a JWT that it signed that a call of CDS Hooks is its own (CDS Hooks 2.0, "Trusting CDS Clients").

`iss` (and `tenant`) name one EHR of the configuration; its keys alone count, wherever else the token points. `aud` is
the address that is called, `exp` and `iat` hold now, and a `jti` is taken once, by whichever process it comes to.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from adapter.config import Ehr
from adapter.errors import NotAllowed, Unavailable
from adapter.hospital.jwks import KeySet, read
from adapter.store import Store
from adapter.store.clients import Client

SKEW = 60
"""Seconds by which the two clocks may differ."""

LONGEST = 3600
"""Seconds from now to `exp` at most. Our own limit, the specification has none: so long is a `jti` kept."""

LEAST_BITS = 2048
"""Of an RSA key. Source: RFC 7518 section 3.3."""

_TYPES = {"ES384": "EC", "RS384": "RSA"}
"""Algorithms that are taken, with the type of their keys. Source: CDS Hooks 2.0; both sign with a private key."""

_NEEDED = ("iss", "aud", "exp", "iat", "jti")
_UNREAD = "it is no JWT"


class Trust:
    """The EHRs of a deployment. One for all threads of a process; what was taken is remembered in the store."""

    def __init__(self, ehrs: Mapping[str, Ehr], store: Store) -> None:
        self._ehrs, self._store = tuple(ehrs.values()), store
        self._sets = {one.name: KeySet(one.jwks_url) for one in self._ehrs if one.jwks_url}

    def check(self, token: str, audiences: Collection[str], now: datetime) -> Client:
        """Who signed it, as a client of its centre. Raises NotAllowed (401), Unavailable where its keys are away."""
        header, unproven = _parts(token)
        ehr = self._named(unproven)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in _TYPES or str(header.get("typ", "")).upper() != "JWT" or not isinstance(kid, str):
            raise _refusal(f"its header needs typ JWT, a kid, and as alg one of {', '.join(_TYPES)}")
        if "crit" in header or header.get("jku", ehr.jwks_url) != ehr.jwks_url:
            raise _refusal("its header names a jku that is not configured, or what is not understood here")
        claims = self._proven(token, ehr, str(algorithm), kid, audiences)
        until, nonce = _in_time(claims, now.timestamp()), _nonce(claims)
        with self._store.transaction() as tx:
            if not tx.hook_tokens.take(ehr.name, nonce, datetime.fromtimestamp(until, UTC), now):
                raise _refusal("its jti was taken before")
        return Client(f"ehr:{ehr.name}", "ehr", ehr.centre)

    def _named(self, claims: Mapping[str, Any]) -> Ehr:
        same = [one for one in self._ehrs if one.issuer == claims.get("iss")]
        found = [one for one in same if one.tenant in (None, claims.get("tenant"))]
        if not found:
            raise _refusal("its iss, with its tenant, is no EHR of the configuration")
        return found[0]

    def _proven(self, token: str, ehr: Ehr, algorithm: str, kid: str, audiences: Collection[str]) -> dict[str, Any]:
        """The claims, once one of the EHR's keys of that name is found to have signed them."""
        # here, because it brings cryptography, which nothing else in the web application needs
        import jwt

        options: Any = {"require": list(_NEEDED), "verify_exp": False, "verify_iat": False, "verify_nbf": False}
        why = "none of the EHR's keys has its kid"
        for key in filter(None, (_usable(one, algorithm) for one in self._keys(ehr, kid))):
            try:
                # times are compared by the clock of this server's settings
                return dict(
                    jwt.decode(token, key, [algorithm], options=options, audience=list(audiences), issuer=ehr.issuer)
                )
            except jwt.InvalidSignatureError:
                why = "its signature is not by the EHR's key"
            except jwt.InvalidAudienceError:
                why = f"its aud is not {' or '.join(sorted(audiences))}"
            except jwt.PyJWTError:
                why = f"it needs the claims {', '.join(_NEEDED)}"
        raise _refusal(why)

    def _keys(self, ehr: Ehr, kid: str) -> list[dict[str, Any]]:
        if ehr.jwks_file is None:
            return self._sets[ehr.name].named(kid)
        try:
            # read each time, so that a rotated key counts without a restart
            found = read(ehr.jwks_file.read_bytes())
        except (OSError, ValueError) as error:
            raise Unavailable(f"the keys of the EHR {ehr.name} cannot be read") from error
        return [one for one in found if one.get("kid") == kid]


def _refusal(why: str) -> NotAllowed:
    return NotAllowed(f"this JWT is not accepted: {why}", 401)


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, of which nothing is proven."""
    import jwt

    try:
        return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError):
        raise _refusal(_UNREAD) from None


def _usable(key: Mapping[str, Any], algorithm: str) -> Any:
    """The public key, None where it is none for this algorithm."""
    import jwt

    right = key.get("kty") == _TYPES[algorithm] and key.get("alg", algorithm) == algorithm
    if not right or key.get("use", "sig") != "sig" or "d" in key:
        return None
    if algorithm == "ES384" and key.get("crv") != "P-384":
        return None
    try:
        public = jwt.PyJWK(dict(key), algorithm).key
    except (jwt.PyJWTError, ValueError):
        return None
    return None if algorithm == "RS384" and public.key_size < LEAST_BITS else public


def _in_time(claims: Mapping[str, Any], now: float) -> float:
    """Until when it holds."""
    moments = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
    if not all(_is_moment(said) for said in moments.values()):
        raise _refusal("exp, iat and nbf are seconds since 1970")
    if moments["exp"] + SKEW <= now:
        raise _refusal("it has expired")
    if moments["exp"] > now + LONGEST + SKEW:
        raise _refusal(f"it holds for more than {LONGEST} seconds")
    if max(moments["iat"], moments.get("nbf", 0)) > now + SKEW:
        raise _refusal("it is of the future")
    return float(moments["exp"] + SKEW)


def _is_moment(said: Any) -> bool:
    return isinstance(said, int | float) and not isinstance(said, bool) and math.isfinite(said)


def _nonce(claims: Mapping[str, Any]) -> str:
    said = claims["jti"]
    if not isinstance(said, str) or not 0 < len(said) <= 256:
        raise _refusal("its jti is a text of at most 256 signs")
    return said
