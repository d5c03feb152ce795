"""A hospital to try things on: a small FHIR R4 server in memory, on 127.0.0.1, for synthetic patients only.

    with Sandbox() as hospital:
        client = HospitalClient("chu-a", hospital.base_url, None)

It serves metadata, read, vread, history, create, update on the client's ids, delete, conditional create and update,
If-Match, batch, transaction, search and rest-hook Subscriptions; checks every resource that it is given; keeps
referential integrity; and fails on demand. It has no users: whoever reaches the port may do everything.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self

from adapter.hospital.sandbox import bundles
from adapter.hospital.sandbox.exchange import Answer, Request
from adapter.hospital.sandbox.habits import Desk, Habits
from adapter.hospital.sandbox.hooks import Hooks
from adapter.hospital.sandbox.listener import BASE, Listener
from adapter.hospital.sandbox.metadata import capability
from adapter.hospital.sandbox.mishaps import Mishap, Mishaps
from adapter.hospital.sandbox.records import Records, Version
from adapter.hospital.sandbox.refusal import Refusal, code_for
from adapter.hospital.sandbox.resources import Resources
from mappings.r4.build import Resource
from mappings.r4.faults import Fault

USUAL = Habits()


def _entries(content: Any) -> int:
    return len(content.get("entry") or ()) if isinstance(content, dict) else 0


def _now() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """One server. `port` 0 takes a free one; `hook_wait`: seconds before a notification is tried a second time.

    `habits`: in what it differs from other servers. It plays another machine, hence the clock of its own.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        clock: Callable[[], datetime] = _now,
        hook_wait: float = 1.0,
        habits: Habits = USUAL,
    ) -> None:
        self._port = port
        self._habits = habits
        self.desk = Desk(habits)
        self._clock = clock
        self._lock = threading.Lock()
        self._mishaps = Mishaps()
        self._hooks = Hooks(hook_wait)
        self._records = Records(clock, self._publish)
        self._resources: Resources
        self._listener: Listener | None = None
        self.requests: deque[tuple[str, str]] = deque(maxlen=10_000)
        """(method, path) of the newest requests."""
        self.request_ids: deque[str | None] = deque(maxlen=10_000)
        self.traceparents: deque[str | None] = deque(maxlen=10_000)
        """The headers of the same names of each of them."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """FHIR base, known once started; the same after a restart."""
        return f"http://127.0.0.1:{self._port}{BASE}"

    def start(self) -> None:
        """Listens. What was stored before a stop is still there. Raises OSError when the port is taken."""
        self._listener = Listener(self._port, self._serve)
        self._port = self._listener.server_address[1]
        self._resources = Resources(self._records, self.base_url, client_ids=self._habits.client_ids)
        self._listener.start()
        self._hooks.start()

    def stop(self) -> None:
        """Closes the port and every connection. Safe to repeat."""
        if self._listener:
            self._mishaps.release()
            self._listener.stop()
            self._listener = None
            self._hooks.stop()

    @contextmanager
    def away(self) -> Iterator[None]:
        """An outage: nothing listens on the port until this ends."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def held(self) -> Iterator[None]:
        """A server that hangs: requests are taken and answered only when this ends."""
        with self._mishaps.held():
            yield

    def fail(self, *, next: int = 1, status: int = 503, retry_after: int | str | None = None, says: str = "") -> None:  # noqa: A002 - reads as a sentence
        """The next requests get `status` and an OperationOutcome; nothing of them is applied."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self._mishaps.add(Mishap(next, status, headers, says or f"made to fail with {status}"))

    def drop(self, *, next: int = 1, applied: bool = True) -> None:  # noqa: A002 - reads as a sentence
        """The next requests lose their connection before the answer, after the work was done unless not `applied`."""
        self._mishaps.add(Mishap(next, applied=applied))

    def put(self, *resources: Resource) -> None:
        """Stores resources as a hospital's own staff would. Raises ValueError where the server would refuse."""
        for resource in resources:
            path = (resource["resourceType"], resource["id"])
            answer = self._locked(Request("PUT", path, content=resource))
            if answer.status >= 400:
                raise ValueError(str(answer.content))

    def all(self, kind: str) -> list[Resource]:
        """Every resource of a type that is not deleted."""
        with self._lock:
            return [content for _, content in self._records.living(kind)]

    def settled(self, timeout: float = 10.0) -> bool:
        """Waits until every notification is delivered or dropped; False when `timeout` seconds were not enough."""
        return self._hooks.settled(timeout)

    def _publish(self, written: Sequence[Version]) -> None:
        self._hooks.publish(written, self._records)

    def _serve(self, request: Request) -> Answer | None:
        self.requests.append((request.method, "/".join(request.path)))
        self.request_ids.append(request.headers.get("x-request-id"))
        self.traceparents.append(request.headers.get("traceparent"))
        mishap = self._mishaps.take()
        if mishap is None:
            return self._locked(request)
        if mishap.status:
            faults = [Fault("", mishap.diagnostics, code_for(mishap.status))]
            return Answer(mishap.status, Refusal(mishap.status, faults).outcome(), mishap.headers)
        if mishap.applied:
            self._locked(request)
        return None

    def _locked(self, request: Request) -> Answer:
        try:
            if (request.method, request.path) == ("POST", ()):
                with self.desk.taken(_entries(request.content)), self._lock:
                    return self._dispatch(request)
            with self._lock:
                return self._dispatch(request)
        except Refusal as refusal:
            return Answer(refusal.status, refusal.outcome())

    def _dispatch(self, request: Request) -> Answer:
        match request.method, request.path:
            case "GET" | "HEAD", ("metadata",):
                return Answer(200, capability(self.base_url, self._clock()))
            case "GET", ():
                return Answer(200, self._resources.pages.later(request.params))
            case "POST", ():
                return Answer(200, self._bundle(request.content))
            case _:
                with self._records.unit():
                    return self._resources.serve(request)

    def _bundle(self, content: Any) -> Resource:
        if isinstance(content, dict) and content.get("resourceType") == "Bundle":
            if content.get("type") == "transaction":
                return bundles.transaction(content, self._resources)
            if content.get("type") == "batch":
                return bundles.batch(content, self._resources)
        raise Refusal(400, "POST to the base takes a Bundle of type transaction or batch")
