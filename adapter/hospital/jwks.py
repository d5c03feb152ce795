"""The public keys of an EHR, as it publishes them: a JWK Set (RFC 7517), kept for some minutes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import requests

from adapter.errors import Unavailable
from adapter.hospital import body

FRESH = 300.0
"""Seconds that a set is used before it is fetched again: so long is a key believed that its owner has taken back."""

PAUSE = 10.0
"""Seconds between two fetches for keys that were not there, or could not be had: whoever invents names of keys makes no
traffic, and while the EHR's server is away those who call do not stand in line for its timeout.
"""

TIMEOUT = (3.0, 5.0)
LARGEST = 200_000
"""Bytes of a set."""

LONGEST = 10.0
"""Seconds that it may take: whoever calls by one of its keys waits for it."""


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
        self._failed: tuple[float, Unavailable] | None = None

    def named(self, kid: str) -> list[dict[str, Any]]:
        """Its keys of this name. Raises Unavailable where the set cannot be fetched."""
        with self._lock:
            age = None if self._fetched is None else self._monotonic() - self._fetched
            unknown = not any(one.get("kid") == kid for one in self._keys)
            if age is None or age >= FRESH or (unknown and age >= PAUSE):
                self._keys, self._fetched = self._renewed(), self._monotonic()
            return [one for one in self._keys if one.get("kid") == kid]

    def _renewed(self) -> list[dict[str, Any]]:
        if self._failed and self._monotonic() - self._failed[0] < PAUSE:
            raise Unavailable(str(self._failed[1]), PAUSE)
        try:
            return _fetch(self._session, self._url)
        except Unavailable as error:
            self._failed = self._monotonic(), error
            raise


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
            if answer.status_code != 200:
                raise Unavailable(f"the keys at {url} cannot be had: status {answer.status_code}")
            return read(body.read(answer, LARGEST, LONGEST))
    except body.Endless as error:
        raise Unavailable(f"the keys at {url} cannot be had: the answer is {error}") from error
    except ValueError as error:
        raise Unavailable(f"the keys at {url} cannot be read: {error}") from error
    except (requests.RequestException, OSError) as error:
        raise Unavailable(f"the keys at {url} cannot be had ({type(error).__name__})") from error
