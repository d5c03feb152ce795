"""Batches, and transactions: all or nothing, in the order DELETE, POST, PUT, GET (R4, http.html 3.1.0.11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

from adapter.hospital.references import rewritten
from adapter.hospital.sandbox.exchange import Answer, Request
from adapter.hospital.sandbox.refusal import Refusal
from adapter.hospital.sandbox.resources import Resources, query
from mappings.r4.build import Element, Resource

_ORDER = ("DELETE", "POST", "PUT", "GET")
_CONDITIONS = {"ifMatch": "if-match", "ifNoneExist": "if-none-exist"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: where it stands, what it calls itself, what it asks, and the id that its resource will have."""

    index: int
    full_url: str | None
    request: Request
    id: str | None = None

    @property
    def kind(self) -> str:
        """The resource type that it asks about."""
        return self.request.path[0]


def batch(bundle: Resource, resources: Resources) -> Resource:
    """Every entry for itself."""
    return _response("batch-response", [_alone(raw, resources) for raw in _raw_entries(bundle)])


def transaction(bundle: Resource, resources: Resources) -> Resource:
    """All entries or none. Raises Refusal naming the entry."""
    entries = [_parse(index, raw, resources.base_url) for index, raw in enumerate(_raw_entries(bundle))]
    _check_identities(entries)
    answers: dict[int, Answer] = {}
    with resources.records.unit():
        for entry in entries:
            if entry.request.method == "DELETE":
                answers[entry.index] = _serve(entry, resources)
        entries = [_with_id(entry, resources) for entry in entries]
        names = {entry.full_url: f"{entry.kind}/{entry.id}" for entry in entries if entry.full_url and entry.id}
        for method in _ORDER[1:]:
            for entry in entries:
                if entry.request.method == method:
                    answers[entry.index] = _serve(_resolved(entry, names, resources), resources)
    return _response("transaction-response", [answers[index] for index in range(len(entries))])


def _alone(raw: Any, resources: Resources) -> Answer:
    try:
        with resources.records.unit():
            return _serve(_parse(0, raw, resources.base_url), resources)
    except Refusal as refusal:
        return Answer(refusal.status, refusal.outcome())


def _raw_entries(bundle: Resource) -> list[Any]:
    entries = bundle.get("entry") or []
    if not isinstance(entries, list):
        raise Refusal(400, "Bundle.entry is not a list")
    return entries


def _parse(index: int, raw: Any, base_url: str) -> Entry:
    asked = raw.get("request") if isinstance(raw, dict) else None
    if not isinstance(asked, dict) or asked.get("method") not in _ORDER or not isinstance(asked.get("url"), str):
        raise Refusal(400, "needs request.method (GET, POST, PUT, DELETE) and request.url").within(index)
    path, _, params = asked["url"].removeprefix(f"{base_url}/").partition("?")
    headers = {header: str(asked[key]) for key, header in _CONDITIONS.items() if key in asked}
    parts = tuple(unquote(part) for part in path.strip("/").split("/"))
    content = raw.get("resource")
    request = Request(asked["method"], parts, parse_qsl(params, keep_blank_values=True), headers, content)
    return Entry(index, raw.get("fullUrl"), request)


def _check_identities(entries: Sequence[Entry]) -> None:
    seen: set[object] = set()
    for entry in entries:
        names: list[object] = [entry.full_url] if entry.full_url else []
        if entry.request.method in ("PUT", "DELETE"):
            names.append((entry.request.path, tuple(entry.request.params)))
        for name in names:
            if name in seen:
                raise Refusal(400, "the same resource stands twice in the transaction").within(entry.index)
            seen.add(name)


def _with_id(entry: Entry, resources: Resources) -> Entry:
    """Which id this entry's resource will have, known before anything is written so that others can refer to it."""
    request = entry.request
    if request.method == "POST":
        condition = request.headers.get("if-none-exist")
        found = resources.matching(entry.kind, query(condition)) if condition else []
        return replace(entry, id=found[0].id if found else resources.records.new_id())
    if request.method == "PUT" and len(request.path) == 1:
        found = resources.matching(entry.kind, request.params)
        said = request.content.get("id") if isinstance(request.content, dict) else None
        id_ = found[0].id if found else said or resources.records.new_id()
        content = request.content | {"id": said or id_} if isinstance(request.content, dict) else None
        return replace(entry, id=id_, request=replace(request, content=content))
    return replace(entry, id=request.path[1]) if len(request.path) == 2 else entry


def _resolved(entry: Entry, names: dict[str, str], resources: Resources) -> Entry:
    def rewrite(reference: str) -> str:
        if reference in names:
            return names[reference]
        if reference.startswith("urn:"):
            raise Refusal(400, f"no entry is called {reference}").within(entry.index)
        kind, mark, condition = reference.partition("?")
        if not mark or "/" in kind:
            return reference
        found = resources.matching(kind, query(condition))
        if len(found) != 1:
            status = 412 if found else 404
            raise Refusal(status, f"a conditional reference to {kind} matches {len(found)}").within(entry.index)
        return f"{kind}/{found[0].id}"

    content = rewritten(entry.request.content, rewrite)
    return replace(entry, request=replace(entry.request, content=content))


def _serve(entry: Entry, resources: Resources) -> Answer:
    """Like a request of its own; what was written is not sent back, only where it is and its version."""
    request = entry.request
    try:
        if request.method == "GET":
            return resources.serve(request)
        if request.method == "POST" and entry.id and len(request.path) == 1:
            return replace(resources.create(entry.kind, request, entry.id), content=None)
        return replace(resources.serve(request), content=None)
    except Refusal as refusal:
        raise refusal.within(entry.index) from refusal


def _response(kind: str, answers: Sequence[Answer]) -> Resource:
    return {"resourceType": "Bundle", "type": kind, "entry": [_entry(answer) for answer in answers]}


def _entry(answer: Answer) -> Element:
    said: Element = {"status": f"{answer.status} {HTTPStatus(answer.status).phrase}"}
    for name, key in (("Location", "location"), ("ETag", "etag")):
        if name in answer.headers:
            said[key] = answer.headers[name]
    content = answer.content
    if content and content["resourceType"] == "OperationOutcome":
        return {"response": said | {"outcome": content}}
    return ({"resource": content} if content else {}) | {"response": said}
