"""Files of many documents: taken in while the caller waits, or, with `Prefer: respond-async`, after the answer."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import uuid4

from flask import Response

from adapter.errors import Invalid, NotFound
from adapter.flows import batch, batch_job, uploads
from adapter.flows.crew import worker_name
from adapter.flows.uploads import Upload
from adapter.store.batches import Batch
from adapter.store.jobs import DONE, FAILED
from adapter.web import auth, background
from adapter.web.content import fhir, plain, prefers
from adapter.web.outcome import operation_outcome
from adapter.web.routing import CENTRE, Route
from adapter.web.site import Site
from mappings.r4.faults import Fault

RETRY_AFTER = 2
"""Seconds between two looks: a document takes some hundredths of a second, a file some seconds to some minutes."""


def routes(site: Site) -> list[Route]:
    job = "/follow-ups/batches/<id_>"
    return [
        Route("batch-status", job, partial(status, site), CENTRE),
        Route("batch-delete", job, partial(remove, site), CENTRE, ("DELETE",)),
    ]


def take(site: Site, upload: Upload) -> Response:
    """202 with what became of each document, or with where that can be looked up later."""
    caller = auth.caller()
    if prefers("respond-async"):
        return _later(site, upload)
    found, notes = uploads.read(upload, caller, site.store, site.settings)
    call: dict[str, Any] = {"sender": caller, "store": site.store, "settings": site.settings, "now": site.clock()}
    return plain(_kept(batch.record(found, **call, found=notes)).document(), 202)


def status(site: Site, id_: str) -> Response:
    """202 while it is taken in; then what it would have been told who waited."""
    job = _mine(site, id_)
    if job.state == FAILED:
        told = f"the batch was given up: {job.error}; send it again, what was taken in is not doubled"
        return fhir(operation_outcome([Fault("", told, "exception")]), 500)
    if job.state != DONE:
        _begin(site, id_)
        with site.store.reading() as tx:
            done = len(tx.batches.numbers(id_))
        of = "" if job.documents is None else f" of {job.documents}"
        return Response(status=202, headers={"X-Progress": f"{done}{of} documents", "Retry-After": str(RETRY_AFTER)})
    assert job.expires is not None
    expires = job.expires.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return plain(_kept(batch_job.report(job, site.store)).document(), headers={"Expires": expires})


def remove(site: Site, id_: str) -> Response:
    """Stops it and removes file and report; what was taken in stays."""
    batch_job.forget(_mine(site, id_), store=site.store, now=site.clock())
    return Response(status=202)


def _later(site: Site, upload: Upload) -> Response:
    now = site.clock()
    batch_job.sweep(store=site.store, now=now)
    made = batch_job.ask(upload, store=site.store, client=auth.caller(), centre=auth.centre(), now=now)
    _begin(site, made.id)
    note = Fault("", "kept, and will be taken in; Content-Location says where to look", "informational", "information")
    where = f"{site.settings.public_url}/follow-ups/batches/{made.id}"
    return fhir(operation_outcome([note]), 202, {"Content-Location": where, "Preference-Applied": "respond-async"})


def _kept(report: batch.Report) -> batch.Report:
    """Nothing kept is a refusal."""
    if not report.accepted:
        raise Invalid(report.faults())
    return report


def _begin(site: Site, id_: str) -> None:
    told: dict[str, Any] = {"store": site.store, "clock": site.clock, "settings": site.settings}
    background.begin(site, partial(batch_job.work, id_, worker=worker_name(f"batch-{uuid4()}"), **told))


def _mine(site: Site, id_: str) -> Batch:
    caller = auth.caller()
    with site.store.reading() as tx:
        job = tx.batches.get(id_, caller.name, site.clock())
    # a name may be given anew, to a client of another centre, when its first owner was revoked
    if job is None or job.centre != caller.centre:
        raise NotFound("no such batch of yours, or it has expired")
    return job
