"""`$export`: Bulk Data Access 3.0.0, asynchronous. A centre gets its own, a registry what may leave."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from flask import Response, request, send_file
from werkzeug.exceptions import MethodNotAllowed

from adapter.errors import Invalid, NotFound
from adapter.flows import bulk
from adapter.store.exports import Export
from adapter.store.jobs import DONE, FAILED
from adapter.web import auth, background, bulk_request, registry_view
from adapter.web.content import LINES, fhir, plain
from adapter.web.outcome import operation_outcome
from adapter.web.routing import OUTCOMES, Role, Route
from adapter.web.site import Site
from mappings.protocol import names
from mappings.r4.build import Element
from mappings.r4.faults import Fault

RETRY_AFTER = 1
"""Seconds between two looks: an export of a whole study is a matter of seconds."""


def routes(site: Site) -> list[Route]:
    both, begin = ("GET", "POST"), partial(partial, kick_off, site)
    job = "/fhir/$export-job/<id_>"
    return [
        Route("export", "/fhir/$export", begin(""), OUTCOMES, both, lines=True, query=None),
        Route("export-patients", "/fhir/Patient/$export", begin("Patient"), OUTCOMES, both, lines=True, query=None),
        Route("export-group", "/fhir/Group/<group>/$export", begin("Group"), OUTCOMES, both, lines=True, query=None),
        Route("export-status", job, partial(status, site), OUTCOMES, wordless=True),
        Route("export-delete", job, partial(remove, site), OUTCOMES, ("DELETE",), wordless=True),
        Route("export-file", f"{job}/<name>", partial(file, site), OUTCOMES, wordless=True),
    ]


def kick_off(site: Site, level: str, group: str | None = None) -> Response:
    """202 and where to look. A group is a protocol: everybody who is enrolled in it."""
    if request.method == "HEAD":  # who only asks whether it is there is given no export
        raise MethodNotAllowed(("GET", "POST"))
    if group is not None and group not in names():
        raise NotFound(f"no group {group[:64]}; a protocol's name is the group of who is enrolled in it")
    caller, now = auth.caller(), site.clock()
    registry = caller.role == Role.REGISTRY.value
    wanted = bulk_request.read(site.fhir_base, of_patients=level != "", dates_moved=registry, group=group)
    if registry:
        registry_view.key(site)
    centre = None if registry else auth.centre()
    if wanted.patients:
        _require_seen(site, wanted, caller.name, centre)
    bulk.sweep(store=site.store, now=now, settings=site.settings)
    url = f"{site.settings.public_url}{request.full_path.rstrip('?')}"
    made = bulk.ask(
        wanted, store=site.store, client=caller.name, centre=centre, url=url, now=now, settings=site.settings
    )
    _begin(site, made.id)
    note = Fault("", "the export has begun; Content-Location says where to look", "informational", "information")
    headers = {"Content-Location": f"{site.fhir_base}/$export-job/{made.id}"}
    return fhir(operation_outcome([note]), 202, headers)


def _require_seen(site: Site, wanted: bulk.Asked, client: str, centre: str | None) -> None:
    """Who is another centre's, does not agree or does not exist is refused in the same words."""
    asked, now = wanted.patients or (), site.clock()
    unseen = bulk.strangers(
        asked, store=site.store, client=client, centre=centre, group=wanted.group, now=now, settings=site.settings
    )
    if unseen:
        told = ", ".join(f"Patient/{one}" for one in unseen[:10])
        raise Invalid([Fault("patient", f"is nobody who is exported to you: {told}", "not-found")], status=400)


def status(site: Site, id_: str) -> Response:
    """How far it is, or where the files are."""
    job = _mine(site, id_)
    if job.state == FAILED:
        return fhir(operation_outcome([Fault("", f"the export failed: {job.error}", "exception")]), 500)
    if job.state != DONE:
        _begin(site, id_)
        headers = {"X-Progress": f"{job.written} resources written", "Retry-After": str(RETRY_AFTER)}
        return Response(status=202, headers=headers)
    manifest = {
        "transactionTime": job.at.isoformat(timespec="milliseconds"),
        "request": job.url,
        "requiresAccessToken": True,
        "output": _files(site, job, ""),
        "deleted": _files(site, job, "deleted"),
        "error": _files(site, job, "error"),
    }
    return plain(manifest, headers={"Expires": job.expires.strftime("%a, %d %b %Y %H:%M:%S GMT")})


def _files(site: Site, job: Export, role: str) -> list[Element]:
    """Those with resources, with deletions, or with errors."""
    where = f"{site.fhir_base}/$export-job/{job.id}"
    mine = (one for one in job.files if one["name"] and role == bulk.role_of(one))
    return [{"type": one["type"], "url": f"{where}/{one['name']}", "count": one["count"]} for one in mine]


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


def _begin(site: Site, id_: str) -> None:
    background.begin(site, partial(bulk.work, id_, store=site.store, clock=site.clock, settings=site.settings))


def _mine(site: Site, id_: str) -> Export:
    caller = auth.caller()
    with site.store.reading() as tx:
        job = tx.exports.get(id_, caller.name, site.clock())
    # a name may be given anew, to a client of another centre, when its first owner was revoked
    if job is None or job.centre != caller.centre:
        raise NotFound("no such export of yours, or it has expired")
    return job


_DEFINED = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition"
OPERATIONS: Mapping[str, Element] = {
    "": {"name": "export", "definition": f"{_DEFINED}/export"},
    "Patient": {"name": "export", "definition": f"{_DEFINED}/patient-export"},
    "Group": {"name": "export", "definition": f"{_DEFINED}/group-export"},
}
"""As the CapabilityStatement names them, by type; of the whole system under the empty one."""
