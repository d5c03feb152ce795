"""`POST /fhir`: a transaction, all of which happens or nothing, or a batch, each entry of which is on its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Response

from adapter.errors import EngraftError, Invalid
from adapter.flows import pushed
from adapter.flows.pushed import Change, Kept
from adapter.web import auth, fhir_writing
from adapter.web.content import FHIR, JSON, fhir, json_body, tagged_version, wishes
from adapter.web.outcome import faults_of, operation_outcome, status_of
from adapter.web.routing import CENTRE, Route
from adapter.web.served import PUSHED
from adapter.web.site import Site
from mappings.r4.build import Element
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import validate

MOST = 1000
"""Entries of one Bundle."""


def routes(site: Site) -> list[Route]:
    return [Route("bundle", "/fhir", partial(bundle, site), CENTRE, ("POST",))]


def bundle(site: Site) -> Response:
    """The answers in the order of the entries."""
    document = json_body(FHIR, JSON)
    _require_bundle(document)
    entries: list[Element] = document.get("entry", [])
    if document["type"] == "transaction":
        answers = _transaction(site, entries)
    else:
        answers = [_alone(site, entry, n) for n, entry in enumerate(entries)]
    made = {"resourceType": "Bundle", "type": f"{document['type']}-response"}
    return fhir(made | ({"entry": answers} if answers else {}))


def _require_bundle(document: Any) -> None:
    """A Bundle of R4, its resources left aside: they have their faults by themselves."""
    kind = document.get("resourceType") if isinstance(document, Mapping) else None
    if kind != "Bundle":
        told = "POST /fhir takes a Bundle; a single resource goes to /fhir/<type>"
        raise Invalid([Fault("resourceType", told, "structure")], status=400)
    entries = document.get("entry", [])
    bare = [{k: v for k, v in e.items() if k != "resource"} if isinstance(e, dict) else e for e in entries]
    faults = [fault for fault in validate(document | ({"entry": bare} if bare else {})) if fault.severity == "error"]
    if not faults and document["type"] not in ("transaction", "batch"):
        faults = [Fault("Bundle.type", "is transaction or batch here", "not-supported")]
    if not faults and len(entries) > MOST:
        faults = [Fault("Bundle.entry", f"at most {MOST} in one Bundle", "too-costly")]
    if faults:
        raise Invalid(faults, status=400)


def _transaction(site: Site, entries: Sequence[Element]) -> list[Element]:
    changes: list[Change] = []
    faults: list[Fault] = []
    for n, entry in enumerate(entries):
        try:
            changes.append(_change(site, entry, n))
        except Invalid as error:
            faults += error.faults
    targets = Counter((one.resource["resourceType"], one.target) for one in changes if one.target)
    faults += [
        Fault(f"{one.place}.id", "is changed twice in one transaction", "duplicate")
        for one in changes
        if one.target and targets[one.resource["resourceType"], one.target] > 1
    ]
    if faults:
        raise Invalid(faults, status=400)
    return [_entry(site, kept) for kept in _take(site, changes)]


def _alone(site: Site, entry: Element, n: int) -> Element:
    """One entry of a batch: what it became, or why not."""
    try:
        (kept,) = _take(site, [_change(site, entry, n)])
    except (EngraftError, FaultyInput) as error:
        status = status_of(error)
        outcome = operation_outcome(faults_of(error))
        return {"response": {"status": _status(status), "outcome": outcome}}
    return _entry(site, kept)


def _take(site: Site, changes: Sequence[Change]) -> list[Kept]:
    return pushed.take(changes, sender=auth.caller(), store=site.store, settings=site.settings, now=site.clock())


def _change(site: Site, entry: Element, n: int) -> Change:
    """Raises Invalid (400) naming the part of the entry that cannot be carried out."""
    place, asked = f"Bundle.entry[{n}]", entry["request"]
    method, url = asked["method"], asked["url"].removeprefix(f"{site.fhir_base}/")
    resource = entry.get("resource")
    if method not in ("POST", "PUT"):
        raise _refusal(f"{place}.request.method", "only POST and PUT are carried out here", "not-supported")
    if not isinstance(resource, dict):
        raise _refusal(f"{place}.resource", "is missing", "required")
    path, _, query = url.partition("?")
    kind, _, id_ = path.partition("/")
    if kind != resource.get("resourceType"):
        raise _refusal(f"{place}.request.url", "is not the type of the resource", "value")
    if kind not in PUSHED and not (kind == "Patient" and method == "PUT" and id_):
        known = ", ".join(sorted(PUSHED))
        told = f"{method} {kind[:64]} is not carried out here; {known}, and PUT of a Patient are"
        raise _refusal(f"{place}.request.url", told, "not-supported")
    common: dict[str, Any] = {
        "full_url": entry.get("fullUrl"),
        "expected": tagged_version(asked.get("ifMatch"), f"{place}.request.ifMatch"),
    }
    inside = f"{place}.resource"
    if method == "POST":
        unless = fhir_writing.finds(site, kind, asked.get("ifNoneExist", ""), f"{place}.request.ifNoneExist")
        if id_ or query:
            raise _refusal(f"{place}.request.url", "a create names the type alone", "value")
        return Change(inside, resource, unless=unless, **common)
    if query and not id_:
        chosen_by = fhir_writing.finds(site, kind, query, f"{place}.request.url")
        return Change(inside, resource, chosen_by=chosen_by, **common)
    if not id_ or resource.get("id") != id_:
        raise _refusal(f"{inside}.id", "is not the id of the address", "value")
    return Change(inside, resource, target=id_, **common)


def _refusal(place: str, message: str, code: str) -> Invalid:
    return Invalid([Fault(place, message, code)], status=400)


def _entry(site: Site, kept: Kept) -> Element:
    headers = fhir_writing.told_headers(site, kept)
    said = {
        "status": _status(201 if kept.created else 200),
        "location": headers["Location"],
        "etag": headers["ETag"],
        "lastModified": kept.stored.content["meta"]["lastUpdated"],
    }
    whole = {"resource": kept.stored.content} if wishes("return") == "representation" else {}
    return whole | {"response": said}


def _status(code: int) -> str:
    return f"{code} {HTTPStatus(code).phrase}"
