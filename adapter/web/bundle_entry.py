"""One entry of a Bundle as what it asks for: to read, to take back, to hand in a form, or to keep a resource."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from adapter.errors import Invalid
from adapter.flows.pushed import Change, Withdrawal
from adapter.web import fhir_asked, fhir_writing
from adapter.web.content import tagged_version
from adapter.web.fhir_asked import Look
from adapter.web.served import BY_FORM, PUSHED
from adapter.web.site import Site
from mappings.r4.build import Element, Resource
from mappings.r4.faults import Fault

MOST_READS = 100
"""Entries with GET of one Bundle: each may be a search with a page of its own."""


class Gone(NamedTuple):
    """To be taken back, and why."""

    place: str
    withdrawal: Withdrawal
    reason: str


class Filled(NamedTuple):
    """A QuestionnaireResponse; `target`: the id of the one that it corrects, at the version `expected`."""

    place: str
    resource: Resource
    target: str | None = None
    expected: int | None = None


Asked: TypeAlias = Look | Gone | Filled | Change


def read(site: Site, entry: Element, n: int) -> Asked:
    """Raises Invalid (400) naming the part of the entry that cannot be carried out."""
    place, asked = f"Bundle.entry[{n}]", entry["request"]
    method, url = asked["method"], asked["url"].removeprefix(f"{site.fhir_base}/").removeprefix("/")
    if method == "GET":
        return fhir_asked.read(url, asked, place)
    if method == "DELETE":
        return _gone(site, asked, url, place)
    if method not in ("POST", "PUT"):
        raise _refusal(f"{place}.request.method", "GET, POST, PUT and DELETE are carried out here", "not-supported")
    return _told(site, entry, method, url, place)


def _gone(site: Site, asked: Element, url: str, place: str) -> Gone:
    path, _, query = url.partition("?")
    kind, _, id_ = path.partition("/")
    if kind not in (*PUSHED, BY_FORM) or "/" in id_:
        known = ", ".join(sorted((*PUSHED, BY_FORM)))
        raise _refusal(f"{place}.request.url", f"DELETE is carried out of {known} by their id", "not-supported")
    expected = tagged_version(asked.get("ifMatch"), f"{place}.request.ifMatch")
    found = fhir_writing.withdrawal(site, kind, id_ or None, query, f"{place}.request.url", expected)
    return Gone(place, *found)


def _told(site: Site, entry: Element, method: str, url: str, place: str) -> Filled | Change:
    asked, resource = entry["request"], entry.get("resource")
    if not isinstance(resource, dict):
        raise _refusal(f"{place}.resource", "is missing", "required")
    path, _, query = url.partition("?")
    kind, _, id_ = path.partition("/")
    if kind != resource.get("resourceType"):
        raise _refusal(f"{place}.request.url", "is not the type of the resource", "value")
    if kind not in (*PUSHED, BY_FORM) and not (kind == "Patient" and method == "PUT" and id_):
        known = ", ".join(sorted((*PUSHED, BY_FORM)))
        told = f"{method} {kind[:64]} is not carried out here; {known}, and PUT of a Patient are"
        raise _refusal(f"{place}.request.url", told, "not-supported")
    if method == "POST" and (id_ or query):
        raise _refusal(f"{place}.request.url", "a create names the type alone", "value")
    if method == "PUT" and not (query and not id_) and (not id_ or resource.get("id") != id_):
        raise _refusal(f"{place}.resource.id", "is not the id of the address", "value")
    if kind == BY_FORM:
        return _filled(asked, resource, id_, query, place)
    return _changed(site, entry, method, (kind, id_, query), place)


def _filled(asked: Element, resource: Resource, id_: str, query: str, place: str) -> Filled:
    if query or "ifNoneExist" in asked:
        told = "a form is known by its visit: send it without a condition, the same again doubles nothing"
        raise _refusal(f"{place}.request", told, "not-supported")
    expected = tagged_version(asked.get("ifMatch"), f"{place}.request.ifMatch")
    return Filled(f"{place}.resource", resource, id_ or None, expected)


def _changed(site: Site, entry: Element, method: str, to: tuple[str, str, str], place: str) -> Change:
    (kind, id_, query), asked, resource = to, entry["request"], entry["resource"]
    common: dict[str, Any] = {
        "full_url": entry.get("fullUrl"),
        "expected": tagged_version(asked.get("ifMatch"), f"{place}.request.ifMatch"),
    }
    inside = f"{place}.resource"
    if method == "POST":
        unless = fhir_writing.finds(site, kind, asked.get("ifNoneExist", ""), f"{place}.request.ifNoneExist")
        return Change(inside, resource, unless=unless, **common)
    if not id_:
        chosen_by = fhir_writing.finds(site, kind, query, f"{place}.request.url")
        return Change(inside, resource, chosen_by=chosen_by, **common)
    return Change(inside, resource, target=id_, **common)


def _refusal(place: str, message: str, code: str) -> Invalid:
    return Invalid([Fault(place, message, code)], status=400)
