"""The body of another server's answer, read up to a limit of bytes and of time.

A server that dribbles, or never ends, must not hold a worker for ever, nor fill its memory.
"""

from __future__ import annotations

import time

import requests


class Endless(Exception):
    """More than we read, or slower than we wait."""


def read(answer: requests.Response, largest: int, seconds: float) -> bytes:
    """All of it, unpacked; the answer was asked for with `stream=True`. Raises Endless, requests.RequestException."""
    found, until = bytearray(), time.monotonic() + seconds
    # not from `answer.raw`, whose errors are urllib3's own
    for chunk in answer.iter_content(65_536):
        found += chunk
        if len(found) > largest or time.monotonic() > until:
            raise Endless("too large or too slow")
    return bytes(found)
