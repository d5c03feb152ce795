"""/queue: what of a centre's own patients waits for its hospital, and what its people decide about it."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response

from adapter.errors import Invalid
from adapter.flows import hospital_patients, queue, sign_in
from adapter.store.lease import WAITING
from adapter.web import html, session, waiting
from adapter.web.page_frame import around
from adapter.web.routing import Door, Route
from adapter.web.site import Site
from mappings.r4.faults import Fault

STATES = {"waiting": "waits", "leased": "is being sent", "parked": "refused: please decide"}


def routes(site: Site) -> list[Route]:
    return [
        Route("queue", "/queue", partial(shown, site), Door.PEOPLE, page=True),
        Route("queue-retry", "/queue/retry", partial(retry, site), Door.PEOPLE, ("POST",), page=True),
        Route("queue-try-now", "/queue/try-now", partial(try_now, site), Door.PEOPLE, ("POST",), page=True),
        Route("queue-answer", "/queue/answer", partial(answer, site), Door.PEOPLE, ("POST",), page=True),
        Route("queue-discard", "/queue/discard", partial(discard, site), Door.PEOPLE, ("POST",), page=True),
    ]


def shown(site: Site) -> Response:
    rows = queue.of_centre(site.store, session.person().centre)
    age = {one.row.id: waiting.age(one.row.created, site.clock()) for one in rows}
    questions = hospital_patients.of_centre(site.store, session.person().centre)
    asked = {one.id: waiting.age(one.at, site.clock()) for one, _ in questions}
    later = sorted({one.row.destination for one in rows if one.row.state == WAITING and one.row.attempts})
    centre = site.settings.centres.get(session.person().centre)
    told: dict[str, Any] = {
        "later": later,
        "questions": questions,
        "asked": asked,
        "words": hospital_patients.words,
        "hospital": centre.hospital if centre else None,
    }
    return html.page("queue.html", **around(site), rows=rows, age=age, states=STATES, most=queue.MOST, **told)


def retry(site: Site) -> Response:
    """One (`id`), or everything that is refused (`id` empty)."""
    id_ = session.field("id")
    queue.retry(site.store, [_number(id_)] if id_ else None, **_by(site))
    return html.away("/queue")


def try_now(site: Site) -> Response:
    """A hospital that does not answer is asked at once, and not only when its next turn comes."""
    queue.try_now(site.store, session.field("destination"), **_by(site))
    return html.away("/queue")


def discard(site: Site) -> Response:
    queue.discard(site.store, _number(session.field("id")), session.field("reason"), **_by(site))
    return html.away("/queue")


def answer(site: Site) -> Response:
    """A question about a hospital's Patient; a merged record is followed only where a person says that it is theirs."""
    reason = session.field("reason")
    relink = session.field("relink") == "yes"
    hospital_patients.answer(site.store, _number(session.field("id")), reason, relink=relink, **_by(site))
    return html.away("/queue")


def _by(site: Site) -> dict[str, Any]:
    who = session.person()
    return {"who": sign_in.who(who), "centre": who.centre, "now": site.clock()}


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Invalid([Fault("id", "is the number of a delivery")])
    return int(text)
