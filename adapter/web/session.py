"""People are known by a cookie whose token only they and, hashed, the database have. No secret has to be configured.

Every form carries a second token that is made from the first, so that another site, which can make a browser send the
cookie and cannot read it, cannot fill in a form.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from urllib.parse import quote

from flask import Response, g, request

from adapter.errors import NotAllowed
from adapter.store.people import LASTS, Person
from adapter.web.content import body
from adapter.web.html import SignInFirst
from adapter.web.site import Site

COOKIE = "engraft-session"
FORM_COOKIE = "engraft-form"
"""Held while nobody has signed in, so that the form of signing in has its token too."""

FIELD = "csrf"
SAFE = ("GET", "HEAD", "OPTIONS")
FORGED = "this form is too old or was not ours: open the page again"


def person() -> Person:
    """Who has signed in."""
    known: Person = g.person
    return known


def admit(site: Site) -> None:
    """Lets in who has a session; what changes something needs the token of our own form too.

    Raises SignInFirst, which becomes the way to the sign-in page, and NotAllowed for a form that is not ours.
    """
    token = request.cookies.get(COOKIE, "")
    now = site.clock()
    with site.store.reading() as tx:
        known = tx.people.of_session(token, now)
    if known is None:
        raise SignInFirst(_way_back())
    g.person, stale = known
    if request.method not in SAFE:
        require_form(token)
    if stale:
        with site.store.transaction() as tx:
            tx.people.touch(token, now)


def form_token(token: str) -> str:
    """What a form of the holder of `token` carries."""
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()


def require_form(token: str) -> None:
    """Raises NotAllowed where the form that was sent is not one that we gave the holder of `token`."""
    if not token or not hmac.compare_digest(field(FIELD).encode(), form_token(token).encode()):
        raise NotAllowed(FORGED)


def field(name: str) -> str:
    """A field of the form that was sent; empty where it is not there."""
    body()  # keeps to the limit of what is read
    return request.form.get(name, "")


def token() -> str:
    return request.cookies.get(COOKIE, "")


def anonymous_token() -> str:
    """Of a browser in which nobody has signed in; a new one where it has none."""
    return request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(32)


def keep(answer: Response, site: Site, name: str, token: str) -> Response:
    """Has the browser keep a token, out of the reach of scripts and of other sites' requests."""
    secure = site.settings.public_url.startswith("https:")
    answer.set_cookie(
        name, token, max_age=int(LASTS.total_seconds()), httponly=True, samesite="Lax", secure=secure, path="/"
    )
    return answer


def _way_back() -> str:
    """Where to go after signing in: the page that was asked for, if it only shows something."""
    back = request.path if request.method in SAFE else "/"
    return "/sign-in" if back == "/" else f"/sign-in?next={quote(back)}"
