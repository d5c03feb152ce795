"""The reading side of the FHIR server: metadata, read, vread, history, search. Patients of the own centre only."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from functools import partial
from typing import Any

from flask import Response, request
from werkzeug.exceptions import Gone, UnsupportedMediaType

from adapter.errors import Invalid, NotAllowed, NotFound
from adapter.store.resources import Stored
from adapter.web import auth, search_request, served
from adapter.web.capability import statement
from adapter.web.content import FORM, body, fhir, lenient, unknown_parameters
from adapter.web.routing import READERS, Door, Role, Route
from adapter.web.search_request import Search
from adapter.web.site import Site
from mappings.r4.build import Element, Resource

NO_PATIENTS = "a registry sees no patients here: de-identified bundles are at /registry/bundles"
FORMAT = {"_format", "_pretty"}


def routes(site: Site) -> list[Route]:
    """What is read, under `/fhir`. Types are an explicit list: another type is an unknown URL."""
    kinds = ", ".join(repr(kind) for kind in sorted({**served.STORED, **served.DEFINED}))
    one = f"/fhir/<any({kinds}):kind>"
    return [
        Route("metadata", "/fhir/metadata", partial(metadata, site, site.clock()), Door.OPEN),
        Route("read", f"{one}/<id_>", partial(read, site), READERS),
        Route("vread", f"{one}/<id_>/_history/<version>", partial(vread, site), READERS),
        Route("history", f"{one}/<id_>/_history", partial(history, site), READERS),
        Route("search", one, partial(search, site), READERS),
        Route("search-post", f"{one}/_search", partial(search, site), READERS, ("POST",)),
    ]


def metadata(site: Site, started: datetime) -> Response:
    return fhir(statement(site, started))


def read(site: Site, kind: str, id_: str) -> Response:
    _only_known()
    if kind in served.DEFINED:
        return _unless_known(_definition(site, kind, id_))
    with site.store.reading() as tx:
        found = _own(tx.resources.get(kind, id_))
    if found.deleted:
        raise Gone(f"{kind}/{id_} was deleted")
    return _unless_known(found.content, found.at)


def vread(site: Site, kind: str, id_: str, version: str) -> Response:
    _only_known()
    if kind in served.DEFINED:
        resource = _definition(site, kind, id_)
        if resource["meta"]["versionId"] != version:
            raise NotFound(_missing())
        return _unless_known(resource)
    with site.store.reading() as tx:
        _own(tx.resources.get(kind, id_))
        number = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0
        found = _own(tx.resources.version(kind, id_, number))
    if found.deleted:
        raise Gone("this version says that it was deleted")
    return _unless_known(found.content, found.at)


def history(site: Site, kind: str, id_: str) -> Response:
    _only_known()
    if kind in served.DEFINED:
        entries = [_past(site, kind, id_, _definition(site, kind, id_), "200")]
    else:
        with site.store.reading() as tx:
            _own(tx.resources.get(kind, id_))
            versions = sorted(tx.resources.history(kind, id_), key=lambda one: one.version, reverse=True)
        entries = [_past_of(site, one) for one in versions]
    link = {"relation": "self", "url": f"{site.fhir_base}/{kind}/{id_}/_history"}
    bundle = {"resourceType": "Bundle", "type": "history", "total": len(entries), "link": [link], "entry": entries}
    return fhir(bundle)


def search(site: Site, kind: str) -> Response:
    asked = search_request.read(kind, _parameters(), lenient=lenient())
    if kind in served.DEFINED:
        found = site.definitions.search(kind, asked.finds)
        page = found[asked.offset : asked.offset + asked.count]
        return fhir(search_request.searchset(asked, site.fhir_base, len(found), page))
    return fhir(_stored_page(site, asked))


def _stored_page(site: Site, asked: Search) -> Resource:
    centres = [_patient_centre()]
    with site.store.reading() as tx:
        page = tx.resources.search(asked.kind, asked.finds, centres=centres, count=asked.count, offset=asked.offset)
        matches = [one.content for one in page.matches]
        included: list[Resource] = []
        if asked.include is not None and matches:
            wanted = [ref for plan in matches for ref in _activities(plan, asked.include)]
            found = tx.resources.get_many(list(dict.fromkeys(wanted)))
            included = [one.content for one in found if one.centre in centres and not one.deleted]
    return search_request.searchset(asked, site.fhir_base, page.total, matches, included)


def _activities(plan: Resource, kind: str) -> list[str]:
    """References of a CarePlan to its orders, of the wanted type where one is named."""
    references = [a["reference"]["reference"] for a in plan.get("activity", ()) if "reference" in a]
    return [one for one in references if not kind or one.startswith(f"{kind}/")]


def _parameters() -> list[tuple[str, str]]:
    asked = list(request.args.items(multi=True))
    if request.method == "POST":
        if request.mimetype != FORM:
            raise UnsupportedMediaType(f"a search is posted as {FORM}")
        body()
        asked += list(request.form.items(multi=True))
    return asked


def _only_known() -> None:
    if faults := unknown_parameters(FORMAT):
        raise Invalid(faults, status=400)


def _definition(site: Site, kind: str, id_: str) -> Resource:
    found = site.definitions.get(kind, id_)
    if found is None:
        raise NotFound(_missing())
    return found


def _own(found: Stored | None) -> Stored:
    """The resource, if it is of the caller's centre; another centre's is as missing as none."""
    centre = _patient_centre()
    if found is None or found.centre != centre:
        raise NotFound(_missing())
    return found


def _patient_centre() -> str:
    if auth.caller().role == Role.REGISTRY.value:
        raise NotAllowed(NO_PATIENTS)
    return auth.centre()


def _missing() -> str:
    parts: dict[str, Any] = request.view_args or {}
    return f"no {parts.get('kind')} with this id"


def _unless_known(resource: Resource, at: datetime | None = None) -> Response:
    """The resource with its ETag, or 304 where the caller has this version already."""
    tag = resource["meta"]["versionId"]
    headers = {"ETag": f'W/"{tag}"'}
    if at:
        headers["Last-Modified"] = format_datetime(at, usegmt=True)
    if request.if_none_match.contains_weak(tag):
        return Response(status=304, headers=headers)
    unchanged = request.if_modified_since
    if at and unchanged and not request.if_none_match and at.replace(microsecond=0) <= unchanged:
        return Response(status=304, headers=headers)
    return fhir(resource, headers=headers)


def _past_of(site: Site, one: Stored) -> Element:
    if one.deleted:
        at = one.at.isoformat()
        gone = {"status": "204", "etag": f'W/"{one.version}"', "lastModified": at}
        return {
            "fullUrl": f"{site.fhir_base}/{one.kind}/{one.id}",
            "request": {"method": "DELETE", "url": f"{one.kind}/{one.id}"},
            "response": gone,
        }
    return _past(site, one.kind, one.id, one.content, "201" if one.version == 1 else "200", one.at)


def _past(site: Site, kind: str, id_: str, resource: Resource, status: str, at: datetime | None = None) -> Element:
    response: Element = {"status": status, "etag": f'W/"{resource["meta"]["versionId"]}"'}
    if at:
        response["lastModified"] = at.isoformat()
    return {
        "fullUrl": f"{site.fhir_base}/{kind}/{id_}",
        "resource": resource,
        "request": {"method": "PUT", "url": f"{kind}/{id_}"},
        "response": response,
    }
