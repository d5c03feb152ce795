"""Visits that a centre hands in, corrects, takes back and asks about."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response, request

from adapter.errors import Invalid, NotAllowed
from adapter.flows import answers, follow_up, visit_draft
from adapter.flows.course import Receipt
from adapter.flows.uploads import BODY, LINES, TABLE, Upload
from adapter.web import auth, batches
from adapter.web.content import CSV, FHIR, JSON, NDJSON, body, json_body, plain, require_type
from adapter.web.routing import CENTRE, Route
from adapter.web.site import Site
from mappings.r4.faults import Fault

BY_LINE = (NDJSON, "application/ndjson", "text/ndjson")


def routes(site: Site) -> list[Route]:
    return [
        Route("record", "/follow-ups", partial(record, site), CENTRE, ("POST",)),
        Route("follow-up-draft", "/follow-ups/draft", partial(draft, site), CENTRE),
        Route("follow-up", "/follow-ups/<id_>", partial(state, site), CENTRE),
        Route("follow-up-history", "/follow-ups/<id_>/history", partial(history, site), CENTRE),
        Route("retract", "/follow-ups/<id_>", partial(retract, site), CENTRE, ("DELETE",), query=("reason",)),
    ]


def record(site: Site) -> Response:
    """202: it is kept durably; its delivery happens later. One document, or a batch, by its content type."""
    kind = require_type(JSON, FHIR, CSV, *BY_LINE)
    if kind in BY_LINE:
        return batches.take(site, Upload(LINES, {BODY: body()}))
    if kind == CSV:
        return batches.take(site, Upload(TABLE, {BODY: body()}, request.mimetype_params.get("charset")))
    if kind == FHIR:
        return _told(_answered(site), 202)
    return _told(_recorded(site, json_body(JSON)), 202)


def _recorded(site: Site, document: object, response: dict[str, object] | None = None) -> Receipt:
    return follow_up.record(
        document,
        sender=auth.caller(),
        store=site.store,
        settings=site.settings,
        now=site.clock(),
        response=response,
    )


def _answered(site: Site) -> Receipt:
    """A QuestionnaireResponse: its document, and itself as the source."""
    response = json_body(FHIR)
    read = answers.entry(response, "follow-up", auth.caller(), site.store, site.settings)
    receipt: Receipt = answers.explained(read, lambda: _recorded(site, read.document, response))
    return receipt


def draft(site: Site) -> Response:
    """What the hospital measured, for the centre to confirm; `?patient=<the centre's number>&visit=`."""
    missing = [name for name in ("patient", "visit") if not request.args.get(name)]
    if missing:
        raise Invalid([Fault(name, "missing: this is needed", "required") for name in missing], status=400)
    sender = auth.caller()
    if sender.centre is None:
        raise NotAllowed("this token belongs to no centre")
    given: dict[str, Any] = {"store": site.store, "settings": site.settings, "now": site.clock()}
    return plain(visit_draft.drafted(request.args["patient"], request.args["visit"], centre=sender.centre, **given))


def state(site: Site, id_: str) -> Response:
    return plain(follow_up.state(id_, sender=auth.caller(), store=site.store))


def history(site: Site, id_: str) -> Response:
    return plain(follow_up.history(id_, sender=auth.caller(), store=site.store))


def retract(site: Site, id_: str) -> Response:
    receipt = follow_up.retract(
        id_,
        request.args.get("reason", ""),
        sender=auth.caller(),
        store=site.store,
        settings=site.settings,
        now=site.clock(),
    )
    return _told(receipt, 200)


def _told(receipt: Receipt, status: int) -> Response:
    document = {
        "id": receipt.id,
        "version": receipt.version,
        "changed": receipt.changed,
        "course": receipt.course,
        "resources": list(receipt.resources),
    }
    return plain(document, status, {"Location": f"/follow-ups/{receipt.id}"})
