"""CDS Hooks 2.0.1: discovery for anyone, services and feedback for the EHR of a centre."""

from __future__ import annotations

from functools import partial

from flask import Response

from adapter.flows import cds
from adapter.store.clients import Client
from adapter.web import auth
from adapter.web.content import JSON, json_body, plain
from adapter.web.routing import Door, Route
from adapter.web.site import Site
from mappings.plan import hook_call

ANY_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Content-Type",
}
"""Discovery holds nothing of a patient and needs no credentials, so that clients in a browser may read it."""


def routes(site: Site) -> list[Route]:
    one = "/cds-services/<service>"
    return [
        Route("cds-discovery", "/cds-services", discovery, Door.OPEN, ("GET", "OPTIONS")),
        Route("cds-service", one, partial(advise, site), Door.EHR, ("POST",)),
        Route("cds-feedback", f"{one}/feedback", partial(feedback, site), Door.EHR, ("POST",)),
    ]


def discovery() -> Response:
    return plain(hook_call.discovery(), headers=ANY_ORIGIN)


def advise(site: Site, service: str) -> Response:
    """Cards for a patient of the centre; none for anybody else."""
    cds.require_service(service)
    sender, centre = _sender()
    answer = cds.advise(
        service,
        json_body(JSON),
        sender=sender,
        centre=centre,
        store=site.store,
        settings=site.settings,
        now=site.clock(),
    )
    return plain(answer)


def feedback(site: Site, service: str) -> Response:
    """Kept in the audit, beside what the cards said."""
    cds.require_service(service)
    sender, centre = _sender()
    kept = cds.feedback(json_body(JSON), sender=sender, centre=centre, store=site.store, now=site.clock())
    return plain({"kept": kept})


def _sender() -> tuple[Client, str]:
    """Who calls, and for which centre."""
    return auth.caller(), auth.centre()
