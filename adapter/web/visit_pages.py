"""A visit's form for the people of a centre. It works without scripts: every button sends the whole form.

What was typed is kept as a draft before anything else is done with it, so that no press of a button can lose it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from flask import Response, request

from adapter.errors import Conflict, Invalid
from adapter.flows import sign_in, visit, visit_offer
from adapter.flows.visit import Form
from adapter.web import filling, html, session
from adapter.web.page_frame import around, of_centre
from adapter.web.routing import Door, Route
from adapter.web.site import Site
from adapter.web.visit_fields import answers
from mappings.intake import asked
from mappings.r4.faults import Fault

_DEEDS = ("save", "send", "discard", "add", "drop", "fill")
_OWN = ("csrf", "do", "seen")
SAVED = "saved"
"""Where the page begins after a draft was saved: nowhere else than ever, and it says so."""

_PLACE = re.compile(r"[a-z_0-9.]{1,80}")


def routes(site: Site) -> list[Route]:
    rule = "/patients/<id_>/visits/<name>"
    return [
        Route("visit", rule, partial(show, site), Door.PEOPLE, page=True),
        Route("visit-fill", rule, partial(fill, site), Door.PEOPLE, ("POST",), page=True),
        Route("visit-stored", f"{rule}/stored", partial(stored, site), Door.PEOPLE, page=True),
    ]


def show(site: Site, id_: str, name: str) -> Response:
    """The form with its draft, or with what was told. `?at=`: where to begin."""
    form = visit.opened(id_, name, **of_centre(site))
    at = request.args.get("at", "")
    return _page(site, form, form.fields, at=at if _PLACE.fullmatch(at) else "")


def fill(site: Site, id_: str, name: str) -> Response:
    """Keeps what was typed; then adds to a list or takes away from it, or sends, or throws the draft away."""
    form = visit.opened(id_, name, **of_centre(site))
    button = filling.pressed(_DEEDS)
    fields, deed = filling.longer_or_shorter(filling.typed(_OWN), button), button.deed
    if deed == "discard":
        visit.discard(form, store=site.store)
        return html.away(f"/patients/{id_}")
    if deed == "fill":
        fields = visit_offer.into(form, fields, visit_offer.of(form, **of_centre(site))["document"])
    try:
        form = _keep(site, form, fields)
        if deed == "send":
            visit.send(form, answers(fields), centre=session.person().centre, by=_who(), **_with(site))
            return html.away(f"/patients/{id_}/visits/{_sent_as(form, fields)}/stored")
    except Conflict as refusal:
        fresh = visit.opened(id_, name, **of_centre(site))
        return _page(site, fresh, fields, [Fault("", str(refusal), "conflict")], status=409)
    except Invalid as refusal:
        return _page(site, form, fields, refusal.faults, status=422)
    # no fragment: a browser then ignores which field has the focus
    return html.away(f"/patients/{id_}/visits/{name}?at={filling.place_of(fields, button) or SAVED}")


def stored(site: Site, id_: str, name: str) -> Response:
    """What came of a visit that was sent."""
    return html.page("visit_stored.html", **around(site), found=visit.stored(id_, name, **of_centre(site)))


def _keep(site: Site, form: Form, fields: Mapping[str, str]) -> Form:
    return visit.save(form, fields, session.field("seen"), by=_who(), **_with(site))


def _sent_as(form: Form, fields: Mapping[str, str]) -> str:
    return visit.name_of(form.visit, form.date or fields.get("date", "").strip())


def _who() -> str:
    return sign_in.who(session.person())


def _with(site: Site) -> dict[str, Any]:
    return {"store": site.store, "settings": site.settings, "now": site.clock()}


def _page(
    site: Site, form: Form, fields: Mapping[str, str], faults: Sequence[Fault] = (), *, at: str = "", status: int = 200
) -> Response:
    return html.page(
        "visit.html",
        status,
        **around(site),
        **filling.around(asked.visit(form.visit), fields, faults, at),
        form=form,
        saved=at == SAVED,
        offer=visit_offer.of(form, **of_centre(site))["values"],
    )
