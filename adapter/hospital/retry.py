"""How long to wait before asking a hospital again: pure functions, chance and clocks come in as arguments."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

FIRST = 2.0
"""Seconds: upper bound of the first wait."""

CAP = 900.0
"""Seconds: the longest wait of our own; a hospital that comes back gets its rows within a quarter of an hour."""

LEAST = 1.0
"""Seconds: chance may not make a busy loop against a server that is down."""

LONGEST_ASKED = 86_400.0
"""Seconds: a Retry-After beyond a day is cut to a day; somebody should look at the queue by then."""


def delay(attempt: int, jitter: float, *, asked: float | None = None) -> float:
    """Seconds to wait after failed try number `attempt` (from 1): capped exponential back-off with full jitter.

    `jitter` is a random number in [0, 1), chosen by the caller. What the server `asked` for (Retry-After, seconds) is
    a lower bound, to which the jitter is added, so that waiting workers do not come back all at once.
    Source: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter").
    """
    bound = min(CAP, FIRST * 2.0 ** min(attempt - 1, 30))
    own = max(LEAST, jitter * bound)
    if asked is None:
        return own
    return min(max(asked, 0.0), LONGEST_ASKED) + jitter * FIRST if asked > own else own


def retry_after(value: str | None, date: str | None = None) -> float | None:
    """Seconds that a `Retry-After` header asks for: a number, or an HTTP date counted from the answer's own `Date`.

    The answer's `Date` and not our clock, because the two clocks need not agree. None where nothing usable was said.
    Source: RFC 9110 section 10.2.3.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until, sent = instant(text), instant(date or "")
    return max(0.0, until - sent) if until is not None and sent is not None else None


def instant(text: str) -> float | None:
    """Seconds since 1970 of an HTTP date; None where it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
