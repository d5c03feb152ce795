"""Pseudonyms and secret day counts of one recipient, from its key: who has it can find back, nobody else can."""

from __future__ import annotations

import hmac
import re
from datetime import date, timedelta

SHORTEST_KEY = 16
"""Bytes of the shortest key that is accepted; `engraft config init` makes 32."""

FARTHEST = 364
"""Dates go back by 1 to this many days: never forward, so that no date comes to lie after today."""

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T\S+)?)?)?")


def key_for(registry: str, key: bytes) -> bytes:
    """The key of one registry, made from the centre's one: two registries have nothing that they could match by.

    HMAC-SHA256 as a key derivation, under a purpose that no pseudonym has. Another name of the registry is another key.
    Raises ValueError for a key that could be guessed.
    """
    require_long(key)
    return hmac.digest(key, f"registry\0{registry}".encode(), "sha256")


def require_long(key: bytes) -> None:
    """Raises ValueError for a key that could be guessed."""
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"a pseudonym key has at least {SHORTEST_KEY} bytes")


class Pseudonyms:
    """HMAC-SHA256 under `key`, apart for each purpose. Raises ValueError for a key that could be guessed."""

    def __init__(self, key: bytes) -> None:
        require_long(key)
        self._ids, self._values, self._days = (
            hmac.new(key, f"{purpose}\0".encode(), "sha256") for purpose in ("id", "identifier", "days")
        )

    def id(self, kind: str, identity: str) -> str:
        """The id under which a resource leaves, in the form of a UUID (version 8, RFC 9562)."""
        digest = bytearray(_of(self._ids, f"{kind}/{identity}")[:16])
        digest[6], digest[8] = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80
        text = digest.hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def value(self, kind: str, identity: str) -> str:
        """The identifier that takes the place of all others, 64 hexadecimal digits."""
        return _of(self._values, f"{kind}/{identity}").hex()

    def days(self, patient: str) -> int:
        """By how many days all dates of a patient go back."""
        return 1 + int.from_bytes(_of(self._days, patient)[:8]) % FARTHEST


def _of(begun: hmac.HMAC, text: str) -> bytes:
    """Of the purpose and this: the key is worked in once, not for every id."""
    mac = begun.copy()
    mac.update(text.encode())
    return mac.digest()


def move_back(written: str, days: int) -> str | None:
    """A date or dateTime moved back and cut to its day, month or year; None where it is no date.

    A month moves as its 15th and a year as its 1 July would, and is cut again: it may be off by half of itself.
    """
    match = _DATE.fullmatch(written)
    if not match:
        return None
    year, month, day = match.groups()
    try:
        moved = date(int(year), int(month or 7), int(day or (15 if month else 1))) - timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return moved.isoformat()[: 10 if day else 7 if month else 4]
