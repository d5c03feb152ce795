"""What a patient costs in each database, and how fast rows are claimed: the figures of docs/operations.md."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, date, datetime

import psycopg
import pytest

from adapter.config import Centre, Settings
from adapter.flows import enrolment, follow_up
from adapter.store import Store
from mappings.facts.synthetic import documents
from tests.lib.databases import postgres

pytestmark = pytest.mark.bench

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
PATIENTS, ROWS = 20, 400


@pytest.fixture(scope="module")
def urls(tmp_path_factory):
    with ExitStack() as stack:
        server = stack.enter_context(postgres(durable=True))
        file = f"sqlite:///{tmp_path_factory.mktemp('size')}/engraft.sqlite"
        with closing(Store(file)) as store:
            store.migrate()
        yield {"SQLite": file, "PostgreSQL": server.prepared()}


def size(url, store):
    """Bytes of everything, the log of SQLite written back."""
    with store.transaction() as tx:
        if url.startswith("sqlite"):
            pages = tx._connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            return pages * tx._connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT pg_database_size(current_database())").fetchone()[0]


def fill(store):
    """Documents a second, and how many."""
    settings = Settings(centres={"FR-SYN": Centre("FR-SYN", "Synthetic centre")})
    made = list(documents(PATIENTS, random.Random(5), as_of=date(2026, 10, 1), full=True))
    began = time.perf_counter()
    for enrolled, forms in made:
        enrolment.enrol(enrolled, sender=None, store=store, settings=settings, now=NOW)
        for form in forms:
            follow_up.record(form, sender=None, store=store, settings=settings, now=NOW)
    number = sum(1 + len(forms) for _, forms in made)
    return number / (time.perf_counter() - began), number


def claimed(store, writers):
    """Rows a second that are leased and settled, no hospital being asked."""
    place = f"to-{writers}"
    with store.transaction() as tx:
        for n in range(ROWS):
            tx.outbox.add(place, f"c{n}", [], source="m1", at=NOW)
    start = threading.Barrier(writers + 1)

    def work(worker):
        start.wait()
        while True:
            with store.transaction() as tx:
                row = tx.outbox.lease(worker, at=NOW, lease_seconds=60, destination=place)
            if row is None:
                return
            with store.transaction() as tx:
                assert tx.outbox.delivered(row.id, worker, NOW)

    with ThreadPoolExecutor(writers) as pool:
        done = [pool.submit(work, str(n)) for n in range(writers)]
        start.wait()
        began = time.perf_counter()
        for one in done:
            one.result()
    return ROWS / (time.perf_counter() - began)


def test_what_a_patient_costs_and_how_fast_rows_are_claimed(urls):
    rates = {}
    for name, url in urls.items():
        with closing(Store(url)) as store:
            empty = size(url, store)
            speed, number = fill(store)
            cost = (size(url, store) - empty) / PATIENTS
            with store.reading() as tx:
                resources = sum(1 for _ in tx.resources.stream(centres=None)) / PATIENTS
            rates[name] = [claimed(store, writers) for writers in (1, 4)]
        print(
            f"{name}: {number / PATIENTS:.1f} documents and {resources:.0f} resources a patient, "
            f"{cost / 1e6:.2f} MB a patient, {speed:.1f} documents/s by one writer, "
            f"rows claimed and settled {rates[name][0]:.0f}/s by one worker, {rates[name][1]:.0f}/s by four"
        )
    one, four = rates["PostgreSQL"]
    assert four >= 0.8 * one, "workers do not stand in each other's way"
