"""Every read of patients' data by HTTP is in the audit before it is answered: once for each caller, address and hour.

The address is the path, which holds ids and never a number, a name or what was searched for. A read that cannot be
written down is refused like everything that the database cannot take.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime

from flask import Flask, current_app, g, request

from adapter.flows import sign_in
from adapter.store.clients import Client
from adapter.trail import journal
from adapter.web import auth, session
from adapter.web.routing import Access, Door, Role
from adapter.web.site import Site

READ = "read"
LONGEST = 200
"""Characters of an address that are kept."""

MOST = 50_000
"""Addresses that are remembered of an hour; beyond that they are written again."""

_KEPT = "engraft.access_log"
_READ_BY_POST = ("/_search", "/$evaluate-measure", "/diff")
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


class _Log:
    """Of one process."""

    def __init__(self, site: Site) -> None:
        self._site, self._hour = site, _Hour()

    def note(self, addresses: Iterable[str]) -> None:
        """Writes down what the caller reads, as far as it is about patients and not written down in this hour."""
        (who, centre), at = _caller(), self._site.clock()
        told = dict.fromkeys(one.replace("\0", "")[:LONGEST] for one in addresses if _is_about_patients(one))
        new = [target for target in told if not self._hour.has(at, who, target)]
        if new:
            auth.give_back()
            with self._site.store.transaction() as tx:
                for target in new:
                    tx.audit.add(at=at, who=who, action=READ, target=target, centre=centre)
            for target in new:
                self._hour.note(who, target)
            journal.note("access", endpoint=request.endpoint, centre=centre)


def keep(app: Flask, site: Site, access: Mapping[str, Access]) -> None:
    """Puts the log behind the doorkeeper and before every view."""
    log = app.extensions[_KEPT] = _Log(site)
    app.before_request(lambda: log.note([request.path]) if _is_read(access) else None)


def also(addresses: Iterable[str]) -> None:
    """Writes down what is read beside the address of the request: by a Bundle's entries, for a plan of who is known."""
    current_app.extensions[_KEPT].note(addresses)


def _is_read(access: Mapping[str, Access]) -> bool:
    """Does the request ask for something by its own address?"""
    who = access.get(request.endpoint or "", Door.OPEN)
    if who in (Door.OPEN, Door.SECRET) or who == frozenset({Role.ADMIN}):
        return False
    return request.method in ("GET", "HEAD") or (request.method == "POST" and request.path.endswith(_READ_BY_POST))


def _is_about_patients(address: str) -> bool:
    """Not a definition; but an operation on one may answer with patients."""
    return "$" in address or not f"{address}/".startswith((*_KNOWN_TO_ALL, *_OF_THE_HOUSE))


def _caller() -> tuple[str, str | None]:
    """Name and centre."""
    if "client" in g:
        client: Client = g.client
        return client.name, client.centre
    person = session.person()
    return sign_in.who(person), person.centre
