"""Pages for people: templates filled in strictly, and the headers that keep a page to itself. No script anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from flask import Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from adapter.errors import NotAllowed
from mappings.plan import calendar
from mappings.r4.faults import Fault

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""`no-store`: the back button of a shared ward computer shows nothing after signing out."""


class SignInFirst(NotAllowed):
    """Nobody has signed in; `way` leads to the page for it, and back."""

    def __init__(self, way: str) -> None:
        super().__init__("sign in first", 401)
        self.way = way


def page(template: str, status: int = 200, headers: dict[str, str] | None = None, **filled: Any) -> Response:
    """A page from `templates/`; what a template names and nobody filled in is an error."""
    text = _templates().get_template(template).render(**{"person": None, "csrf": "", **filled})
    return Response(text, status, HEADERS | (headers or {}), content_type="text/html; charset=utf-8")


def away(to: str) -> Response:
    """See another page."""
    return Response(status=HTTPStatus.SEE_OTHER, headers=HEADERS | {"Location": to})


def refused(faults: Sequence[Fault], status: int, headers: dict[str, str] | None = None) -> Response:
    """A refusal in words."""
    return page("refused.html", status, headers, faults=faults, title=HTTPStatus(status).phrase)


def style() -> Response:
    """The one style sheet."""
    headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(_style(), headers=headers, content_type="text/css; charset=utf-8")


@cache
def _style() -> bytes:
    return files("adapter.web").joinpath("static", "engraft.css").read_bytes()


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("adapter.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"amount": calendar.amount, "weekday": calendar.weekday}
    return environment
