"""What changes a stored regimen on the ward, and what has changed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from flask import Response

from adapter.flows import changes, tapers
from adapter.store import Store
from adapter.web import auth
from adapter.web.content import JSON, json_body, plain
from adapter.web.routing import CARE, CENTRE, Route
from adapter.web.site import Site

_TAPER = "/regimens/<id_>/tapers/<action>"


def routes(site: Site) -> list[Route]:
    return [
        Route("regimen-history", "/regimens/<id_>/history", partial(history, site), CARE),
        Route("regimen-redose", "/regimens/<id_>/redose", partial(redose, site), CENTRE, ("POST",)),
        Route("regimen-redose-diff", "/regimens/<id_>/redose/diff", partial(redose_diff, site), CENTRE, ("POST",)),
        Route("regimen-stop", "/regimens/<id_>/stop", partial(stop, site), CENTRE, ("POST",)),
        Route("regimen-taper", _TAPER, partial(taper, site), CENTRE, ("POST",)),
        Route("regimen-taper-diff", f"{_TAPER}/diff", partial(taper_diff, site), CENTRE, ("POST",)),
        Route("regimen-taper-withdraw", f"{_TAPER}/withdrawal", partial(taper_withdraw, site), CENTRE, ("POST",)),
    ]


def history(site: Site, id_: str) -> Response:
    return plain(changes.history(id_, sender=auth.caller(), store=site.store))


def redose(site: Site, id_: str) -> Response:
    """Doses what is still to be given by another weight."""
    return plain(_redosed(site, id_, json_body(JSON), site.store))


def redose_diff(site: Site, id_: str) -> Response:
    """What redosing would change; nothing is written."""
    document = json_body(JSON)
    return _difference(site, id_, lambda store: _redosed(site, id_, document, store))


def stop(site: Site, id_: str) -> Response:
    """Withdraws what is still to be given."""
    document, sender = json_body(JSON), auth.caller()
    return plain(changes.stop(id_, document, sender=sender, store=site.store, settings=site.settings, now=site.clock()))


def taper(site: Site, id_: str, action: str) -> Response:
    """A person confirms that a taper began, or is over."""
    return plain(_tapered(site, id_, action, json_body(JSON), site.store))


def taper_diff(site: Site, id_: str, action: str) -> Response:
    """What confirming a taper would change; nothing is written."""
    document = json_body(JSON)
    return _difference(site, id_, lambda store: _tapered(site, id_, action, document, store))


def taper_withdraw(site: Site, id_: str, action: str) -> Response:
    """The full dose goes on again."""
    document, around = json_body(JSON), _around(site, site.store)
    return plain(tapers.withdraw(id_, action, document, **around))


def _difference(site: Site, id_: str, act: Callable[[Store], object]) -> Response:
    with site.store.reading() as tx:
        course = changes.course_of(tx, id_, auth.caller())
    found = changes.preview(site.store, course, act)
    return plain({"course": course, "changes": [asdict(one) for one in found]})


def _tapered(site: Site, id_: str, action: str, document: object, store: Store) -> dict[str, object]:
    return tapers.confirm(id_, action, document, **_around(site, store))


def _around(site: Site, store: Store) -> dict[str, Any]:
    return {"sender": auth.caller(), "store": store, "settings": site.settings, "now": site.clock()}


def _redosed(site: Site, id_: str, document: object, store: Store) -> dict[str, object]:
    return changes.redose(id_, document, sender=auth.caller(), store=store, settings=site.settings, now=site.clock())
