"""A bad line: a TCP proxy on 127.0.0.1 that lets a connection through, or breaks it where it was told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from typing import Self
from urllib.parse import urlsplit

WAIT = 10.0
SOME = 40
"""Bytes after which a body is cut."""


class Fault(Enum):
    """Where a connection breaks."""

    REQUEST_CUT = "in the middle of the request"
    ANSWER_LOST = "after the request, before the answer"
    ANSWER_CUT = "in the middle of the answer"
    ANSWER_DRIBBLES = "a byte of the answer now and then, for ever"
    HALF_OPEN = "taken and never answered"


class Line:
    """Between a client and the server at `url`; `url` here is the way through. `faults` befall the next connections."""

    def __init__(self, url: str, *faults: Fault) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "", parts.port or 80)
        self._faults = list(faults)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = parts._replace(netloc=f"127.0.0.1:{self._listener.getsockname()[1]}").geturl()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._take)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(WAIT)

    def _take(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            fault = self._faults.pop(0) if self._faults else None
            self._threads.append(threading.Thread(target=self._serve, args=(client, fault)))
            self._threads[-1].start()

    def _serve(self, client: socket.socket, fault: Fault | None) -> None:
        client.settimeout(WAIT)
        with client, suppress(OSError):
            if fault is Fault.HALF_OPEN:
                self._over.wait(WAIT)
                return
            with socket.create_connection(self._server, WAIT) as server:
                if fault is None:
                    _both_ways(client, server)
                    return
                request = _whole(client)
                server.sendall(request[:-SOME] if fault is Fault.REQUEST_CUT else request)
                if fault is Fault.REQUEST_CUT:
                    return
                answer = _whole(server)
                if fault is Fault.ANSWER_CUT:
                    client.sendall(answer[:-SOME])
                if fault is Fault.ANSWER_DRIBBLES:
                    for byte in answer:
                        client.sendall(bytes([byte]))
                        if self._over.wait(0.02):
                            return


def _whole(source: socket.socket) -> bytes:
    """One HTTP message, by its Content-Length."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += _more(source)
    head, _, body = read.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < int(lengths[0] if lengths else 0):
        body += _more(source)
    return head + b"\r\n\r\n" + body


def _more(source: socket.socket) -> bytes:
    read = source.recv(65_536)
    if not read:
        raise ConnectionError("the other side went away")
    return read


def _both_ways(client: socket.socket, server: socket.socket) -> None:
    back = threading.Thread(target=_pour, args=(server, client))
    back.start()
    _pour(client, server)
    back.join(WAIT)


def _pour(source: socket.socket, into: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            into.sendall(piece)
    with suppress(OSError):
        into.shutdown(socket.SHUT_RDWR)


@contextmanager
def line(url: str, *faults: Fault) -> Iterator[str]:
    """The way to `url` over a line with these faults."""
    with Line(url, *faults) as open_:
        yield open_.url
