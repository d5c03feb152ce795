"""What a claim costs however long the queue is."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
from sqlalchemy import insert

from adapter.store import Store
from adapter.store.schema import outbox
from tests.bench.table import show
from tests.lib.databases import postgres

pytestmark = pytest.mark.bench

FEW, MANY = 1_000, int(os.environ.get("ENGRAFT_BENCH_ROWS", "100000"))
TURNS, CLAIMS, TOGETHER = 5, 20, 7
NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
HOT = 1_000
"""Deliveries of the patient who has the most of them."""


@contextmanager
def urls(folder, database):
    """Two databases."""
    if database == "sqlite":
        yield f"sqlite:///{folder}/few.sqlite", f"sqlite:///{folder}/many.sqlite"
    else:
        with postgres(durable=True) as server:
            yield server.prepared(), server.prepared()


@contextmanager
def queue(url, rows):
    """A third delivered, a third waiting, a third of patients whose first row is parked; one patient has very many."""
    store = Store(url)
    store.migrate()
    for begin in range(0, rows, 10_000):
        with store.transaction() as tx:
            tx._connection.execute(insert(outbox), [_row(n, rows) for n in range(begin, min(rows, begin + 10_000))])
    try:
        yield store
    finally:
        store.close()


def _row(n, rows):
    state = ("delivered", "waiting", "parked")[n % 3]
    course = "hot" if n % 3 == 2 and n < 3 * HOT else f"c{n}"
    front = state != "delivered" and (course != "hot" or n == 2)
    held = course == "hot" and n > 2
    return {
        "destination": f"h{n % 7}",
        "course": course,
        "source": "m1",
        "state": "waiting" if held else state,
        "attempts": 0,
        "created": NOW,
        "due": NOW - timedelta(seconds=rows - n),
        "content": [],
        "front": front,
        "strikes": 0,
    }


def one_by_one(store):
    """Milliseconds of a claim with its settling."""
    spent = []
    for n in range(CLAIMS):
        began = time.perf_counter()
        with store.transaction() as tx:
            row = tx.outbox.lease("w", at=NOW, lease_seconds=60, destination=f"h{n % 3}")
            tx.outbox.follow(row, until=NOW, most=9)
        with store.transaction() as tx:
            assert tx.outbox.delivered(row.id, "w", NOW)
        spent.append((time.perf_counter() - began) * 1000)
    return spent


def together(store):
    """The same for several patients at once, as workers do it; of each patient."""
    spent = []
    for place in ("h3", "h4", "h5", "h6"):
        began = time.perf_counter()
        with store.transaction() as tx:
            lanes = tx.outbox.claim(place, "w", at=NOW, lease_seconds=60, lanes=TOGETHER, rows=50)
        with store.transaction() as tx:
            done = tx.outbox.all_delivered(place, {rows[0].course: [rows[0].id] for rows in lanes}, "w", NOW)
        spent.append((time.perf_counter() - began) * 1000 / len(done))
    return spent


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_claim_costs_the_same_however_long_the_queue_is(tmp_path, database):
    with urls(tmp_path, database) as (short, long), queue(short, FEW) as few, queue(long, MANY) as many:
        for way in (one_by_one, together):
            way(few), way(many)
            spent = {few: [], many: []}
            for _ in range(TURNS):  # in turn, so that whatever else the machine does meets both
                for store, found in spent.items():
                    found += way(store)
            small, large = median(spent[few]), median(spent[many])
            show(
                f"Claiming and settling one delivery, {way.__name__}, {database}",
                (f"among {FEW:,}", f"{small:.2f} ms"),
                (f"among {MANY:,}", f"{large:.2f} ms"),
                ("ratio", f"{large / small:.2f}"),
            )
            assert large / small <= 1.5
