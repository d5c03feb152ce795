"""From the names in the configuration to clients: one per destination, made when first needed, its secret read then."""

from __future__ import annotations

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from adapter.config import Hospital, Registry, Settings
from adapter.errors import Refused
from adapter.hospital.client import HospitalClient
from adapter.hospital.origin import speak


class Connections:
    """Gives the client for a hospital or registry by its name; close it when the work is done."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: dict[str, HospitalClient] = {}

    def __call__(self, name: str) -> HospitalClient:
        """The client. Raises Refused where the name is not configured or its secret cannot be read."""
        if name not in self._clients:
            settings = self._settings
            there = settings.hospitals.get(name) or settings.registries.get(name)
            if there is None:
                raise Refused(f"no hospital or registry is called {name}")
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

    def _credentials(self, there: Hospital | Registry) -> AuthBase | None:
        auth = there.auth
        if auth.kind == "smart-backend":
            return self._backend(there)
        if auth.kind == "none" or auth.secret is None:
            return None
        secret = auth.secret.read()
        return _Bearer(secret) if auth.kind == "bearer" else HTTPBasicAuth((auth.user or "").encode(), secret.encode())

    def _backend(self, there: Hospital | Registry) -> AuthBase:
        # here, because signing brings cryptography, which most deployments do without
        from adapter import keys
        from adapter.hospital.smart import BackendToken, Registration

        auth, secrets = there.auth, self._settings.signing_keys
        keys.chosen(secrets, auth.algorithm)  # told now and not at the first delivery
        registration = Registration(there.name, there.base_url, auth.client_id or "", auth.scope or "", auth.token_url)
        session = requests.Session()
        speak(session, there.tls)
        return BackendToken(registration, lambda: keys.chosen(secrets, auth.algorithm), session)


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request
