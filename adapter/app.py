"""The only place where things are joined: settings, store, clock, clients, routes."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Flask, g, request
from flask.json.provider import JSONProvider

from adapter.config import Settings, load
from adapter.store import KEPT, Store
from adapter.trail import journal, spans
from adapter.web import (
    access_log,
    admin,
    apply,
    auth,
    batches,
    bulk,
    cds_hooks,
    endpoint_pages,
    enrolment_pages,
    enrolments,
    evaluation,
    fhir,
    fhir_bundle,
    fhir_writing,
    follow_ups,
    gates,
    health,
    jwks,
    metrics,
    pages,
    quality,
    queue,
    redcap,
    refusal,
    regimen_changes,
    regimens,
    registry,
    sign_in,
    trail,
    visit_pages,
    webhook,
)
from adapter.web.content import LIMIT, lost_browser, negotiate, refuse_unknown
from adapter.web.definitions import Definitions
from adapter.web.routing import Access, register
from adapter.web.site import Site
from mappings.protocol import know
from mappings.r4 import wire

ROOMS = (
    *(health, jwks, fhir, fhir_writing, fhir_bundle, apply, enrolments, follow_ups, batches, redcap),
    *(regimens, gates, regimen_changes, cds_hooks, webhook, registry, evaluation, bulk, admin, metrics),
    *(sign_in, pages, enrolment_pages, visit_pages, queue, endpoint_pages, quality),
)


class WireProvider(JSONProvider):
    """Flask's JSON by our wire form: decimals stay as they were written."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return wire.encode(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return wire.decode(s)


def create_app(settings: Settings, store: Store, clock: Callable[[], datetime]) -> Flask:
    """The web application on the given store. `clock` gives aware UTC."""
    app = Flask("engraft", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LIMIT
    app.json = WireProvider(app)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    trail.follow(app)
    metrics.measure(app)
    refusal.refuse(app)
    know(settings.protocols)
    site = Site(settings, store, clock, Definitions(settings.canonicals))
    routes = [route for room in ROOMS for route in room.routes(site)]
    access = register(app, routes)
    app.extensions["engraft.access"] = access
    seen = {route.name for route in routes if route.page}
    app.before_request(lambda: setattr(g, "page", request.endpoint in seen or lost_browser()))
    auth.guard(app, site, access, {route.name for route in routes if route.reads})
    access_log.keep(app, site, access)
    writes = {route.name: route.query or () for route in routes if route.strict}
    app.before_request(lambda: refuse_unknown(writes[request.endpoint or ""]) if request.endpoint in writes else None)
    wordless = {route.name for route in routes if route.wordless}
    lines = {route.name for route in routes if route.lines}
    app.before_request(
        lambda: None if g.page or request.endpoint in wordless else negotiate(lines=request.endpoint in lines)
    )
    return app


def access_of(app: Flask) -> dict[str, Access]:
    """Who may call what, by endpoint, as the routes declared it."""
    declared: dict[str, Access] = app.extensions["engraft.access"]
    return declared


def open_store(settings: Settings, threads: int = KEPT) -> Store:
    """The store at the database URL, for so many threads that use it all the time."""
    return Store(settings.database_url, threads=threads)


def create_app_from_environment() -> Flask:
    """The web application as the environment describes it. The schema must be there: engraft init-db."""
    settings = load(os.environ)
    journal.begin(settings.log_format or "json", settings.log_level or "info")
    spans.begin(os.environ)
    return create_app(settings, open_store(settings), lambda: datetime.now(UTC))
