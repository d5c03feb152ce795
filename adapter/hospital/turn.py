"""A request that waits for its turn with everything ready: the turn begins when its bytes go out and ends with the
first byte of the answer. A server that takes one at a time waits for nobody who packs or reads.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.connection import is_connection_dropped
from urllib3.util.wait import wait_for_read

LOOK_SECONDS = 0.1
"""A connection that waited longer is looked at again, for servers give idle ones up."""

UNUSED_SECONDS = 1.0
"""That a connection under TLS may wait for its first request: of such a one we cannot see whether it was given up."""

Asking = Callable[[], AbstractContextManager[Callable[[], None]]]
"""Entered for each request, and may wait; gives what is to be told when the server finds us too many at once."""


@contextmanager
def at_once() -> Iterator[Callable[[], None]]:
    """Nobody waits."""
    yield lambda: None


class Awaited:
    """The turn of one request. `began`: when it had it, by the monotonic clock."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._crowded: Callable[[], None] = lambda: None
        self.began = time.monotonic()

    def crowded(self) -> None:
        """The server found too many at once."""
        self._crowded()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """While the server has the request."""
        with self._asking() as self._crowded:
            self.began = time.monotonic()
            yield


_turn: ContextVar[Awaited | None] = ContextVar("turn", default=None)


@contextmanager
def waited_for(asking: Asking) -> Iterator[Awaited]:
    """The request that is sent in this block, by a session that takes turns, waits for its own."""
    mine = Awaited(asking)
    token = _turn.set(mine)
    try:
        yield mine
    finally:
        _turn.reset(token)


def take_turns(session: requests.Session) -> None:
    """Requests of this session wait for their turn where one is to be waited for."""
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter())


class _Held(HTTPConnection):
    """Keeps what is to be sent until the answer is asked for."""

    _held: list[bytes] | None = None
    _used = False
    _connect_timeout: Any = None

    def connect(self) -> None:
        self._used = False
        super().connect()

    def request(self, *said: Any, **more: Any) -> None:
        if self.sock is None:
            self.connect()
        self._held, self._connect_timeout = [], self.timeout
        super().request(*said, **more)

    def send(self, data: Any) -> None:
        if self._held is None:  # what is said to a proxy while connecting
            super().send(data)
        else:
            self._held.append(data)

    def getresponse(self) -> Any:
        mine, answer, asked = _turn.get(), None, time.monotonic()
        with mine.taken() if mine else nullcontext():
            self._go(time.monotonic() - asked)
            if self._may_speak_first():
                answer = super().getresponse()
            elif not wait_for_read(self.sock, self.timeout):
                raise TimeoutError("timed out")
        self._used = True
        time.sleep(0)  # whoever is next shall run before we read on
        return answer or super().getresponse()

    def _go(self, waited: float) -> None:
        """Sends. A server that hangs up meanwhile may have answered before, which the next look at it tells."""
        held, self._held = self._held or [], None
        if waited > LOOK_SECONDS and self._may_be_dropped(waited):
            self._connect_again()
        with suppress(BrokenPipeError, ConnectionResetError):
            super().send(b"".join(held))

    def _may_be_dropped(self, waited: float) -> bool:
        return waited > UNUSED_SECONDS if self._may_speak_first() else is_connection_dropped(self)

    def _may_speak_first(self) -> bool:
        """A server hands out tickets under TLS, which look like the beginning of an answer."""
        return not self._used and type(self.sock) is not socket.socket

    def _connect_again(self) -> None:
        """Not by `close`, which would forget the request."""
        old, self.sock = self.sock, None
        if old is not None:
            old.close()
        timeout, self.timeout = self.timeout, self._connect_timeout
        self.connect()
        self.timeout = timeout


class _HeldSealed(_Held, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Held


class _SealedPool(HTTPSConnectionPool):
    ConnectionCls = _HeldSealed


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *said: Any, **more: Any) -> None:
        super().init_poolmanager(*said, **more)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *said: Any, **more: Any) -> Any:
        manager = super().proxy_manager_for(*said, **more)
        manager.pool_classes_by_scheme = _POOLS
        return manager


_POOLS = {"http": _Pool, "https": _SealedPool}
