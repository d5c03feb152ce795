"""`GET /metrics` for Prometheus: how long requests take, and what waits. No patients, no ids in any label.

What waits is read from the database at each scrape, so that every process tells the same. How long requests took is
counted by each process; with several workers `PROMETHEUS_MULTIPROC_DIR` names a folder (empty at the start) in which
they add up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from functools import partial

from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from adapter.version import VERSION
from adapter.web.routing import ADMIN, Route
from adapter.web.site import Site
from adapter.web.trail import method

SECONDS = Histogram(
    "engraft_http_request_seconds",
    "Time from the request's arrival to its answer",
    ("endpoint", "method", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def routes(site: Site) -> list[Route]:
    return [Route("metrics", "/metrics", partial(metrics, site), ADMIN, wordless=True)]


def measure(app: Flask) -> None:
    """Counts every request of the app by endpoint, never by address, which may hold a patient."""
    app.before_request(_begin)
    app.after_request(_end)


def metrics(site: Site) -> Response:
    registry = CollectorRegistry()
    registry.register(_Waiting(site))
    text = generate_latest(registry) + generate_latest(_counted())
    return Response(text, content_type=CONTENT_TYPE_LATEST)


def _counted() -> CollectorRegistry:
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # has no types there
    return registry


def _begin() -> None:
    g.begun = time.perf_counter()


def _end(response: Response) -> Response:
    begun = g.get("begun")
    if begun is not None:
        endpoint = request.endpoint or "nothing"
        SECONDS.labels(endpoint, method(), str(response.status_code)).observe(time.perf_counter() - begun)
    return response


class _Waiting(Collector):
    """The queues as they stand."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def collect(self) -> Iterable[Metric]:
        with self._site.store.reading() as tx:
            deliveries, notifications, backlog = tx.outbox.counts(), tx.inbox.counts(), tx.outbox.backlog()
            questions, batches = tx.questions.counts(), tx.batches.counts()
        now = self._site.clock()
        yield _gauge("engraft_build", "The program that answers", "version", {VERSION: 1})
        yield _gauge("engraft_deliveries", "Deliveries in each state", "state", deliveries)
        yield _gauge("engraft_notifications", "Notifications in each state", "state", notifications)
        yield _gauge("engraft_batches", "Batches in each state that are taken in after the answer", "state", batches)
        yield _gauge("engraft_questions", "Questions about patients that nobody has answered", "kind", questions)
        unfinished = {name: count for name, (count, _) in backlog.items()}
        yield _gauge("engraft_deliveries_unfinished", "Deliveries that wait or are parked", "destination", unfinished)
        oldest = {name: (now - since).total_seconds() for name, (_, since) in backlog.items()}
        yield _gauge("engraft_deliveries_oldest_seconds", "Age of the oldest of them", "destination", oldest)


def _gauge(name: str, says: str, label: str, values: dict[str, int] | dict[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, says, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family
