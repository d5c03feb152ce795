"""
SMART Backend Services: a token for our signed assertion.

Where the token endpoint is: the hospital's own `.well-known/smart-configuration`, else the `oauth-uris` of its
CapabilityStatement (older servers), unless the configuration says it.

Source: SMART App Launch 2.2.0, Backend Services (client_credentials with a private_key_jwt assertion of at most five
minutes; RS384 or ES384); RFC 7523; RFC 6749 section 5.2.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import requests

from adapter.hospital.answer import NoToken, dicts
from adapter.hospital.origin import origin
from adapter.hospital.token import Registration, Token
from adapter.keys import SigningKey

__all__ = ["BackendToken", "Registration"]

ASSERTED_SECONDS = 240
"""Life of an assertion; SMART allows five minutes, and the two clocks may differ."""

OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
BEARER_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class BackendToken(Token):
    """`key` is asked for at each assertion, so that a rotated key counts without a restart. `clock` gives seconds."""

    def __init__(
        self,
        registration: Registration,
        key: Callable[[], SigningKey],
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(registration, session, monotonic)
        self._key, self._clock = key, clock

    def _shown(self, endpoint: str) -> dict[str, Any]:
        now = int(self._clock())
        who = {"iss": self._of.client_id, "sub": self._of.client_id, "aud": endpoint}
        assertion = self._key().sign(who | {"iat": now, "exp": now + ASSERTED_SECONDS, "jti": str(uuid4())})
        form = {
            "grant_type": "client_credentials",
            "scope": self._of.scope,
            "client_assertion_type": BEARER_ASSERTION,
            "client_assertion": assertion,
        }
        return {"data": form}

    def _discovered(self) -> str:
        base = self._of.base_url
        answer = self._ask("GET", f"{base}/.well-known/smart-configuration")
        url = self._content(answer).get("token_endpoint") if answer.status == 200 else None
        if not url:
            url = _oauth_uri(self._content(self._ask("GET", f"{base}/metadata")))
        if not isinstance(url, str) or not _is_of_the_web(url):
            raise NoToken(f"{self._of.name}: says nowhere where tokens come from; set auth.token_url")
        if urlsplit(base).scheme == "https" and urlsplit(url).scheme != "https":
            raise NoToken(f"{self._of.name}: names a token endpoint without TLS")
        return url


def _is_of_the_web(url: str) -> bool:
    try:
        scheme, host, _ = origin(url)
    except ValueError:
        return False
    return scheme in ("http", "https") and bool(host)


def _oauth_uri(capability: Mapping[str, Any]) -> Any:
    for rest in dicts(capability.get("rest")):
        for extension in dicts((dicts([rest.get("security")]) or [{}])[0].get("extension")):
            if extension.get("url") == OAUTH_URIS:
                for part in dicts(extension.get("extension")):
                    if part.get("url") == "token":
                        return part.get("valueUri")
    return None
