"""Every read of patients' data by HTTP is in the audit before it is answered: once for each caller, address and hour.

The address is the path, which holds ids and never a number, a name or what was searched for. A read that cannot be
written down is refused like everything that the database cannot take.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime

from flask import Flask, g, request

from adapter.flows import sign_in
from adapter.store.clients import Client
from adapter.trail import journal
from adapter.web import session
from adapter.web.routing import Access, Door, Role
from adapter.web.site import Site

READ = "read"
LONGEST = 200
"""Characters of an address that are kept."""

MOST = 50_000
"""Addresses that are remembered of an hour; beyond that they are written again."""

_DEFINITIONS = ("ActivityDefinition", "Library", "Measure", "PlanDefinition", "Questionnaire")
_KNOWN_TO_ALL = tuple(f"/fhir/{kind}/" for kind in _DEFINITIONS)
_OF_THE_HOUSE = ("/admin/", "/static/")


class _Hour:
    """What was written down in the hour that is now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hour: datetime | None = None
        self._seen: set[tuple[str, str]] = set()

    def has(self, at: datetime, who: str, target: str) -> bool:
        """Was it written down in this hour?"""
        with self._lock:
            hour = at.replace(minute=0, second=0, microsecond=0)
            if hour != self._hour or len(self._seen) >= MOST:
                self._hour, self._seen = hour, set()
            return (who, target) in self._seen

    def note(self, who: str, target: str) -> None:
        """It is written down."""
        with self._lock:
            self._seen.add((who, target))


def keep(app: Flask, site: Site, access: Mapping[str, Access]) -> None:
    """Puts the log behind the doorkeeper and before every view."""
    hour = _Hour()

    def log() -> None:
        if not _is_read(access):
            return
        (who, centre), at = _caller(), site.clock()
        target = request.path.replace("\0", "")[:LONGEST]
        if not hour.has(at, who, target):
            with site.store.transaction() as tx:
                tx.audit.add(at=at, who=who, action=READ, target=target, centre=centre)
            hour.note(who, target)
            journal.note("access", endpoint=request.endpoint, centre=centre)

    app.before_request(log)


def _is_read(access: Mapping[str, Access]) -> bool:
    """Does it ask for something about patients?"""
    who = access.get(request.endpoint or "", Door.OPEN)
    if who in (Door.OPEN, Door.SECRET) or who == frozenset({Role.ADMIN}):
        return False
    if request.method not in ("GET", "HEAD") and not request.path.endswith("/_search"):
        return False
    if "$" in request.path:
        return True  # an operation on a definition may answer with patients
    return not f"{request.path}/".startswith((*_KNOWN_TO_ALL, *_OF_THE_HOUSE))


def _caller() -> tuple[str, str | None]:
    """Name and centre."""
    if "client" in g:
        client: Client = g.client
        return client.name, client.centre
    person = session.person()
    return sign_in.who(person), person.centre
