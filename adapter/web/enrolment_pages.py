"""The enrolment as a form for the people of a centre, without scripts; and what comes after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from flask import Response

from adapter.errors import Conflict, Invalid
from adapter.flows import enrolling, sign_in
from adapter.flows.course import Receipt
from adapter.flows.enrolling import NEW, Form
from adapter.flows.enrolment import CONFIRMED_BY
from adapter.store import Store
from adapter.web import filling, html, session
from adapter.web.page_frame import around, of_centre
from adapter.web.pages import STATES
from adapter.web.routing import Door, Route
from adapter.web.site import Site
from adapter.web.visit_fields import answers
from mappings.intake import asked
from mappings.protocol import names
from mappings.r4.faults import Fault

_OWN = ("csrf", "do", "seen", CONFIRMED_BY)
_DEEDS = ("check", "send", "add", "drop")
"""The first is what the Enter key does: it tells what is wrong and keeps nothing."""


def routes(site: Site) -> list[Route]:
    one = "/patients/<id_>/enrolment"
    return [
        Route("enrolment-new", "/patients/new", partial(show, site), Door.PEOPLE, page=True),
        Route("enrolment-enrol", "/patients/new", partial(fill, site), Door.PEOPLE, ("POST",), page=True),
        Route("enrolment-form", one, partial(show, site), Door.PEOPLE, page=True),
        Route("enrolment-fill", one, partial(fill, site), Door.PEOPLE, ("POST",), page=True),
        Route("enrolment-stored", f"{one}/stored", partial(stored, site), Door.PEOPLE, page=True),
    ]


def show(site: Site, id_: str = "") -> Response:
    """An empty form, or the one that was told."""
    form = _opened(site, id_)
    return _page(site, form, form.fields)


def fill(site: Site, id_: str = "") -> Response:
    """Adds to a list or takes away from it, checks, or sends. What was typed stays on the page until it is taken."""
    form = _opened(site, id_)
    button = filling.pressed(_DEEDS)
    fields = filling.longer_or_shorter(filling.typed(_OWN), button)
    if button.deed in ("add", "drop"):
        return _page(site, form, fields, at=filling.place_of(fields, button))
    try:
        if button.deed == "check":
            with site.store.rehearsing() as never:
                _send(site, form, fields, never)
            return _page(site, form, fields, sound=True)
        receipt = _send(site, form, fields, site.store)
    except Invalid as refusal:
        return _page(site, form, fields, refusal.faults, status=422)
    except Conflict as refusal:
        fault = _conflict(refusal)
        return _page(site, _opened(site, id_), fields, [fault], status=409, asked_again=fault.path == CONFIRMED_BY)
    (patient,) = [one for one in receipt.resources if one.startswith("Patient/")]
    return html.away(f"/patients/{patient.partition('/')[2]}/enrolment/stored")


def stored(site: Site, id_: str) -> Response:
    """What came of it, and what is next."""
    found = enrolling.stored(id_, **of_centre(site))
    return html.page("enrolment_stored.html", **around(site), found=found, states=STATES)


def _opened(site: Site, id_: str) -> Form:
    given = of_centre(site)
    del given["settings"]
    return enrolling.opened(id_, **given) if id_ else NEW


def _send(site: Site, form: Form, fields: Mapping[str, str], store: Store) -> Receipt:
    seen = session.field("seen")
    return enrolling.send(
        form,
        answers(fields),
        seen=int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else 0,
        confirmed_by=session.field(CONFIRMED_BY).strip(),
        by=sign_in.who(session.person()),
        **(of_centre(site) | {"store": store}),
    )


def _conflict(refusal: Conflict) -> Fault:
    """A new graft date that nobody confirmed is mended in the form; else somebody was quicker."""
    if refusal.status == 412:
        return Fault("", "this enrolment was corrected meanwhile: sending what you see replaces that", "conflict")
    return Fault(CONFIRMED_BY, str(refusal), "conflict")


def _page(
    site: Site,
    form: Form,
    fields: Mapping[str, str],
    faults: Sequence[Fault] = (),
    *,
    at: str = "",
    status: int = 200,
    asked_again: bool = False,
    sound: bool = False,
) -> Response:
    questions = asked.enrolment(tuple(names()), new=form.told is None)
    said = session.field(CONFIRMED_BY)
    return html.page(
        "enrolment.html",
        status,
        **around(site),
        **filling.around(questions, fields, faults, at),
        form=form,
        confirm=asked_again or bool(said),
        confirmed_by=said,
        sound=sound,
    )
