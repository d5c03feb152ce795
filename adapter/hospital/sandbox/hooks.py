"""Rest-hook Subscriptions as HAPI speaks them: `PUT {endpoint}/Type/id` with the resource, or an empty POST.

Measured on HAPI 8.8: the notification carries `If-Match` with the version; a receiver that does not answer 2xx is tried
21 times and then the event is dropped for good; order is not kept. Deletions are only told with the extension below.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

import requests

from adapter.hospital.sandbox import search
from adapter.hospital.sandbox.records import Records, Version
from adapter.hospital.sandbox.refusal import Refusal
from mappings.r4 import wire
from mappings.r4.build import Element, Resource
from mappings.r4.faults import Fault

TRIES = 21
GROWTH = 1.1
SENDS_DELETES = "http://hapifhir.io/fhir/StructureDefinition/subscription-send-delete-messages"


@dataclass(frozen=True, slots=True)
class Call:
    """One notification on its way."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    tried: int = 0


def subscribed(subscription: Resource) -> Resource:
    """The Subscription as it is stored: active at once. Raises Refusal for a criteria or channel that is not served."""
    _, params = _criteria(subscription)
    search.check(params)
    channel = subscription["channel"]
    if channel["type"] != "rest-hook" or not str(channel.get("endpoint", "")).startswith(("http://", "https://")):
        raise Refusal(422, [Fault("Subscription.channel", "only rest-hook to an http endpoint", "not-supported")])
    return subscription | ({"status": "active"} if subscription["status"] == "requested" else {})


class Hooks:
    """Finds who must be told, and tells them from one background thread. `wait`: seconds before the second try."""

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._queue: list[tuple[float, int, Call]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._stopping = False
        self._sending = 0
        self._thread: threading.Thread | None = None
        self.dropped: list[Call] = []

    def publish(self, written: Sequence[Version], records: Records) -> None:
        """Queues the notifications of one unit of writes. A no-op update makes no version, hence no notification."""
        subscriptions = [s for _, s in records.living("Subscription") if s["status"] == "active"]
        calls = [call for version in written for s in subscriptions for call in _calls(version, s, records)]
        with self._changed:
            for call in calls:
                heapq.heappush(self._queue, (time.monotonic(), next(self._numbers), call))
            self._changed.notify_all()

    def start(self) -> None:
        """Begins to send."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sandbox-hooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stops sending; what waits stays queued."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join()
            self._thread = None

    def settled(self, timeout: float) -> bool:
        """Waits until nothing is queued or on its way; False when `timeout` seconds were not enough."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._sending, timeout)

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while (call := self._next()) is not None:
                heard = _told(session, call)
                with self._changed:
                    self._sending = 0
                    if not heard:
                        self._again(call)
                    self._changed.notify_all()

    def _next(self) -> Call | None:
        """The next call that is due, waiting for it; None when it is time to stop."""
        with self._changed:
            while not self._stopping:
                left = self._queue[0][0] - time.monotonic() if self._queue else None
                if left is not None and left <= 0:
                    self._sending = 1
                    return heapq.heappop(self._queue)[2]
                self._changed.wait(left)
            return None

    def _again(self, call: Call) -> None:
        tried = call.tried + 1
        if tried >= TRIES:
            self.dropped.append(call)
            return
        due = time.monotonic() + self._wait * GROWTH ** (tried - 1)
        later = Call(call.method, call.url, call.headers, call.body, tried)
        heapq.heappush(self._queue, (due, next(self._numbers), later))


def _told(session: requests.Session, call: Call) -> bool:
    try:
        answer = session.request(
            call.method, call.url, headers=call.headers, data=call.body, timeout=(2, 10), allow_redirects=False
        )
    except (requests.RequestException, OSError):
        return False
    return 200 <= answer.status_code < 300


def _criteria(subscription: Resource) -> tuple[str, search.Params]:
    kind, _, params = str(subscription["criteria"]).partition("?")
    return kind, parse_qsl(params, keep_blank_values=True)


def _calls(version: Version, subscription: Resource, records: Records) -> Iterator[Call]:
    kind, params = _criteria(subscription)
    if version.kind != kind:
        return
    channel = subscription["channel"]
    endpoint = str(channel["endpoint"]).rstrip("/")
    headers = dict(_header(line) for line in channel.get("header", ()))
    if version.content is None:
        last = [v.content for v in records.versions(version.kind, version.id) if v.content is not None][-1]
        if _sends_deletes(channel) and search.matches(last, params):
            named = Call("DELETE", f"{endpoint}/{kind}/{version.id}", headers, b"")
            yield named if "payload" in channel else _ping(endpoint, headers)
    elif not search.matches(version.content, params):
        return
    elif "payload" in channel:
        told = headers | {"Content-Type": "application/fhir+json; charset=UTF-8", "If-Match": version.etag}
        yield Call("PUT", f"{endpoint}/{kind}/{version.id}", told, wire.encode(version.content))
    else:
        yield _ping(endpoint, headers)


def _ping(endpoint: str, headers: dict[str, str]) -> Call:
    """Without content HAPI 8.8 names nothing, also where something was deleted."""
    told = headers | {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    return Call("POST", endpoint, told | {"If-None-Exist": f"{endpoint}?"}, b"")


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip(), value.strip()


def _sends_deletes(channel: Element) -> bool:
    said = channel.get("extension", ())
    return any(e.get("url") == SENDS_DELETES and e.get("valueBoolean") is True for e in said)
