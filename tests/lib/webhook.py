"""A small door for notifications: what comes in is handed to the flow, as the web application does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.lib.beside import beside


@dataclass(frozen=True)
class Came:
    """One request: `kind` and `id` where the address named a resource."""

    method: str
    kind: str | None
    id: str | None
    headers: dict[str, str]
    body: bytes


@dataclass
class Webhook:
    """`url` is what a Subscription names as its endpoint. `statuses` are answered first, then 200."""

    url: str
    came: list[Came] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, condition: Callable[[list[Came]], Any], seconds: float = 30) -> list[Came]:
        """What came, once the condition holds for it."""
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self.came), seconds), f"came: {self.came}"
            return list(self.came)


@contextmanager
def webhook(taken: Callable[[Came], object] = lambda _: None) -> Iterator[Webhook]:
    """Listens while the block lasts; `taken` is called before the answer."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind, _, id_ = self.path.removeprefix("/hook").strip("/").partition("/")
            came = Came(self.command, kind or None, id_ or None, dict(self.headers.items()), body)
            taken(came)
            with hook.changed:
                hook.came.append(came)
                status = hook.statuses.pop(0) if hook.statuses else 200
                hook.changed.notify_all()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True

        do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            pass

    class Listener(ThreadingHTTPServer):
        daemon_threads = False

    listener = Listener(("127.0.0.1", 0), Handler)
    hook = Webhook(f"http://127.0.0.1:{listener.server_address[1]}/hook")
    with beside(listener):
        yield hook
