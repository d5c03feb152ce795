"""The public halves of the keys that we sign with, for hospitals that ask for SMART Backend Services."""

from __future__ import annotations

from functools import partial

from flask import Response

from adapter.errors import Refused, Unavailable
from adapter.web.content import plain
from adapter.web.routing import Door, Route
from adapter.web.site import Site

CACHED_SECONDS = 300
"""So long may others keep the set: a new key is published for longer than that before it signs."""


def routes(site: Site) -> list[Route]:
    return [Route("jwks", "/.well-known/jwks.json", partial(jwks, site), Door.OPEN, wordless=True)]


def jwks(site: Site) -> Response:
    """A JWK Set (RFC 7517), empty where no key is configured."""
    # here, because it brings cryptography, which nothing else in the web application needs
    from adapter import keys

    try:
        found = keys.published(site.settings.signing_keys)
    except Refused as error:
        raise Unavailable("a key of this server cannot be read") from error
    return plain(found, headers={"Cache-Control": f"public, max-age={CACHED_SECONDS}"})
