"""What an operator sees: the queue, in counts and rows, without patients' content."""

from __future__ import annotations

from functools import partial

from flask import Response, request

from adapter.errors import Invalid
from adapter.store.outbox import UNFINISHED
from adapter.web.content import plain
from adapter.web.routing import ADMIN, Route
from adapter.web.site import Site
from adapter.web.waiting import STATES, row
from mappings.r4.faults import Fault

MOST = 500
"""Rows of one answer; the counts tell how many there are."""


def routes(site: Site) -> list[Route]:
    return [Route("admin-queue", "/admin/queue", partial(queue, site), ADMIN)]


def queue(site: Site) -> Response:
    """Counts of every state, and the oldest rows of the states asked for (`?state=`, default: unfinished)."""
    states = tuple(request.args.getlist("state")) or UNFINISHED
    if unknown := [state for state in states if state not in STATES]:
        raise Invalid([Fault("state", f"unknown: {', '.join(unknown)}; known: {', '.join(STATES)}")], status=400)
    with site.store.reading() as tx:
        counts, rows = tx.outbox.counts(), tx.outbox.listing(states, limit=MOST, whole=False)
        notices, backlog = tx.inbox.counts(), tx.outbox.backlog()
    oldest = {name: {"unfinished": n, "oldest": at.isoformat()} for name, (n, at) in backlog.items()}
    told = {"deliveries": counts, "notifications": notices, "backlog": oldest}
    return plain(told | {"rows": [row(one) for one in rows]})
