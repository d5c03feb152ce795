"""A REDCap export by HTTP: the export, its mapping and the data dictionary in one call. Only what they say is kept."""

from __future__ import annotations

from functools import partial

from flask import Response, request

from adapter.errors import Invalid
from adapter.flows.uploads import DICTIONARY, EXPORT, MAPPING, REDCAP, Upload
from adapter.web import batches
from adapter.web.content import body, require_type
from adapter.web.routing import CENTRE, Route
from adapter.web.site import Site
from mappings.r4.faults import Fault

PARTS = "multipart/form-data"


def routes(site: Site) -> list[Route]:
    return [Route("redcap", "/follow-ups/redcap", partial(record, site), CENTRE, ("POST",))]


def record(site: Site) -> Response:
    """202 with what became of each record's events, as of every batch."""
    require_type(PARTS)
    body()  # keeps to the limit of what is read
    strange = sorted({*request.form, *request.files} - {MAPPING, DICTIONARY, EXPORT})
    if strange:
        known = ", ".join((MAPPING, DICTIONARY, EXPORT))
        raise Invalid([Fault(name[:80], f"no such part; known: {known}", "structure") for name in strange], status=400)
    parts = {MAPPING: _needed(MAPPING), EXPORT: _needed(EXPORT)}
    dictionary = _part(DICTIONARY)
    return batches.take(site, Upload(REDCAP, parts if dictionary is None else {**parts, DICTIONARY: dictionary}))


def _needed(name: str) -> bytes:
    found = _part(name)
    if not found:
        raise Invalid([Fault(name, "missing: send it as a part of this name", "required")])
    return found


def _part(name: str) -> bytes | None:
    """A part, whether it came as a file or as a field."""
    if name in request.files:
        data: bytes = request.files[name].read()
        return data
    return request.form[name].encode() if name in request.form else None
