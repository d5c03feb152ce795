"""Rest-hook notifications of hospitals. Answered 2xx only when they are kept durably; worked on later."""

from __future__ import annotations

from functools import partial

from flask import Response, request

from adapter.flows import notification
from adapter.web.content import body
from adapter.web.routing import Door, Route
from adapter.web.site import Site

METHODS = ("POST", "PUT", "DELETE")


def routes(site: Site) -> list[Route]:
    view = partial(take, site)
    return [
        Route("webhook", "/webhook/<hospital>", view, Door.SECRET, METHODS, wordless=True),
        Route("webhook-resource", "/webhook/<hospital>/<kind>/<id_>", view, Door.SECRET, METHODS, wordless=True),
    ]


def take(site: Site, hospital: str, kind: str | None = None, id_: str | None = None) -> Response:
    notification.take(hospital, request.method, kind, id_, dict(request.headers), body(), site.store, site.clock())
    return Response(status=204)
