"""`$export`: Bulk Data Access 3.0.0, asynchronous. A centre gets its own, a registry what may leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from threading import Thread
from typing import Any

from flask import Response, request, send_file

from adapter.errors import Invalid, NotFound, Refused, Unavailable
from adapter.flows import bulk
from adapter.store.exports import DONE, FAILED, Export
from adapter.web import auth, served
from adapter.web.content import FHIR, JSON, LINES, asked, fhir, json_body, lenient, plain
from adapter.web.outcome import operation_outcome
from adapter.web.routing import OUTCOMES, Role, Route
from adapter.web.site import Site
from mappings.protocol import names
from mappings.r4 import subset
from mappings.r4.build import Element
from mappings.r4.faults import Fault

RETRY_AFTER = 1
"""Seconds between two looks: an export of a whole study is a matter of seconds."""

FORMATS = ("application/fhir+ndjson", "application/ndjson", "ndjson")
UNSERVED = frozenset({"_typeFilter", "_until", "patient", "includeAssociatedData", "organizeOutputBy"}) | {
    "allowPartialManifests"
}
"""What Bulk Data foresees and we do not do."""

Start = Callable[[Callable[[], None]], None]
"""How work is begun that goes on after the answer."""


def in_a_thread(work: Callable[[], None]) -> None:
    """It ends with the process, and the next look begins it anew."""
    Thread(target=work, daemon=True).start()


def routes(site: Site, start: Start = in_a_thread) -> list[Route]:
    both = ("GET", "POST")
    job = "/fhir/$export-job/<id_>"
    return [
        Route("export", "/fhir/$export", partial(kick_off, site, start), OUTCOMES, both, lines=True),
        Route("export-patients", "/fhir/Patient/$export", partial(kick_off, site, start), OUTCOMES, both, lines=True),
        Route(
            "export-group", "/fhir/Group/<group>/$export", partial(kick_off, site, start), OUTCOMES, both, lines=True
        ),
        Route("export-status", job, partial(status, site, start), OUTCOMES, wordless=True),
        Route("export-delete", job, partial(remove, site), OUTCOMES, ("DELETE",), wordless=True),
        Route("export-file", f"{job}/<name>", partial(file, site), OUTCOMES, wordless=True),
    ]


def kick_off(site: Site, start: Start, group: str | None = None) -> Response:
    """202 and where to look. A group is a protocol: everybody who is enrolled in it."""
    if group is not None and group not in names():
        raise NotFound(f"no group {group[:64]}; a protocol's name is the group of who is enrolled in it")
    wanted = _read()
    caller, now = auth.caller(), site.clock()
    registry = caller.role == Role.REGISTRY.value
    if registry:
        try:
            site.settings.pseudonym_key(caller.name)
        except Refused as error:
            raise Unavailable("this server has no pseudonym key, without which nothing leaves it") from error
    bulk.sweep(store=site.store, now=now, settings=site.settings)
    centre = None if registry else auth.centre()
    url = f"{site.settings.public_url}{request.full_path.rstrip('?')}"
    made = bulk.ask(
        wanted, store=site.store, client=caller.name, centre=centre, url=url, now=now, settings=site.settings
    )
    _begin(site, start, made.id)
    note = Fault("", "the export has begun; Content-Location says where to look", "informational", "information")
    headers = {"Content-Location": f"{site.fhir_base}/$export-job/{made.id}"}
    return fhir(operation_outcome([note]), 202, headers)


def status(site: Site, start: Start, id_: str) -> Response:
    """How far it is, or where the files are."""
    job = _mine(site, id_)
    if job.state == FAILED:
        return fhir(operation_outcome([Fault("", f"the export failed: {job.error}", "exception")]), 500)
    if job.state != DONE:
        _begin(site, start, id_)
        headers = {"X-Progress": f"{job.written} resources written", "Retry-After": str(RETRY_AFTER)}
        return Response(status=202, headers=headers)
    where = f"{site.fhir_base}/$export-job/{id_}"
    files = [
        (one["deleted"], {"type": one["type"], "url": f"{where}/{one['name']}", "count": one["count"]})
        for one in job.files
        if one["name"]
    ]
    manifest = {
        "transactionTime": job.at.isoformat(timespec="milliseconds"),
        "request": job.url,
        "requiresAccessToken": True,
        "output": [said for deleted, said in files if not deleted],
        "deleted": [said for deleted, said in files if deleted],
        "error": [],
    }
    return plain(manifest, headers={"Expires": job.expires.strftime("%a, %d %b %Y %H:%M:%S GMT")})


def remove(site: Site, id_: str) -> Response:
    """Stops it and removes its files."""
    bulk.forget(_mine(site, id_), store=site.store, now=site.clock(), settings=site.settings)
    return Response(status=202)


def file(site: Site, id_: str, name: str) -> Response:
    """One file, or the part of it that `Range` asks for."""
    job = _mine(site, id_)
    place = bulk.place_of(job, name, site.settings) if job.state == DONE else None
    if place is None or not place.is_file():
        raise NotFound("no such file of this export")
    with site.store.transaction() as tx:
        tx.audit.add(at=site.clock(), who=job.client, action="export-read", target=id_, centre=job.centre, detail=name)
    return send_file(place.resolve(), mimetype=LINES[0], conditional=True, etag=True)


def _begin(site: Site, start: Start, id_: str) -> None:
    start(partial(bulk.work, id_, store=site.store, clock=site.clock, settings=site.settings))


def _mine(site: Site, id_: str) -> Export:
    with site.store.reading() as tx:
        job = tx.exports.get(id_, auth.caller().name, site.clock())
    if job is None:
        raise NotFound("no such export of yours, or it has expired")
    return job


def _read() -> bulk.Asked:
    """What is asked for. Raises Invalid with every fault."""
    faults: list[Fault] = []
    if "respond-async" not in _preferences():
        faults.append(Fault("Prefer", "an export is asked for with Prefer: respond-async", "required"))
    said: dict[str, list[str]] = {}
    for name, value in _parameters(faults):
        said.setdefault(name, []).append(value)
    if not lenient():
        known = ("_outputFormat", "_since", "_type", "_elements", "_format", "_pretty")
        for name in sorted(said.keys() - set(known)):
            words = "is not done here" if name in UNSERVED else f"is no parameter of $export; known: {', '.join(known)}"
            faults.append(Fault(name, words, "not-supported"))
    if any(one.replace(" ", "+") not in FORMATS for one in said.get("_outputFormat", [])):
        faults.append(Fault("_outputFormat", f"is one of {', '.join(FORMATS)}", "not-supported"))
    kinds, since = _kinds(said, faults), _since(said, faults)
    elements = _elements(said, kinds, faults)
    if faults:
        raise Invalid(faults, status=400)
    return bulk.Asked(kinds, since, elements)


def _preferences() -> set[str]:
    said = ",".join(request.headers.getlist("Prefer")).replace(";", ",")
    return {part.strip() for part in said.split(",")}


def _parameters(faults: list[Fault]) -> list[tuple[str, str]]:
    """Of the URL, and of a Parameters resource in the body."""
    found = asked()
    if request.method == "POST" and request.mimetype in (FHIR, JSON):
        sent = json_body(FHIR, JSON)
        parts = sent.get("parameter", []) if isinstance(sent, Mapping) else None
        if not isinstance(sent, Mapping) or sent.get("resourceType") != "Parameters" or not isinstance(parts, list):
            faults.append(Fault("Parameters", "the body is a Parameters resource", "structure"))
            return found
        for number, part in enumerate(parts):
            name, value = _named(part)
            if name is None:
                faults.append(Fault(f"Parameters.parameter[{number}]", "has a name and a value", "structure"))
            else:
                found.append((name, value))
    return found


def _named(part: Any) -> tuple[str | None, str]:
    if not isinstance(part, Mapping) or not isinstance(part.get("name"), str):
        return None, ""
    value = next((said for key, said in part.items() if key.startswith("value")), None)
    if isinstance(value, Mapping):
        value = value.get("reference", "")
    return (part["name"], value) if isinstance(value, str) else (None, "")


def _kinds(said: Mapping[str, list[str]], faults: list[Fault]) -> tuple[str, ...]:
    named = {kind.strip() for value in said.get("_type", []) for kind in value.split(",") if kind.strip()}
    unknown = sorted(named - served.STORED)
    if unknown and not lenient():
        known = ", ".join(sorted(served.STORED))
        faults.append(Fault("_type", f"{', '.join(unknown)} is not stored here; known: {known}", "not-supported"))
    return tuple(sorted(named & served.STORED if named else served.STORED))


def _since(said: Mapping[str, list[str]], faults: list[Fault]) -> datetime | None:
    values = said.get("_since", [])
    if not values:
        return None
    try:
        found = datetime.fromisoformat(values[0].replace(" ", "+"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or len(values) > 1:
        faults.append(Fault("_since", "is one instant with its zone, e.g. 2026-03-02T10:00:00Z", "value"))
    return found


def _elements(
    said: Mapping[str, list[str]], kinds: tuple[str, ...], faults: list[Fault]
) -> dict[str, list[str]] | None:
    found: dict[str, list[str]] = {}
    for path in (each.strip() for value in said.get("_elements", []) for each in value.split(",")):
        kind, dot, element = path.partition(".")
        if not dot:
            kind, element = "*", path
        of = kinds if kind == "*" else (kind,)
        if not all(one in served.STORED and subset.knows(one, element) for one in of):
            faults.append(Fault("_elements", f"{path[:64]} is no element at the root of what is exported", "value"))
        found.setdefault(kind, []).append(element)
    return found or None


_DEFINED = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition"
OPERATIONS: Mapping[str, Element] = {
    "": {"name": "export", "definition": f"{_DEFINED}/export"},
    "Patient": {"name": "export", "definition": f"{_DEFINED}/patient-export"},
    "Group": {"name": "export", "definition": f"{_DEFINED}/group-export"},
}
"""As the CapabilityStatement names them, by type; of the whole system under the empty one."""
