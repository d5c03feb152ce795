"""Visits that a centre hands in, corrects, takes back and asks about."""

from __future__ import annotations

from functools import partial

from flask import Response, request

from adapter.flows import follow_up
from adapter.flows.course import Receipt
from adapter.web import auth
from adapter.web.content import CSV, FHIR, JSON, NDJSON, json_body, plain
from adapter.web.routing import CENTRE, Route
from adapter.web.site import Site

LATER = (FHIR, CSV, NDJSON)


def routes(site: Site) -> list[Route]:
    return [
        Route("record", "/follow-ups", partial(record, site), CENTRE, ("POST",)),
        Route("follow-up", "/follow-ups/<id_>", partial(state, site), CENTRE),
        Route("follow-up-history", "/follow-ups/<id_>/history", partial(history, site), CENTRE),
        Route("retract", "/follow-ups/<id_>", partial(retract, site), CENTRE, ("DELETE",)),
    ]


def record(site: Site) -> Response:
    """202: it is kept durably; its delivery happens later."""
    receipt = follow_up.record(
        json_body(JSON, later=LATER),
        sender=auth.caller(),
        store=site.store,
        settings=site.settings,
        now=site.clock(),
    )
    return _told(receipt, 202)


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
