"""A REDCap export by HTTP: the export, its mapping and the data dictionary in one call. Only what they say is kept."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response, request

from adapter.errors import Invalid
from adapter.flows import batch
from adapter.web import auth
from adapter.web.content import body, require_type
from adapter.web.follow_ups import reported
from adapter.web.routing import CENTRE, Route
from adapter.web.site import Site
from mappings.intake import redcap
from mappings.r4.faults import Fault, FaultyInput

PARTS = "multipart/form-data"
MAPPING, DICTIONARY, EXPORT = "mapping", "dictionary", "export"


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
    project, export = _project(), _needed(EXPORT)
    try:
        layout = redcap.survey(lambda: export.splitlines(keepends=True), project)
    except FaultyInput as error:
        told = [Fault(f"{EXPORT}.{fault.path}", f"row 1: {fault.message}", fault.code) for fault in error.faults]
        raise Invalid(told) from error
    found = redcap.read(lambda: export.splitlines(keepends=True), layout, project)
    call: dict[str, Any] = {
        "sender": auth.caller(),
        "store": site.store,
        "settings": site.settings,
        "now": site.clock(),
    }
    return reported(batch.record(found, **call, found=layout.notes))


def _project() -> redcap.Project:
    """The mapping, held against the dictionary. Raises Invalid with each fault by its key in the mapping."""
    try:
        text = _needed(MAPPING).decode("utf-8")
    except UnicodeError as error:
        raise Invalid([Fault(MAPPING, "is not UTF-8", "structure")]) from error
    dictionary = _part(DICTIONARY)
    try:
        if dictionary is None and redcap.dictionary_of(text):
            told = "the mapping names one: send it, or leave it out of the mapping"
            raise Invalid([Fault(DICTIONARY, f"missing: {told}", "required")])
        return redcap.project(text, dictionary)
    except FaultyInput as error:
        faults = [Fault(f"{MAPPING}.{fault.path}", fault.message, fault.code) for fault in error.faults]
        raise Invalid(faults) from error


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
