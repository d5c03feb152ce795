"""Is it alive, and can it work? For load balancers; says nothing else."""

from __future__ import annotations

from functools import partial

from flask import Response

from adapter.errors import StoreUnavailable
from adapter.web.content import plain
from adapter.web.routing import Door, Route
from adapter.web.site import Site


def routes(site: Site) -> list[Route]:
    return [
        Route("healthz", "/healthz", healthz, Door.OPEN, wordless=True),
        Route("readyz", "/readyz", partial(readyz, site), Door.OPEN, wordless=True),
    ]


def healthz() -> Response:
    return plain({"status": "alive"})


def readyz(site: Site) -> Response:
    if not site.store.ready():
        raise StoreUnavailable(
            "the database is away, or its schema or search index is older than this program: engraft init-db"
        )
    return plain({"status": "ready"})
