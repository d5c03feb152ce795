"""Every answer that is not a success, as an OperationOutcome; nothing of a patient reaches a log or a stranger."""

from __future__ import annotations

import math
import re

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from adapter.errors import EngraftError, NotAllowed, StoreUnavailable, TooOften, Unavailable
from adapter.trail import correlation, journal
from adapter.web import html
from adapter.web.content import LIMIT, fhir
from adapter.web.outcome import faults_of, issue_code, operation_outcome, status_of
from mappings.r4.faults import Fault, FaultyInput, Unsound
from mappings.r4.typenames import ABSTRACT_TYPES, RESOURCE_TYPES

RETRY_AFTER = 5
"""Seconds, where nobody said how long."""

MOST_DRAINED = 64 * 1024 * 1024
"""Bytes of an unwanted body that are read and thrown away, so that the sender lives to read our answer."""

_PLACE = re.compile(r"/fhir/(?P<kind>[A-Za-z]{1,64})(?:/[^/]*)?")


def refuse(app: Flask) -> None:
    """Makes the app answer every refusal in one shape."""
    app.register_error_handler(EngraftError, _known)
    app.register_error_handler(FaultyInput, _known)
    app.register_error_handler(Unsound, _unsound)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unforeseen)
    app.after_request(_sign)


def _known(error: Exception) -> Response:
    assert isinstance(error, EngraftError | FaultyInput)
    if isinstance(error, html.SignInFirst):
        return html.away(error.way)
    status = status_of(error)
    headers: dict[str, str] = {}
    if isinstance(error, Unavailable | TooOften):
        headers["Retry-After"] = str(math.ceil(error.retry_after or RETRY_AFTER))
    if isinstance(error, Unavailable):
        # another server's words may quote a patient, the database's reason does not
        why = journal.says(error) if isinstance(error, StoreUnavailable) else None
        journal.warn("unavailable", error=type(error).__name__, says=why)
    g.codes = sorted({fault.code for fault in faults_of(error)})
    if g.get("page"):
        return html.refused(faults_of(error), status, headers)
    if isinstance(error, NotAllowed) and status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="engraft"'
    return fhir(operation_outcome(faults_of(error)), status, headers)


def _http(error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.code or 500
    code, text, headers = issue_code(status), error.description or error.name, {}
    if isinstance(error, RequestEntityTooLarge):
        text = f"the body is larger than {LIMIT // (1024 * 1024)} MB"
    elif isinstance(error, MethodNotAllowed):
        text = f"{request.method} means nothing here"
        headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    elif isinstance(error, NotFound) and request.url_rule is None:
        code, text = _unserved(request.path)
    if g.get("page"):
        return html.refused([Fault("", text, code)], status, headers)
    return fhir(operation_outcome([Fault("", text, code)]), status, headers)


def _unserved(path: str) -> tuple[str, str]:
    """Issue type and words for an address that is no route: R4 answers 404 also where it does not serve a type."""
    operation = next((part for part in path.split("/") if part.startswith("$")), "")
    if path.startswith("/fhir/") and operation:
        return "not-supported", f"there is no operation {operation[:64]} at this address"
    place = _PLACE.fullmatch(path)
    if not place:
        return "not-found", "nothing is served at this address"
    if place["kind"] in RESOURCE_TYPES - ABSTRACT_TYPES:
        return "not-supported", f"{place['kind']} is not served here; GET /fhir/metadata says what is"
    return "not-supported", f"{place['kind']} is no resource type of R4"


def _unsound(error: Exception) -> Response:
    """What was wrong is told to the caller, whose patient it is; the log learns only that it happened."""
    assert isinstance(error, Unsound)
    journal.unforeseen(error)
    return fhir(operation_outcome(error.faults), 500)


def _unforeseen(error: Exception) -> Response:
    journal.unforeseen(error)
    text = f"something went wrong here; tell the operator this number: {correlation.current()}"
    if g.get("page"):
        return html.refused([Fault("", text)], 500)
    return fhir(operation_outcome([Fault("", text, "exception")]), 500)


def _sign(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "no-store" if response.status_code >= 400 else "private, no-cache")
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.status_code >= 400:
        _drain()
    return response


def _drain() -> None:
    """Reads what the sender is still sending: a socket closed with unread bytes loses our answer on its way."""
    left = request.content_length or 0
    if g.get("body_read") or left > MOST_DRAINED:
        return
    stream = request.environ["wsgi.input"]
    while left > 0 and (chunk := stream.read(min(left, 65_536))):
        left -= len(chunk)
