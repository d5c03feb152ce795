"""Each request has a number, which comes back with the answer and goes with what is taken in, and a line in the log."""

from __future__ import annotations

import time
from contextlib import ExitStack

from flask import Flask, Response, g, request

from adapter.store.people import Person
from adapter.trail import correlation, journal, spans

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OF_MACHINES = frozenset({"healthz", "readyz", "metrics"})
"""Asked every few seconds: told only where everything is (`debug`)."""


def follow(app: Flask) -> None:
    """Goes around everything else that the app does: to be called before whatever else listens to its requests."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_leave)


def method() -> str:
    """The method of this request; `other` for a word that HTTP does not know, which may be anything."""
    return request.method if request.method in METHODS else "other"


def _begin() -> None:
    g.arrived = time.perf_counter()
    g.around = ExitStack()
    g.around.enter_context(correlation.following(correlation.told_by(request.headers)))
    route = request.url_rule.rule if request.url_rule else "nothing"
    said: dict[str, spans.Attribute] = {"http.request.method": method(), "http.route": route}
    parent = correlation.traceparent(request.headers)
    g.mark = g.around.enter_context(spans.span(f"{method()} {route}", said, parent=parent, kind="server"))


def _end(response: Response) -> Response:
    response.headers["X-Request-Id"] = correlation.current() or ""
    status, endpoint = response.status_code, request.endpoint or "nothing"
    g.mark({"http.response.status_code": status, "engraft.correlation": correlation.current() or ""})
    tell = journal.detail if endpoint in OF_MACHINES else journal.note
    tell(
        "request",
        method=method(),
        endpoint=endpoint,
        status=status,
        ms=round((time.perf_counter() - g.arrived) * 1000, 1),
        codes=g.get("codes"),
        **_caller(),
    )
    return response


def _caller() -> dict[str, journal.Told]:
    """A program by its name; of a person the role only."""
    if "client" in g:
        return {"caller": g.client.name, "role": g.client.role, "centre": g.client.centre}
    who: Person | None = g.get("person")
    return {"role": who.role, "centre": who.centre} if who else {}


def _leave(_: BaseException | None) -> None:
    around: ExitStack | None = g.pop("around", None)
    if around:
        around.close()
