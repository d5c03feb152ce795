"""What a registry may see: de-identified outcome bundles of patients who agree today, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from flask import Response

from adapter.errors import Refused, Unavailable
from adapter.flows import registry
from adapter.web.content import NDJSON, accepted, fhir
from adapter.web.routing import REGISTRY, Route
from adapter.web.site import Site
from mappings.r4 import wire
from mappings.r4.build import Resource, collection


def routes(site: Site) -> list[Route]:
    return [Route("registry-bundles", "/registry/bundles", partial(bundles, site), REGISTRY)]


def bundles(site: Site) -> Response:
    """A collection of the bundles, or, for who asks for NDJSON, one bundle a line."""
    if NDJSON in accepted():
        lines = (wire.encode(bundle) + b"\n" for bundle in _released(site))
        return Response(b"".join(lines), content_type=NDJSON)
    return fhir(collection(list(_released(site))))


def _released(site: Site) -> Iterator[Resource]:
    settings = site.settings
    try:
        key = settings.pseudonym_key()
    except Refused as error:
        raise Unavailable("this server has no pseudonym key, without which nothing leaves it") from error
    return registry.bundles(site.store, key, site.clock(), canonicals=settings.canonicals)
