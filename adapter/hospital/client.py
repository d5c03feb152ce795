"""The one way out to a hospital's or registry's FHIR server. What an answer means is decided in `answer.py`.

Redirects are not followed: they would carry content and credentials to an address that nobody configured.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

import requests
from requests.auth import AuthBase

from adapter.config import Tls
from adapter.errors import HospitalUnavailable
from adapter.hospital import body, retry
from adapter.hospital.answer import Answer, Distrusted, HospitalSilent, Outdated, applied, dicts
from adapter.hospital.changes import Change, Kept, bundle, kept
from adapter.hospital.origin import distrust, origin, settle, speak
from adapter.hospital.quirks import Verdict
from adapter.hospital.turn import Asking, Awaited, at_once, take_turns, waited_for
from adapter.trail import correlation, journal, spans
from mappings.r4 import wire
from mappings.r4.build import Resource, transaction

FHIR_JSON = "application/fhir+json"

LARGEST = 64 * 1024 * 1024
"""Bytes of one answer that we read."""

LONGEST = 120.0
"""Seconds that the body of one answer may take: a server that dribbles must not hold a worker for ever."""

CONTENTION_TRIES = 6
MOST_PAGES = 500

_FRESH = {"Cache-Control": "no-cache"}
"""HAPI answers an equal search within 60 s from a cache, which is how duplicates are made."""

_STRICT = _FRESH | {"Prefer": "handling=strict"}
"""A server that does not know a parameter shall refuse: to ignore `identifier` is to answer with every patient."""

_KIND = re.compile(r"[A-Z][A-Za-z]{1,63}")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


class HospitalClient:
    """Speaks to one server. `timeout` is (connect, read) in seconds; `pause` and `jitter` space out contention.

    `veiled`: it must not learn the number that a request has here, for others may know whose it is.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        auth: AuthBase | None,
        *,
        tls: Tls | None = None,
        veiled: bool = False,
        timeout: tuple[float, float] = (5.0, 30.0),
        pause: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self._veiled = veiled
        self._timeout = timeout
        self._pause = pause
        self._jitter = jitter
        self._capability: Resource | None = None
        self._date = ""
        self._session = requests.Session()
        self._session.auth = auth or _NoAuth()
        speak(self._session, tls or Tls())
        settle(self._session, self.base_url)
        take_turns(self._session)
        self._session.headers.update({"Accept": FHIR_JSON, "User-Agent": "Engraft"})

    def close(self) -> None:
        """Gives the connections back."""
        self._session.close()

    @property
    def request_id(self) -> str | None:
        """The `X-Request-Id` that goes with the work at hand."""
        number = correlation.current()
        return correlation.veiled(number) if number and self._veiled else number

    def transact(self, resources: Sequence[Resource]) -> Resource:
        """PUTs every resource on its own id, all or none. Returns the transaction-response Bundle.

        Safe to repeat, because the ids are stable. Racing writers are waited out a few times, with jitter.
        """
        answer = self._repeated(transaction(resources), at_once).content()
        applied(self.name, answer, len(resources))
        return answer

    def apply(
        self,
        changes: Sequence[Change],
        elsewhere: Mapping[str, str],
        asking: Asking = at_once,
    ) -> list[Kept]:
        """Sends the changes, all or none; where each is kept now, in their order. Safe to repeat.

        `elsewhere`: see `changes.bundle`. `asking` is entered for each request and may wait for its turn; what it gives
        is told where the server finds us too many. Raises Outdated, TooLarge, HospitalRefused, HospitalUnavailable.
        """
        answer = self._repeated(bundle(changes, elsewhere), asking)
        if not answer.ok and answer.verdict is Verdict.CONTENTION and any(one.version for one in changes):
            raise Outdated(answer.status, "a version may be old")  # not every server says 412, or why it says 409
        return [kept(said) for said in applied(self.name, answer.content(), len(changes))]

    def _repeated(self, body: Resource, asking: Asking) -> Answer:
        """The answer to a transaction, once nobody is in the way. Every write in it can be repeated."""
        sent, tried = wire.encode(body), 0
        while True:
            ready = self._ready("POST", self.base_url, data=sent)
            with waited_for(asking) as turn:
                answer = self._exchange(ready, turn)
            verdict = None if answer.ok else answer.verdict
            if verdict in (Verdict.CROWDED, Verdict.RACED):
                turn.crowded()
            tried += 1
            again = verdict in (Verdict.CONTENTION, Verdict.CROWDED, Verdict.RACED) and answer.asked is None
            if not again or tried == CONTENTION_TRIES:
                return answer
            self._pause(self._jitter() * 0.02 * 2.0**tried)

    def read(self, kind: str, id: str) -> Resource | None:  # noqa: A002 - FHIR's own name for it
        """The current version; None when the server never had it (404) or deleted it (410)."""
        if not _KIND.fullmatch(kind) or not _ID.fullmatch(id):
            raise ValueError("not a resource type and an id")
        answer = self._send("GET", f"{self.base_url}/{kind}/{id}", headers=_FRESH)
        if answer.status in (404, 410):
            return None
        found = answer.content()
        if (found.get("resourceType"), found.get("id")) != (kind, id):
            raise HospitalUnavailable(f"{self.name}: was asked for a {kind} and gave something else")
        return found

    def history(self, kind: str, id: str) -> list[Resource]:  # noqa: A002 - FHIR's own name for it
        """Every version that there was, the oldest first; deletions are left out."""
        pages = self._pages(self._send("GET", f"{self.base_url}/{kind}/{id}/_history", headers=_FRESH).content())
        entries = [entry for page in pages for entry in dicts(page.get("entry"))]
        return [resource for entry in reversed(entries) for resource in dicts([entry.get("resource")])]

    def deleted(self, kind: str, since: str) -> set[str]:
        """Ids that the history of a type says to be deleted since an instant; they may be there again."""
        url, asked = f"{self.base_url}/{kind}/_history", {"_since": since, "_count": "200"}
        pages = self._pages(self._send("GET", url, params=asked, headers=_FRESH).content())
        requests_ = dicts([entry.get("request") for page in pages for entry in dicts(page.get("entry"))])
        urls = (str(one.get("url")) for one in requests_ if one.get("method") == "DELETE")
        return {url.partition("/_history")[0].rpartition("/")[2] for url in urls}

    def search(self, kind: str, params: Sequence[tuple[str, str]]) -> list[Resource]:
        """The matches on every page. Sent as a form, so that a patient's number stays out of access logs."""
        answer = self._send("POST", f"{self.base_url}/{kind}/_search", data=list(params), headers=_STRICT)
        if answer.status in (405, 501):  # R4 asks every server for POST _search; some have GET only
            answer = self._send("GET", f"{self.base_url}/{kind}", params=list(params), headers=_STRICT)
        return [resource for page in self._pages(answer.content()) for resource in _matches(page, kind)]

    def events(self, subscription: str, first: int, last: int) -> Resource:
        """The numbered events of a Subscription, both ends included, as a Bundle (R5 Backport `$events`).

        Raises HospitalRefused where the server has no such operation or forgot them.
        """
        asked = {"eventsSinceNumber": str(first), "eventsUntilNumber": str(last), "content": "id-only"}
        if not _ID.fullmatch(subscription):
            raise ValueError("not an id")
        url = f"{self.base_url}/Subscription/{subscription}/$events"
        return self._send("GET", url, params=asked, headers=_FRESH).content()

    def put_plain(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """PUT of JSON that is no FHIR, to a service beside the FHIR server. The JSON object of its answer.

        Raises ValueError for another server than that of `base_url`, HospitalRefused, HospitalUnavailable.
        """
        if origin(url) != origin(self.base_url):
            raise ValueError("not on the server of base_url")
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        return self._send("PUT", url, headers=headers, data=wire.encode(dict(body))).content()

    def capability(self) -> Resource:
        """The CapabilityStatement, fetched once: HAPI's weighs 1.9 MB."""
        if self._capability is None:
            self._capability = self._send("GET", f"{self.base_url}/metadata").content()
        return self._capability

    def clock(self) -> datetime | None:
        """What time it is there, aware UTC, as its last answer said; None where it did not."""
        seconds = retry.instant(self._date)
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

    def _pages(self, page: Resource) -> Iterator[Resource]:
        seen: set[str] = set()
        while True:
            yield page
            url = self._next(page)
            if url is None:
                return
            if url in seen or len(seen) >= MOST_PAGES:
                raise HospitalUnavailable(f"{self.name}: a search whose pages do not end")
            seen.add(url)
            page = self._send("GET", url, headers=_FRESH).content()

    def _next(self, page: Resource) -> str | None:
        """Address of the next page: only on the configured origin, because our credentials go with it."""
        for link in dicts(page.get("link")):
            if link.get("relation") == "next":
                return self._on_the_server(str(link.get("url")))
        return None

    def _on_the_server(self, said: str) -> str:
        with suppress(ValueError):  # what is no URL is nowhere
            url = urljoin(f"{self.base_url}/", said)
            if origin(url) == origin(self.base_url):
                return url
        raise HospitalUnavailable(f"{self.name}: the next page is not on the server of base_url")

    def _send(self, method: str, url: str, headers: Mapping[str, str] | None = None, **content: Any) -> Answer:
        """One request and its answer, whatever its status."""
        return self._exchange(self._ready(method, url, headers, **content))

    def _ready(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, **content: Any
    ) -> requests.PreparedRequest:
        """A request with all that it takes along, its credentials too."""
        kind = {"Content-Type": FHIR_JSON} if isinstance(content.get("data"), bytes) else {}
        said = requests.Request(method, url, headers={**kind, **(headers or {})}, **content)
        with self._heard():
            return self._session.prepare_request(said)

    def _exchange(self, ready: requests.PreparedRequest, turn: Awaited | None = None) -> Answer:
        method = str(ready.method)
        said: dict[str, spans.Attribute] = {"http.request.method": method, "engraft.destination": self.name}
        begun = time.monotonic()
        with spans.span(method, said, kind="client") as mark:
            ready.headers.update(self._passport())
            answer = self._answer(ready)
            mark({"http.response.status_code": answer.status})
        ms = round((time.monotonic() - (turn.began if turn else begun)) * 1000, 1)
        about: dict[str, journal.Told] = {"destination": self.name, "request": self.request_id}
        journal.detail("exchange", method=method, status=answer.status, ms=ms, **about)
        return answer

    def _passport(self) -> dict[str, str]:
        """By which the other side's log and ours can be laid side by side."""
        number, trace = self.request_id, None if self._veiled else spans.traceparent()
        return {name: said for name, said in (("X-Request-Id", number), ("traceparent", trace)) if said}

    def _answer(self, ready: requests.PreparedRequest) -> Answer:
        with (
            self._heard(),
            self._session.send(ready, timeout=self._timeout, allow_redirects=False, stream=True) as answer,
        ):
            self._date = answer.headers.get("Date", "")
            content = body.read(answer, LARGEST, LONGEST)
            return Answer(self.name, answer.status_code, answer.reason or "", answer.headers, content)

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """What ends without an answer is that of a server which is away."""
        try:
            yield
        except body.Endless as error:
            raise HospitalUnavailable(f"{self.name}: an answer that is {error}") from error
        except (requests.RequestException, OSError) as error:
            if why := distrust(error):
                raise Distrusted(f"{self.name}: no TLS: {why}") from error
            raise HospitalSilent(f"{self.name}: no answer ({type(error).__name__})") from error


class _NoAuth(AuthBase):
    """No credentials. Without it requests would look for some in the user's ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def _matches(page: Resource, kind: str) -> Iterator[Resource]:
    for entry in dicts(page.get("entry")):
        for resource in dicts([entry.get("resource")]):
            mode = (dicts([entry.get("search")]) or [{}])[0].get("mode", "match")
            if mode == "match" and resource.get("resourceType") == kind:
                yield resource
