"""A way to a server that may be shut, and that sees when who asks: a TCP proxy on 127.0.0.1."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress

from tests.lib.between import WAIT, Between, pour

MARK = b" HTTP/1.1\r\n"


class Gate(Between):
    """Between clients and the server at `url`; `url` here is the way through.

    Shut, it hangs up on whoever comes: `knocks` tells when. Open, it lets through: `requests` tells when each began,
    `most` how many connections there were at a time.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.knocks: list[float] = []
        self.requests: list[float] = []
        self.most = 0
        self._open, self._lock, self._there = threading.Event(), threading.Lock(), 0

    def open(self) -> None:
        """The server is there from now on."""
        self._open.set()

    def taken(self, client: socket.socket) -> None:
        if not self._open.is_set():
            self.knocks.append(time.monotonic())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        else:
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self._there += 1
            self.most = max(self.most, self._there)
        try:
            with client, suppress(OSError), socket.create_connection(self.server, WAIT) as server:
                server.settimeout(None)
                back = threading.Thread(target=pour, args=(server, client), daemon=True)
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
