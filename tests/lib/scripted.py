"""A server on 127.0.0.1 that gives prepared answers, one after the other, whatever it is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.lib.beside import beside

Prepared = tuple[int, Mapping[str, str], Any]
"""Status, headers, and what the JSON body is made of."""


@contextmanager
def scripted(*answers: Prepared) -> Iterator[str]:
    """Its URL. All of the answers must be fetched."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, content = left.pop(0)
            body = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with beside(server):
        yield f"http://127.0.0.1:{server.server_port}"
    assert not left
