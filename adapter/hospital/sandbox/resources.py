"""What the sandbox does with one resource: the R4 interactions on types and instances."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from adapter.hospital import r4_gate
from adapter.hospital.sandbox import search
from adapter.hospital.sandbox.exchange import ID, Answer, Request, of_version
from adapter.hospital.sandbox.hooks import subscribed
from adapter.hospital.sandbox.metadata import KINDS
from adapter.hospital.sandbox.pages import Pages
from adapter.hospital.sandbox.records import Records, Version
from adapter.hospital.sandbox.refusal import Refusal
from mappings.r4.build import Element, Resource
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import validate


class Resources:
    """Serves the paths below a resource type."""

    def __init__(self, records: Records, base_url: str, *, client_ids: bool = True) -> None:
        self.records = records
        self._client_ids = client_ids
        self.base_url = base_url
        self.pages = Pages(base_url)

    def serve(self, request: Request) -> Answer:
        """The answer to one interaction. Raises Refusal."""
        match request.method, request.path:
            case "GET", (kind,):
                return self._search(kind, request.params)
            case "POST", (kind, "_search"):
                return self._search(kind, request.params)
            case "POST", (kind,):
                return self.create(_known(kind), request, self.records.new_id())
            case "PUT", (kind,):
                return self._conditional_update(_known(kind), request)
            case "GET", (kind, "_history"):
                return self._type_history(_known(kind), request.params)
            case "GET", (kind, id_):
                return self._read(_known(kind), id_)
            case "PUT", (kind, id_):
                return self.update(_known(kind), id_, request)
            case "DELETE", (kind, id_):
                return self._delete(_known(kind), id_, request)
            case "GET", (kind, id_, "_history"):
                return self._history(_known(kind), id_)
            case "GET", (kind, id_, "_history", number):
                return self._vread(_known(kind), id_, number)
            case _:
                raise Refusal(405, f"{request.method} is not served here")

    def create(self, kind: str, request: Request, new_id: str) -> Answer:
        """POST, with `If-None-Exist` where the sender fears a duplicate."""
        condition = request.headers.get("if-none-exist")
        if condition is not None:
            found = self.matching(kind, query(condition))
            if len(found) > 1:
                raise Refusal(412, "If-None-Exist matches several resources")
            if found:
                return of_version(200, found[0], self.base_url)
        content = {key: value for key, value in accepted(kind, request.content).items() if key != "id"}
        version, _ = self.records.put(kind, new_id, content | {"id": new_id}, "POST")
        return of_version(201, version, self.base_url)

    def update(self, kind: str, id_: str, request: Request) -> Answer:
        """PUT on an id, which the client may have chosen."""
        if not ID.fullmatch(id_):
            raise Refusal(400, "an id has 1 to 64 of A-Z, a-z, 0-9, '-' and '.'")
        content = accepted(kind, request.content)
        if content.get("id") != id_:
            raise Refusal(400, [Fault(f"{kind}.id", "is not the id of the URL", "invalid")])
        last = self.records.current(kind, id_)
        if last is None and not self._client_ids:
            raise Refusal(405, "ids are given here and not chosen")
        request.check_if_match(last)
        version, _ = self.records.put(kind, id_, content, "PUT")
        existed = last is not None and last.content is not None
        return of_version(200 if existed else 201, version, self.base_url)

    def matching(self, kind: str, params: search.Params) -> list[Version]:
        """Living resources that match, oldest change first."""
        search.check(params)
        found = [version for version, content in self.records.living(kind) if search.matches(content, params)]
        return sorted(found, key=lambda version: (version.at, version.id))

    def _search(self, kind: str, params: search.Params) -> Answer:
        return Answer(200, self.pages.first(kind, params, self.matching(_known(kind), params)))

    def _conditional_update(self, kind: str, request: Request) -> Answer:
        if not request.params:
            raise Refusal(405, "PUT on a type needs a condition")
        found = self.matching(kind, request.params)
        said = request.content.get("id") if isinstance(request.content, dict) else None
        if len(found) > 1:
            raise Refusal(412, "the condition matches several resources")
        if found and said not in (None, found[0].id):
            raise Refusal(400, [Fault(f"{kind}.id", "is not the id of the match", "invalid")])
        id_ = found[0].id if found else said or self.records.new_id()
        content = accepted(kind, request.content) | {"id": id_}
        if not found and self.records.current(kind, id_):
            raise Refusal(409, "the id is taken by a resource that the condition does not match")
        return self.update(kind, id_, Request("PUT", (kind, id_), (), request.headers, content))

    def _read(self, kind: str, id_: str) -> Answer:
        version = self._there(kind, id_)
        if version.content is None:
            raise Refusal(410, "deleted")
        return of_version(200, version, self.base_url)

    def _vread(self, kind: str, id_: str, number: str) -> Answer:
        for version in self.records.versions(kind, id_):
            if str(version.number) == number:
                if version.content is None:
                    raise Refusal(410, "this version is the deletion")
                return of_version(200, version, self.base_url)
        raise Refusal(404, "no such version")

    def _history(self, kind: str, id_: str) -> Answer:
        self._there(kind, id_)
        return self._told(f"{kind}/{id_}/_history", reversed(self.records.versions(kind, id_)))

    def _type_history(self, kind: str, params: search.Params) -> Answer:
        """All on one page; `_since` is an instant."""
        since = datetime.fromisoformat(dict(params).get("_since", "1970-01-01T00:00:00Z"))
        changed = [version for version in self.records.of_kind(kind) if version.at >= since]
        return self._told(f"{kind}/_history", sorted(changed, key=lambda version: version.at, reverse=True))

    def _told(self, path: str, versions: Iterable[Version]) -> Answer:
        entries = [self._history_entry(version) for version in versions]
        link = [{"relation": "self", "url": f"{self.base_url}/{path}"}]
        content = {"resourceType": "Bundle", "type": "history", "total": len(entries), "link": link, "entry": entries}
        return Answer(200, content)

    def _history_entry(self, version: Version) -> Element:
        request = {"method": version.method, "url": f"{version.kind}/{version.id}"}
        status = {"DELETE": "204"}.get(version.method, "201" if version.number == 1 else "200")
        entry: Element = {"fullUrl": f"{self.base_url}/{version.kind}/{version.id}"}
        if version.content is not None:
            entry["resource"] = version.content
        return entry | {"request": request, "response": {"status": status, "etag": version.etag}}

    def _delete(self, kind: str, id_: str, request: Request) -> Answer:
        request.check_if_match(self.records.current(kind, id_))
        self.records.delete(kind, id_)
        return Answer(204)

    def _there(self, kind: str, id_: str) -> Version:
        version = self.records.current(kind, id_)
        if version is None:
            raise Refusal(404, f"no {kind} of this id")
        return version


def accepted(kind: str, content: Any) -> Resource:
    """What the sandbox is willing to store under `kind`. Raises Refusal with every fault."""
    if not isinstance(content, dict):
        raise Refusal(400, "the body is not a resource")
    if content.get("resourceType") != kind:
        raise Refusal(400, [Fault("resourceType", f"is not {kind}", "invalid")])
    errors = _errors(content)
    if errors:
        raise Refusal(422, errors)
    return subscribed(content) if kind == "Subscription" else content


def _errors(content: Resource) -> list[Fault]:
    """By our own validator; by fhirclient's models for the types that a hospital keeps and we never send."""
    errors = [fault for fault in validate(content) if fault.severity == "error"]
    if any(fault.code == "not-supported" for fault in errors):
        errors = [fault for fault in errors if fault.code != "not-supported"]
        try:
            r4_gate.read(content)
        except FaultyInput as error:
            errors += error.faults
    return errors


def query(text: str) -> search.Params:
    """Parameters of a conditional interaction, with or without what stands before the question mark."""
    params = parse_qsl(text.rpartition("?")[2], keep_blank_values=True)
    if not params:
        raise Refusal(400, "a condition without parameters")
    return params


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise Refusal(404, "R4 has no such resource type")
    return kind
