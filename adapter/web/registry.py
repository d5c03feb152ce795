"""Outcome bundles: for a registry de-identified and of patients who agree today, for a centre its own as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain

from flask import Response

from adapter.errors import Invalid
from adapter.flows import registry
from adapter.flows.registry import Aside
from adapter.web import auth, registry_view
from adapter.web.content import fhir, unknown_parameters, wanted_lines
from adapter.web.routing import OUTCOMES, Role, Route
from adapter.web.site import Site
from mappings.r4 import wire
from mappings.r4.build import Resource, collection

PARAMETERS = {"_format", "_pretty"}


def routes(site: Site) -> list[Route]:
    return [Route("registry-bundles", "/registry/bundles", partial(bundles, site), OUTCOMES, lines=True)]


def bundles(site: Site) -> Response:
    """A collection of the bundles, or, for who asks for NDJSON, one bundle a line, a few in memory at a time.

    After them an OperationOutcome for each patient who is set aside.
    """
    if faults := unknown_parameters(PARAMETERS):
        raise Invalid(faults, status=400)
    aside: list[Aside] = []
    shown = _own(site, aside) if auth.caller().role == Role.CENTRE.value else _released(site, aside)
    found = _then(shown, aside)
    if kind := wanted_lines():
        first = next(found, None)  # what cannot be begun is refused, not broken off
        whole = chain(() if first is None else (first,), found)
        return Response((wire.encode(one) + b"\n" for one in whole), content_type=kind)
    return fhir(collection(list(found)))


def _then(shown: Iterator[Resource], aside: list[Aside]) -> Iterator[Resource]:
    yield from shown
    yield from (one.outcome() for one in aside)


def _own(site: Site, aside: list[Aside]) -> Iterator[Resource]:
    return registry.own_bundles(site.store, auth.centre(), aside=aside, canonicals=site.settings.canonicals)


def _released(site: Site, aside: list[Aside]) -> Iterator[Resource]:
    key = registry_view.key(site)
    return registry.bundles(site.store, key, site.clock(), aside=aside, canonicals=site.settings.canonicals)
