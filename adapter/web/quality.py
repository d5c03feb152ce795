"""/quality: what is missing, overdue or contradicts itself of a centre's own patients, each with the form to mend."""

from __future__ import annotations

from functools import partial

from flask import Response

from adapter.flows import quality
from adapter.web import html, session
from adapter.web.page_frame import around
from adapter.web.routing import Door, Route
from adapter.web.site import Site


def routes(site: Site) -> list[Route]:
    return [Route("quality", "/quality", partial(shown, site), Door.PEOPLE, page=True)]


def shown(site: Site) -> Response:
    found = quality.of_store(site.store, site.settings, site.clock(), centres=[session.person().centre])
    return html.page("quality.html", **around(site), found=found)
