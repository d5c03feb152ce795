"""From the names in the configuration to clients: one per destination, made when first needed, its secret read then.

Each worker has Connections of its own, because a session of `requests` is not shared between threads. The Tokens are
one for the process: whoever comes first fetches a server's token, and the others use it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from adapter.config import Hospital, Registry, Secret, Settings
from adapter.errors import Refused
from adapter.hospital.answer import NoToken
from adapter.hospital.client import HospitalClient
from adapter.hospital.origin import speak, tls_faults
from adapter.hospital.token import Registration, SecretToken, Token

if TYPE_CHECKING:
    from adapter.hospital.smart import BackendToken


class Tokens:
    """What signs requests to servers that want a token; threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[str, Token] = {}
        self._lock = threading.Lock()

    def of(self, there: Hospital | Registry) -> Token:
        """The one token of a server, fetched when it is first used. Raises Refused where there is no key for it."""
        with self._lock:
            if there.name not in self._known:
                self._known[there.name] = self._made(there)
            return self._known[there.name]

    def close(self) -> None:
        """Gives the connections to the token endpoints back."""
        with self._lock:
            for token in self._known.values():
                token.close()
            self._known.clear()

    def _made(self, there: Hospital | Registry) -> Token:
        return _oauth(there) if there.auth.kind == "oauth" else self._backend(there)

    def _backend(self, there: Hospital | Registry) -> BackendToken:
        # here, because signing brings cryptography, which most deployments do without
        from adapter import keys
        from adapter.hospital.smart import BackendToken

        auth, secrets = there.auth, self._settings.signing_keys
        keys.chosen(secrets, auth.algorithm)  # told now and not at the first delivery
        registration = Registration(there.name, there.base_url, auth.client_id or "", auth.scope or "", auth.token_url)
        session = requests.Session()
        speak(session, there.tls)
        return BackendToken(registration, lambda: keys.chosen(secrets, auth.algorithm), session)


class Connections:
    """Gives the client for a hospital or registry by its name; close it when the work is done.

    `tokens`: shared with others, who close it; None: its own.
    """

    def __init__(self, settings: Settings, tokens: Tokens | None = None) -> None:
        self._settings = settings
        self._tokens, self._own = tokens or Tokens(settings), tokens is None
        self._clients: dict[str, HospitalClient] = {}

    def __call__(self, name: str) -> HospitalClient:
        """The client. Raises Refused where the name is not configured, or its secret or TLS cannot be used."""
        if name not in self._clients:
            settings = self._settings
            there = settings.hospitals.get(name) or settings.registries.get(name)
            if there is None:
                raise Refused(f"no hospital or registry is called {name}")
            for key, why in tls_faults(there.tls).items():
                raise Refused(f"tls.{key} of {name}: {why}")
            auth = self._credentials(there)
            veiled = isinstance(there, Registry)
            self._clients[name] = HospitalClient(
                name, there.base_url, auth, tls=there.tls, veiled=veiled, timeout=there.timeout
            )
        return self._clients[name]

    def close(self) -> None:
        """Closes every client."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if self._own:
            self._tokens.close()

    def _credentials(self, there: Hospital | Registry) -> AuthBase | None:
        auth = there.auth
        if auth.kind in ("smart-backend", "oauth"):
            return self._tokens.of(there)
        if auth.kind == "none" or auth.secret is None:
            return None
        auth.secret.read()  # told now and not at the first delivery
        return _Shown(there.name, auth.secret, (auth.user or "") if auth.kind == "basic" else None)


def _oauth(there: Hospital | Registry) -> SecretToken:
    auth = there.auth
    registration = Registration(there.name, there.base_url, auth.client_id or "", auth.scope or "", auth.token_url)
    session = requests.Session()
    speak(session, there.tls)
    return SecretToken(
        registration,
        lambda: _secret(auth.secret),
        (lambda: (auth.user or "", _secret(auth.password))) if auth.password else None,
        session,
    )


def _secret(secret: Secret | None) -> str:
    return secret.read() if secret else ""


class _Shown(AuthBase):
    """A secret as bearer, or with the name of `user`. Read at each request, so that a rotated one counts at once.

    Raises NoToken where it cannot be read any more: the content is not to blame.
    """

    def __init__(self, name: str, secret: Secret, user: str | None) -> None:
        self._name, self._secret, self._user = name, secret, user

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        try:
            secret = self._secret.read()
        except Refused as error:
            raise NoToken(f"{self._name}: {error}") from error
        if self._user is None:
            request.headers["Authorization"] = f"Bearer {secret}"
        else:
            HTTPBasicAuth(self._user.encode(), secret.encode())(request)
        return request
