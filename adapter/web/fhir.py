"""The reading side of the FHIR server: metadata, read, vread, history, search. Patients of the own centre only."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from functools import partial
from typing import Any

from flask import Response, request
from werkzeug.exceptions import Gone, UnsupportedMediaType

from adapter.errors import Invalid, NotAllowed, NotFound
from adapter.store.stored import Stored
from adapter.web import auth, fhir_asked, past, search_request, served, shapes
from adapter.web.capability import statement
from adapter.web.content import FORM, asked, fhir, lenient, unknown_parameters
from adapter.web.routing import READERS, Door, Role, Route
from adapter.web.shapes import Shape
from adapter.web.site import Site
from mappings.r4.build import Resource

NO_PATIENTS = "a registry sees no patients here: de-identified bundles are at /registry/bundles"


def routes(site: Site) -> list[Route]:
    """What is read, under `/fhir`. Types are an explicit list: another type is an unknown URL."""
    kinds = ", ".join(repr(kind) for kind in sorted(served.STORED | served.DEFINED))
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
    shape = _shape(kind)
    if kind in served.DEFINED:
        return _unless_known(_definition(site, kind, id_), shape)
    with site.store.reading() as tx:
        found = _own(tx.resources.get(kind, id_))
    if found.deleted:
        raise Gone(f"{kind}/{id_} was deleted")
    return _unless_known(found.content, shape, found.at)


def vread(site: Site, kind: str, id_: str, version: str) -> Response:
    shape = _shape(kind)
    if kind in served.DEFINED:
        resource = _definition(site, kind, id_)
        if resource["meta"]["versionId"] != version:
            raise NotFound(_missing())
        return _unless_known(resource, shape)
    with site.store.reading() as tx:
        _own(tx.resources.get(kind, id_))
        found = _own(tx.resources.version(kind, id_, fhir_asked.version_number(version)))
    if found.deleted:
        raise Gone("this version says that it was deleted")
    return _unless_known(found.content, shape, found.at)


def history(site: Site, kind: str, id_: str) -> Response:
    if kind in served.DEFINED:
        faults = unknown_parameters(set(served.SHAPES))
        if faults:
            raise Invalid(faults, status=400)
        return fhir(past.of_definition(site.fhir_base, _definition(site, kind, id_)))
    wanted = past.read(asked(), lenient=lenient())
    with site.store.reading() as tx:
        _own(tx.resources.get(kind, id_))
        total, versions = past.versions(tx, kind, id_, wanted)
    return fhir(past.bundle(site.fhir_base, f"{kind}/{id_}", wanted, total, versions))


def search(site: Site, kind: str) -> Response:
    if request.method == "POST" and request.mimetype != FORM:
        raise UnsupportedMediaType(f"a search is posted as {FORM}")
    wanted = search_request.read(kind, asked(), base=site.fhir_base, lenient=lenient())
    if kind in served.DEFINED:
        found, matches = site.definitions.search(kind, wanted.finds, wanted.window)
        return fhir(search_request.searchset(wanted, site.fhir_base, found.total, found.after, matches))
    centre = _patient_centre()
    with site.store.reading() as tx:
        return fhir(fhir_asked.search_patients(wanted, site, tx, centre))


def _shape(kind: str) -> Shape:
    """How much of a single resource is wanted; nothing else can be asked of a read."""
    faults = unknown_parameters({*served.SHAPES, *shapes.NAMES})
    shape = shapes.read(kind, request.args, faults, search=False)
    if faults:
        raise Invalid(faults, status=400)
    return shape


def _definition(site: Site, kind: str, id_: str) -> Resource:
    found = site.definitions.get(kind, id_)
    if found is None:
        raise NotFound(_missing())
    return found


def _own(found: Stored | None) -> Stored:
    """The resource, if it is of the caller's centre; another centre's is as missing as none."""
    return fhir_asked.own(found, _patient_centre(), _missing())


def _patient_centre() -> str:
    if auth.caller().role == Role.REGISTRY.value:
        raise NotAllowed(NO_PATIENTS)
    return auth.centre()


def _missing() -> str:
    parts: dict[str, Any] = request.view_args or {}
    return f"no {parts.get('kind')} with this id"


def _unless_known(resource: Resource, shape: Shape, at: datetime | None = None) -> Response:
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
    return fhir(shape.of(resource), headers=headers)
