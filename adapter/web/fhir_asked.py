"""A read of the FHIR server as an entry of a Bundle asks for it: read, vread, history or search, by its address."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from adapter.errors import Conflict, Invalid, NotFound
from adapter.store import Tx
from adapter.store.stored import Stored
from adapter.web import includes, past, search_request, served, shapes
from adapter.web.content import lenient, tagged_version
from adapter.web.site import Site
from mappings.r4.build import Element, Resource
from mappings.r4.faults import Fault

HISTORY = "_history"
_KNOWN = "what is read is <Type>/<id>, <Type>/<id>/_history, <Type>/<id>/_history/<version> or <Type>?<search>"

Said = Sequence[tuple[str, str]]


class Look(NamedTuple):
    """What an entry asks to see. `unless`: the version that its sender has already."""

    place: str
    parts: tuple[str, ...]
    said: Said
    unless: int | None


def read(url: str, asked: Element, place: str) -> Look:
    """The address of an entry, taken apart. Raises Invalid (400) with its place where nothing is read there."""
    path, _, query = url.partition("?")
    parts = tuple(unquote(part) for part in path.strip("/").split("/"))
    kind, further = parts[0], parts[2:]
    single = len(parts) < 3 or (further[0] == HISTORY and len(further) <= 2)
    if kind not in served.STORED | served.DEFINED or not single or not all(parts):
        raise Invalid([Fault(f"{place}.request.url", _KNOWN, "not-supported")], status=400)
    unless = tagged_version(asked.get("ifNoneMatch"), f"{place}.request.ifNoneMatch")
    return Look(place, parts, parse_qsl(query, keep_blank_values=True), unless)


def answer(look: Look, site: Site, tx: Tx, centre: str) -> Element:
    """The entry that answers, of the centre's own patients. Raises what the same read by itself raises."""
    kind, *rest = look.parts
    if not rest:
        return _answered(_search(kind, look.said, site, tx, centre))
    id_, *further = rest
    if further == [HISTORY]:
        return _answered(_history(kind, id_, look.said, site, tx, centre))
    shape = _shape(kind, look.said)
    content, at = _one(kind, id_, further[1] if further else None, site, tx, centre)
    tag = content["meta"]["versionId"]
    headers = {"etag": f'W/"{tag}"'} | ({"lastModified": at} if at else {})
    if look.unless is not None and str(look.unless) == tag:
        return {"response": {"status": _status(304), **headers}}
    return _answered(shape.of(content), **headers)


def _one(kind: str, id_: str, version: str | None, site: Site, tx: Tx, centre: str) -> tuple[Resource, str | None]:
    missing = f"no {kind} with this id"
    if kind in served.DEFINED:
        found = site.definitions.get(kind, id_)
        if found is None or version not in (None, found["meta"]["versionId"]):
            raise NotFound(missing)
        return found, None
    stored = own(tx.resources.get(kind, id_), centre, missing)
    if version is not None:
        stored = own(tx.resources.version(kind, id_, version_number(version)), centre, missing)
    if stored.deleted:
        raise Conflict(f"{kind}/{id_} was deleted", HTTPStatus.GONE)
    return stored.content, stored.content["meta"]["lastUpdated"]


def _history(kind: str, id_: str, said: Said, site: Site, tx: Tx, centre: str) -> Resource:
    if kind in served.DEFINED:
        return past.of_definition(site.fhir_base, _one(kind, id_, None, site, tx, centre)[0])
    wanted = past.read(said, lenient=lenient())
    own(tx.resources.get(kind, id_), centre, f"no {kind} with this id")
    return past.bundle(site.fhir_base, f"{kind}/{id_}", wanted, *past.versions(tx, kind, id_, wanted))


def _search(kind: str, said: Said, site: Site, tx: Tx, centre: str) -> Resource:
    wanted = search_request.read(kind, said, base=site.fhir_base, lenient=lenient())
    if kind in served.DEFINED:
        found, matches = site.definitions.search(kind, wanted.finds, wanted.window)
        return search_request.searchset(wanted, site.fhir_base, found.total, found.after, matches)
    return search_patients(wanted, site, tx, centre)


def search_patients(wanted: search_request.Search, site: Site, tx: Tx, centre: str) -> Resource:
    """A page of what is stored of a centre's patients, with what was asked to come along."""
    found = tx.resources.search(wanted.kind, wanted.finds, wanted.window, centres=[centre])
    included = includes.bring(tx, found.matches, wanted.includes, [centre])
    matches = [one.content for one in found.matches]
    return search_request.searchset(wanted, site.fhir_base, found.total, found.after, matches, included)


def own(found: Stored | None, centre: str, missing: str) -> Stored:
    """The resource, if it is of this centre; another centre's is as missing as none."""
    if found is None or found.centre != centre:
        raise NotFound(missing)
    return found


def version_number(said: str) -> int:
    """The version that an address names; 0, which none has, where it is no number."""
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0


def _shape(kind: str, said: Said) -> shapes.Shape:
    known = {*served.SHAPES, *shapes.NAMES}
    faults = [
        Fault(name, f"a read has no such parameter; known: {', '.join(sorted(known))}", "not-supported")
        for name, _ in said
        if name not in known and not lenient()
    ]
    shape = shapes.read(kind, dict(said), faults, search=False)
    if faults:
        raise Invalid(faults, status=400)
    return shape


def _answered(resource: Resource, **headers: str) -> Element:
    return {"resource": resource, "response": {"status": _status(200), **headers}}


def _status(code: int) -> str:
    return f"{code} {HTTPStatus(code).phrase}"
