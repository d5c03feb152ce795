"""HTTP for the sandbox: sockets, headers, bytes. What is asked and answered is decided behind `serve`."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from adapter.hospital.sandbox.exchange import Answer, Request
from adapter.hospital.sandbox.refusal import Refusal
from mappings.r4 import wire
from mappings.r4.faults import FaultyInput

BASE = "/fhir"
LARGEST = 64 * 1024 * 1024
_JSON = ("application/fhir+json", "application/json", "text/json")
_FORM = "application/x-www-form-urlencoded"

Serve = Callable[[Request], Answer | None]
"""None: the connection is cut without an answer."""


class Listener(ThreadingHTTPServer):
    """Binds 127.0.0.1. `stop` also ends the connections that clients keep open, as a server that dies does."""

    daemon_threads = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, serve: Serve) -> None:
        self.serve = serve
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="sandbox", daemon=True)

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Closes everything and waits for the threads."""
        self.shutdown()
        self._thread.join()
        with self._lock:
            for connection in self._connections:
                _cut(connection)
        self.server_close()

    def opened(self, connection: socket.socket) -> None:
        """A connection lives."""
        with self._lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """A connection is over."""
        with self._lock:
            self._connections.discard(connection)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Listener

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        try:
            super().finish()
        except OSError:
            self.close_connection = True  # the client went first

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def _answer(self) -> None:
        try:
            answer = self.server.serve(self._request())
        except Refusal as refusal:
            answer = Answer(refusal.status, refusal.outcome())
        except FaultyInput as error:
            answer = Answer(400, Refusal(400, error.faults).outcome())
        if answer is None:
            self.close_connection = True
            _cut(self.connection)
            return
        self._send(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _answer  # noqa: N815 - http.server's names

    def _request(self) -> Request:
        url = urlsplit(self.path)
        body = self._body()  # read in every case, or the connection cannot be used again
        if url.path != BASE and not url.path.startswith(f"{BASE}/"):
            raise Refusal(404, "the FHIR base is /fhir")
        path = tuple(unquote(part) for part in url.path[len(BASE) :].strip("/").split("/") if part)
        params = parse_qsl(url.query, keep_blank_values=True)
        self._check_accept(dict(params).get("_format"))
        headers = {name.lower(): value for name, value in self.headers.items()}
        kind = self.headers.get_content_type() if "Content-Type" in self.headers else ""
        if path[-1:] == ("_search",):
            if body and kind != _FORM:
                raise Refusal(415, "_search takes a form")
            return Request(self.command, path, params + parse_qsl(body.decode(), keep_blank_values=True), headers)
        if not body:
            return Request(self.command, path, params, headers)
        if kind not in _JSON:
            raise Refusal(415, "send application/fhir+json")
        return Request(self.command, path, params, headers, wire.decode_strict(body))

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit():
            self.close_connection = True
            raise Refusal(411, "send a Content-Length")
        if int(length) > LARGEST:
            self.close_connection = True
            raise Refusal(413, "the body is too large")
        return self.rfile.read(int(length))

    def _check_accept(self, format_: str | None) -> None:
        wanted = format_ or self.headers.get("Accept") or "*/*"
        if not any(kind in wanted for kind in (*_JSON, "json", "*/*")):
            raise Refusal(406, "only application/fhir+json is spoken here")

    def _send(self, answer: Answer) -> None:
        minimal = self.headers.get("Prefer") == "return=minimal" and self.command in ("POST", "PUT")
        bare = answer.content is None or (minimal and answer.status in (200, 201))
        body = b"" if bare else wire.encode(answer.content)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", "application/fhir+json; charset=utf-8")
        if answer.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Silent: a demonstration prints its own story."""


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # already gone
