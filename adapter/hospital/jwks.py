"""The public keys of an EHR, as it publishes them: a JWK Set (RFC 7517), kept for some minutes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import requests

from adapter.errors import Unavailable

FRESH = 300.0
"""Seconds that a set is used before it is fetched again: so long is a key believed that its owner has taken back."""

PAUSE = 10.0
"""Seconds between two fetches for keys that were not there: whoever invents names of keys makes no traffic."""

TIMEOUT = (3.0, 5.0)
LARGEST = 200_000
"""Bytes of a set."""


class KeySet:
    """The set at one URL. One for all threads of a process. A redirection is no answer."""

    def __init__(
        self, url: str, session: requests.Session | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._url, self._monotonic = url, monotonic
        self._session = session or requests.Session()
        self._lock = threading.Lock()
        self._keys: list[dict[str, Any]] = []
        self._fetched: float | None = None

    def named(self, kid: str) -> list[dict[str, Any]]:
        """Its keys of this name. Raises Unavailable where the set cannot be fetched."""
        with self._lock:
            age = None if self._fetched is None else self._monotonic() - self._fetched
            unknown = not any(one.get("kid") == kid for one in self._keys)
            if age is None or age >= FRESH or (unknown and age >= PAUSE):
                self._keys, self._fetched = _fetch(self._session, self._url), self._monotonic()
            return [one for one in self._keys if one.get("kid") == kid]


def read(content: bytes) -> list[dict[str, Any]]:
    """The keys of a set. Raises ValueError where it is none."""
    try:
        said = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise ValueError("it is not JSON") from error
    keys = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(keys, list) or not all(isinstance(one, dict) for one in keys):
        raise ValueError('it is no JWK Set: {"keys": [...]}')
    return keys


def _fetch(session: requests.Session, url: str) -> list[dict[str, Any]]:
    headers = {"Accept": "application/json", "User-Agent": "Engraft"}
    try:
        with session.get(url, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True) as answer:
            body = answer.raw.read(LARGEST + 1, decode_content=True)
            if answer.status_code != 200 or len(body) > LARGEST:
                raise Unavailable(f"the keys at {url} cannot be had: status {answer.status_code}")
            return read(body)
    except ValueError as error:
        raise Unavailable(f"the keys at {url} cannot be read: {error}") from error
    except (requests.RequestException, OSError) as error:
        raise Unavailable(f"the keys at {url} cannot be had ({type(error).__name__})") from error
