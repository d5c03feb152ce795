"""Routes as data: a rule, its methods, its view and who may call it. No rule without a declared caller."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import Enum

from flask import Flask
from flask.typing import ResponseReturnValue

View = Callable[..., ResponseReturnValue]


class Role(Enum):
    """Who holds a token; the words of `engraft client add --role`."""

    EHR = "ehr"
    CENTRE = "centre"
    REGISTRY = "registry"
    HOSPITAL = "hospital"
    ADMIN = "admin"


class Door(Enum):
    """Access that no token gives."""

    OPEN = "anyone"
    PEOPLE = "a person of a centre who has signed in"
    EHR = "an EHR of the configuration by a JWT that it signed; where none is named, as ehr, centre"
    SECRET = "the webhook secret of the hospital in the configuration"  # noqa: S105 - says which secret, holds none


Access = Door | frozenset[Role]

CARE = frozenset({Role.EHR, Role.CENTRE})
CENTRE = frozenset({Role.CENTRE})
READERS = CARE | {Role.REGISTRY}
OUTCOMES = frozenset({Role.REGISTRY, Role.CENTRE})
ADMIN = frozenset({Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Route:
    """`view` gets the rule's parts as keyword arguments. `name` is the endpoint.

    `wordless`: what it answers is a status, so that it does not matter which content types the caller understands.
    `lines`: it answers in NDJSON too, where that is asked for.
    `page`: what it answers, refusals too, is for the eyes of a person.
    `beside`: another rule has this address too and answers OPTIONS there.
    `reads`: the view reads in the transaction in which its caller was looked up (`auth.reading`), and writes nothing.
    `query`: parameters of the address that a write here understands; None: the view judges them itself.
    """

    name: str
    rule: str
    view: View
    access: Access
    methods: tuple[str, ...] = ("GET",)
    wordless: bool = False
    lines: bool = False
    page: bool = False
    beside: bool = False
    reads: bool = False
    query: Collection[str] | None = ()

    @property
    def strict(self) -> bool:
        """Is a parameter that it does not know refused? Who asks for a rehearsal that we do not have must not write."""
        asked = self.page or self.reads or isinstance(self.access, Door)
        return self.query is not None and not asked and set(self.methods) != {"GET"}


def register(app: Flask, routes: Iterable[Route]) -> dict[str, Access]:
    """Adds the routes to the app; who may call what, by endpoint."""
    access: dict[str, Access] = {}
    for route in routes:
        app.add_url_rule(
            route.rule,
            endpoint=route.name,
            view_func=route.view,
            methods=list(route.methods),
            provide_automatic_options=False if route.beside else None,
        )
        if access.setdefault(route.name, route.access) != route.access:
            raise ValueError(f"two rules of {route.name} differ in who may call them")
    return access
