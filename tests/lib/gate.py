"""A way to a server that may be shut, and that sees when who asks: a TCP proxy on 127.0.0.1."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

MARK = b" HTTP/1.1\r\n"
WAIT = 120.0


class Gate:
    """Between clients and the server at `url`; `url` here is the way through.

    Shut, it hangs up on whoever comes: `knocks` tells when. Open, it lets through: `requests` tells when each began,
    `most` how many connections there were at a time.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = parts._replace(netloc=f"127.0.0.1:{self._listener.getsockname()[1]}").geturl()
        self.knocks: list[float] = []
        self.requests: list[float] = []
        self.most = 0
        self._open, self._over = threading.Event(), threading.Event()
        self._lock, self._there = threading.Lock(), 0
        self._taking = threading.Thread(target=self._take)

    def __enter__(self) -> Self:
        self._taking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._taking.join(WAIT)

    def open(self) -> None:
        """The server is there from now on."""
        self._open.set()

    def _take(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self._open.is_set():
                self.knocks.append(time.monotonic())
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self._there += 1
            self.most = max(self.most, self._there)
        try:
            with client, suppress(OSError), socket.create_connection(self._server, WAIT) as server:
                server.settimeout(None)
                back = threading.Thread(target=_pour, args=(server, client), daemon=True)
                back.start()
                self._forth(client, server)
                back.join(WAIT)
        finally:
            with self._lock:
                self._there -= 1

    def _forth(self, client: socket.socket, server: socket.socket) -> None:
        tail = b""
        with suppress(OSError):
            while piece := client.recv(65_536):
                seen = tail + piece
                self.requests += [time.monotonic()] * seen.count(MARK)
                tail = seen[-len(MARK) + 1 :]
                server.sendall(piece)
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


def _pour(source: socket.socket, into: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            into.sendall(piece)
    with suppress(OSError):
        into.shutdown(socket.SHUT_RDWR)
