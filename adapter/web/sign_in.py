"""Signing in and out."""

from __future__ import annotations

import re
from functools import partial

from flask import Response, request

from adapter.errors import NotAllowed, TooOften
from adapter.flows import sign_in
from adapter.web import html, session
from adapter.web.routing import Door, Route
from adapter.web.site import Site

_OURS = re.compile(r"/(?!/)[A-Za-z0-9/._-]*")


def routes(site: Site) -> list[Route]:
    return [
        Route("sign-in", "/sign-in", partial(ask, site), Door.OPEN, page=True),
        Route("sign-in-try", "/sign-in", partial(enter, site), Door.OPEN, ("POST",), page=True),
        Route("sign-out", "/sign-out", partial(leave, site), Door.PEOPLE, ("POST",), page=True),
        Route("style", "/static/engraft.css", html.style, Door.OPEN, wordless=True),
    ]


def ask(site: Site) -> Response:
    return _form(site, request.args.get("next", "/"))


def enter(site: Site) -> Response:
    """A new session; wrong names and wrong passwords are answered alike."""
    session.require_form(request.cookies.get(session.FORM_COOKIE, ""))
    back = session.field("next")
    try:
        token = sign_in.sign_in(session.field("name"), session.field("password"), store=site.store, now=site.clock())
    except (NotAllowed, TooOften) as refusal:
        return _form(site, back, str(refusal), refusal.status)
    return session.keep(html.away(back if _OURS.fullmatch(back) else "/"), site, session.COOKIE, token)


def leave(site: Site) -> Response:
    with site.store.transaction() as tx:
        tx.people.close_session(session.token())
    answer = html.away("/sign-in")
    answer.delete_cookie(session.COOKIE, path="/")
    return answer


def _form(site: Site, back: str, wrong: str = "", status: int = 200) -> Response:
    token = session.anonymous_token()
    answer = html.page("sign_in.html", status, csrf=session.form_token(token), next=back, wrong=wrong)
    return session.keep(answer, site, session.FORM_COOKIE, token)
