"""How the gated actions of a patient's regimen stand on a day, each criterion with the facts that decided it."""

from __future__ import annotations

from datetime import date
from functools import partial

from flask import Response, request

from adapter.errors import Invalid
from adapter.flows import gates
from adapter.web import auth
from adapter.web.content import plain, unknown_parameters
from adapter.web.routing import CARE, Route
from adapter.web.site import Site
from mappings.facts import PartialDate
from mappings.r4.faults import Fault

QUERY = {"on", "_format", "_pretty"}


def routes(site: Site) -> list[Route]:
    return [Route("gates", "/regimens/<id_>/gates", partial(standings, site), CARE)]


def standings(site: Site, id_: str) -> Response:
    """As of today, or of the day `?on=YYYY-MM-DD`."""
    if faults := unknown_parameters(QUERY):
        raise Invalid(faults, status=400)
    told = gates.told(
        id_,
        on=_day(request.args.getlist("on")),
        centre=auth.centre(),
        store=site.store,
        settings=site.settings,
        now=site.clock(),
    )
    return plain(told)


def _day(said: list[str]) -> date | None:
    if not said:
        return None
    try:
        day = PartialDate(said[0]).exact if len(set(said)) == 1 else None
    except ValueError:
        day = None
    if day is None:
        raise Invalid([Fault("on", "is one day: YYYY-MM-DD", "value")], status=400)
    return day
