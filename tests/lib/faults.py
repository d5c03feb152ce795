"""A bad line: a TCP proxy on 127.0.0.1 that lets a connection through, or breaks it where it was told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum

from tests.lib.between import Between, pour

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


class Line(Between):
    """Between a client and the server at `url`; `url` here is the way through. `faults` befall the next connections."""

    def __init__(self, url: str, *faults: Fault) -> None:
        super().__init__(url)
        self._faults = list(faults)

    def taken(self, client: socket.socket) -> None:
        fault = self._faults.pop(0) if self._faults else None
        self.serve(threading.Thread(target=self._serve, args=(client, fault)))

    def _serve(self, client: socket.socket, fault: Fault | None) -> None:
        client.settimeout(WAIT)
        with client, suppress(OSError):
            if fault is Fault.HALF_OPEN:
                self.over.wait(WAIT)
                return
            with socket.create_connection(self.server, WAIT) as server:
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
                        if self.over.wait(0.02):
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
    back = threading.Thread(target=pour, args=(server, client))
    back.start()
    pour(client, server)
    back.join(WAIT)


@contextmanager
def line(url: str, *faults: Fault) -> Iterator[str]:
    """The way to `url` over a line with these faults."""
    with Line(url, *faults) as open_:
        yield open_.url
