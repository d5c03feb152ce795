"""What a registry may see: de-identified outcome bundles of patients who consented, and nothing else."""

from __future__ import annotations

from functools import partial

from flask import Response

from adapter.errors import NotFound
from adapter.flows import registry
from adapter.web.content import plain
from adapter.web.routing import REGISTRY, Route
from adapter.web.site import Site
from mappings.r4.build import collection


def routes(site: Site) -> list[Route]:
    return [Route("registry-bundles", "/registry/bundles", partial(bundles, site), REGISTRY)]


def bundles(site: Site) -> Response:
    raise NotFound
