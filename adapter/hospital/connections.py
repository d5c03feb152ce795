"""From the names in the configuration to clients: one per destination, made when first needed, its secret read then."""

from __future__ import annotations

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from adapter.config import Auth, Settings
from adapter.errors import Refused
from adapter.hospital.client import HospitalClient


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
            self._clients[name] = HospitalClient(name, there.base_url, _credentials(there.auth), timeout=there.timeout)
        return self._clients[name]

    def close(self) -> None:
        """Closes every client."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _credentials(auth: Auth) -> AuthBase | None:
    if auth.kind == "none" or auth.secret is None:
        return None
    secret = auth.secret.read()
    if auth.kind == "bearer":
        return _Bearer(secret)
    if auth.kind == "basic":
        return HTTPBasicAuth((auth.user or "").encode(), secret.encode())
    raise Refused(f"hospitals.auth kind {auth.kind} is not yet supported")
