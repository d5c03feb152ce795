"""A server of ours that answers in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseServer
from threading import Thread

LOOKS = 0.02
"""Seconds between two looks whether it is over."""


@contextmanager
def beside(server: BaseServer) -> Iterator[None]:
    """It serves while the block lasts, and is closed then."""
    thread = Thread(target=server.serve_forever, args=(LOOKS,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
