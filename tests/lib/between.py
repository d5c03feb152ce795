"""A TCP proxy on 127.0.0.1 that takes connections; what becomes of each is its heirs' affair."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

WAIT = 120.0


class Between:
    """Between clients and the server at `url`; `url` here is the way through."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.server = (parts.hostname or "", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = parts._replace(netloc=f"127.0.0.1:{self._listener.getsockname()[1]}").geturl()
        self.over = threading.Event()
        self._taking = threading.Thread(target=self._take)
        self._serving: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._taking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in (self._taking, *self._serving):
            thread.join(WAIT)

    def _take(self) -> None:
        while not self.over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.taken(client)

    def taken(self, client: socket.socket) -> None:
        """A connection was taken; this returns at once."""
        raise NotImplementedError

    def serve(self, thread: threading.Thread) -> None:
        """Goes on beside, and is waited for at the end."""
        self._serving.append(thread)
        thread.start()


def pour(source: socket.socket, into: socket.socket) -> None:
    """Until one of them ends."""
    with suppress(OSError):
        while piece := source.recv(65_536):
            into.sendall(piece)
    with suppress(OSError):
        into.shutdown(socket.SHUT_RDWR)
