"""The reading side of the FHIR server: metadata, read, vread, history, search.

Patients of the own centre only; for a registry the de-identified ones of who agrees (`registry_view`).
"""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from functools import partial
from typing import Any

from flask import Response, request
from werkzeug.exceptions import Gone, UnsupportedMediaType

from adapter.errors import Invalid, NotFound
from adapter.web import fhir_asked, past, registry_view, search_request, served, shapes
from adapter.web.capability import statement
from adapter.web.content import FORM, asked, fhir, lenient, unknown_parameters
from adapter.web.routing import READERS, Door, Route
from adapter.web.shapes import Shape
from adapter.web.site import Site
from mappings.r4.build import Resource


def routes(site: Site) -> list[Route]:
    """What is read, under `/fhir`. Types are an explicit list: another type is an unknown URL."""
    kinds = ", ".join(repr(kind) for kind in sorted(served.STORED | served.DEFINED))
    one = f"/fhir/<any({kinds}):kind>"
    return [
        Route("metadata", "/fhir/metadata", partial(metadata, site, site.clock()), Door.OPEN),
        Route("read", f"{one}/<id_>", partial(read, site), READERS, reads=True),
        Route("vread", f"{one}/<id_>/_history/<version>", partial(vread, site), READERS, reads=True),
        Route("history", f"{one}/<id_>/_history", partial(history, site), READERS, reads=True),
        Route("search", one, partial(search, site), READERS, reads=True),
        Route("search-post", f"{one}/_search", partial(search, site), READERS, ("POST",), reads=True),
    ]


def metadata(site: Site, started: datetime) -> Response:
    return fhir(statement(site, started))


def read(site: Site, kind: str, id_: str) -> Response:
    shape = _shape(kind)
    if kind in served.DEFINED:
        return _unless_known(_definition(site, kind, id_), shape)
    with registry_view.patients(site, [kind], registry_view.named(id_)) as (tx, centre):
        found = fhir_asked.own(tx.resources.get(kind, id_), centre, _missing())
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
    with registry_view.patients(site, [kind], registry_view.named(id_)) as (tx, centre):
        fhir_asked.own(tx.resources.get(kind, id_), centre, _missing())
        wanted = tx.resources.version(kind, id_, fhir_asked.version_number(version))
        found = fhir_asked.own(wanted, centre, _missing())
    if found.deleted:
        raise Gone("this version says that it was deleted")
    return _unless_known(found.content, shape, found.at)


def history(site: Site, kind: str, id_: str) -> Response:
    if kind in served.DEFINED:
        faults = unknown_parameters(set(served.SHAPES))
        if faults:
            raise Invalid(faults, status=400)
        return fhir(past.of_definition(site.fhir_base, _definition(site, kind, id_)))
    registry_view.refuse_times(name for name, _ in asked())
    wanted = past.read(asked(), lenient=lenient())
    with registry_view.patients(site, [kind], registry_view.named(id_)) as (tx, centre):
        fhir_asked.own(tx.resources.get(kind, id_), centre, _missing())
        total, versions = past.versions(tx, kind, id_, wanted)
    return fhir(registry_view.shown(past.bundle(site.fhir_base, f"{kind}/{id_}", wanted, total, versions)))


def search(site: Site, kind: str) -> Response:
    if request.method == "POST" and request.mimetype != FORM:
        raise UnsupportedMediaType(f"a search is posted as {FORM}")
    wanted = search_request.read(kind, asked(), base=site.fhir_base, lenient=lenient())
    if kind in served.DEFINED:
        found, matches = site.definitions.search(kind, wanted.finds, wanted.window)
        return fhir(search_request.searchset(wanted, site.fhir_base, found.total, found.after, matches))
    registry_view.refuse_times(name for name, _ in asked())
    kinds, meant = (None, None) if wanted.includes else ([kind], registry_view.found_by(wanted.finds))
    with registry_view.patients(site, kinds, meant) as (tx, centre):
        return fhir(registry_view.shown(fhir_asked.search_patients(wanted, site, tx, centre)))


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


def _missing() -> str:
    parts: dict[str, Any] = request.view_args or {}
    return f"no {parts.get('kind')} with this id"


def _unless_known(resource: Resource, shape: Shape, at: datetime | None = None) -> Response:
    """The resource with its ETag, or 304 where the caller has this version already."""
    if at and registry_view.asks():
        return fhir(shape.of(registry_view.shown(resource)))
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
