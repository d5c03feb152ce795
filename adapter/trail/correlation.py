"""Where the work at hand comes from: one number that goes along from a request to the hospital's answer.

It is kept in a context variable, because every room needs it and none works with it; it is read in four places only: by
the log, by the store (submissions, outbox and inbox), by the way out to hospitals, and by the answer to the caller.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from hmac import digest
from typing import Protocol

FORM = re.compile(r"[A-Za-z0-9._:-]{1,64}")
"""What is taken over from a caller; it stands in logs and goes on to the hospital."""

TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}(?P<more>-.{0,400})?"
)


class Headers(Protocol):
    """Those of a request."""

    def get(self, key: str, default: str, /) -> str:
        """The value, or the default."""


_number: ContextVar[str | None] = ContextVar("engraft_correlation", default=None)
_VEIL = secrets.token_bytes(32)


def current() -> str | None:
    """The number of the work at hand; None outside of any."""
    return _number.get()


def new() -> str:
    """A number that nobody else has."""
    # here, because a command that only reckons needs none
    from uuid import uuid4

    return str(uuid4())


@contextmanager
def following(number: str | None) -> Iterator[None]:
    """Within the block the work at hand is that of `number`."""
    token = _number.set(number)
    try:
        yield
    finally:
        _number.reset(token)


def veiled(number: str) -> str:
    """Another number for the same work, for those who must not learn the first: it may be known where the patient is.

    The same as long as this process lives, so that several requests of one delivery belong together.
    """
    return digest(_VEIL, number.encode(), sha256).hex()[:32]


def told_by(headers: Headers) -> str:
    """The caller's own number where it gives one of the right form, else a new one.

    `X-Request-Id`, `X-Correlation-Id`, or the trace of a W3C `traceparent`, in this order.
    """
    for name in ("X-Request-Id", "X-Correlation-Id"):
        given = headers.get(name, "")
        if FORM.fullmatch(given):
            return given
    parent = traceparent(headers)
    return parent.split("-")[1] if parent else new()


def traceparent(headers: Headers) -> str | None:
    """The W3C `traceparent` where it is one. Source: W3C Trace Context, section 3.2.2."""
    given = headers.get("traceparent", "")
    found = TRACEPARENT.fullmatch(given)
    if not found or found["version"] == "ff" or not found["trace"].strip("0") or not found["span"].strip("0"):
        return None
    return given if found["version"] != "00" or not found["more"] else None
