"""One patient's orders are found as fast among 100,000 patients as among 100."""

from __future__ import annotations

import gc
import sqlite3
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from statistics import quantiles
from time import perf_counter

import pytest
from tabulate import tabulate

from adapter.store import Store
from adapter.store.criteria import Criterion, read
from adapter.store.paging import Sort, Window
from mappings.plan import Body, Order, apply
from mappings.protocol import load

pytestmark = pytest.mark.bench

SIZES = (100, 10_000, 100_000)
WHOLE = 40
"""Patients with their whole plan, half of them stored before all others and half after; these are searched for."""

COPIED = 3
"""Resources of each other patient (plan, group, an order), copied from the first of the WHOLE with their index rows,
but for the plan's references to the orders that are not copied.
"""

ROUNDS = 5
FLAT = 1.5
CENTRE = "FR-037"
NOW = datetime(2026, 3, 2, tzinfo=UTC)

SEARCHES: dict[str, tuple[str, tuple[tuple[str, str], ...], tuple[Sort, ...]]] = {
    "orders of a patient": ("MedicationRequest", (), ()),
    "of a status, on a day": ("MedicationRequest", (("status", "draft"), ("date", "2026-02-25")), ()),
    "since a day, newest first": ("MedicationRequest", (("date", "ge2026-02-20"),), (Sort("date", True),)),
    "changed since": ("MedicationRequest", (("_lastUpdated", "gt2026-01-01"),), (Sort("_lastUpdated", False),)),
    "of a code": ("MedicationRequest", (("code", "L01AC01"),), ()),
    "the plan": ("CarePlan", (("status:not", "revoked"),), ()),
}


def test_a_search_for_one_patient_costs_the_same_however_many_there_are(tmp_path, capsys):
    with ExitStack() as open_stores:
        stores = {n: open_stores.enter_context(stored(tmp_path / f"{n}.sqlite", n)) for n in SIZES}
        took = {name: compared(stores, *search) for name, search in SEARCHES.items()}
    ratios = {name: found[SIZES[-1]] / found[SIZES[0]] for name, found in took.items()}
    rows = [[name, *(f"{took[name][n] * 1e3:.2f}" for n in SIZES), f"{ratios[name]:.2f}"] for name in SEARCHES]
    heads = ["search for one patient, ms", *(f"{size:,} patients" for size in SIZES), "ratio"]
    with capsys.disabled():
        sys.stdout.write("\n" + tabulate(rows, heads, colalign=("left", *("right",) * (len(SIZES) + 1))) + "\n")
    assert {name: ratio for name, ratio in ratios.items() if ratio > FLAT} == {}


def compared(
    stores: Mapping[int, Store], kind: str, more: Sequence[tuple[str, str]], sort: tuple[Sort, ...]
) -> dict[int, float]:
    """Seconds in each store, searched in turn so that whatever else the machine does meets them all: the time that a
    quarter of the searches kept to, for the rest measures the machine.
    """
    found: dict[int, list[float]] = {size: [] for size in stores}
    for number in [*range(WHOLE)] * (ROUNDS + 1):
        criteria = [read(kind, "patient", patient(number)), *(read(kind, *said) for said in more)]
        for size, store in stores.items():
            found[size].append(timed(store, kind, criteria, Window(50, sort)))
    return {size: quantiles(times[WHOLE:])[0] for size, times in found.items()}  # the first round warms the caches


def timed(store: Store, kind: str, criteria: Sequence[Criterion], window: Window) -> float:
    """Seconds of a search, with its transaction and the reading of what was found."""
    gc.disable()
    begun = perf_counter()
    with store.reading() as tx:
        page = tx.resources.search(kind, criteria, window, centres=[CENTRE])
    took = perf_counter() - begun
    gc.enable()
    assert page.total, "a search that finds nothing measures nothing"
    return took


@contextmanager
def stored(path: Path, size: int) -> Iterator[Store]:
    """A store with so many patients of one centre."""
    store = Store(f"sqlite:///{path}")
    store.migrate()
    try:
        plan(store, range(WHOLE // 2))
        store.close()
        copy(path, size - WHOLE)
        plan(store, range(WHOLE // 2, WHOLE))
        yield store
    finally:
        store.close()
        path.unlink()


def patient(number: int) -> str:
    return f"patient-{number}"


def plan(store: Store, numbers: range) -> None:
    """Whole plans, stored as the flow stores them."""
    for number in numbers:
        course = str(uuid.uuid5(uuid.NAMESPACE_URL, patient(number)))
        order = Order(
            protocol=load("set-haplo-pdli"),
            day_zero=date(2026, 3, 2),
            body=Body(weight_kg=Decimal(70), height_cm=Decimal(175)),
            subject=f"Patient/{patient(number)}",
            course=course,
            centre=CENTRE,
            intent="plan",
        )
        with store.transaction() as tx:
            for resource in apply(order).resources:
                tx.resources.put(resource, centre=CENTRE, course=course, sources=["bench"], at=NOW)


def copy(path: Path, patients: int) -> None:
    """Other patients: rows of the first one's resources, numbered anew; what tells patients apart is made different."""
    with closing(sqlite3.connect(path)) as database:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000"):
            database.execute(f"PRAGMA {pragma}")
        (last,) = database.execute("SELECT max(key) FROM resource_heads").fetchone()
        key = f"{last} + n.i * {COPIED} + t.key"
        own = "t.parameter IN ('patient', 'subject', 'identifier', 'group-identifier', 'requisition')"
        value = f"CASE WHEN {own} THEN t.value || '-' || n.i ELSE t.value END"
        for table, columns in {
            "resource_heads": f"{key}, t.kind, t.id || '-' || n.i, t.version, t.centre, t.course || '-' || n.i, t.at",
            "resource_versions": f"{key}, t.version, t.hash, t.deleted, CAST('{{}}' AS BLOB), t.at",
            "resource_index": f"{key}, t.parameter, t.system, {value}, t.kind",
            "resource_dates": f"{key}, t.parameter, t.number, t.kind, t.low, t.high, t.low_at, t.high_at",
        }.items():
            numbers = "WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)"
            rows = f"FROM n CROSS JOIN {table} t WHERE t.key <= {COPIED}"
            rows += " AND t.parameter <> 'activity-reference'" if table == "resource_index" else ""
            database.execute(f"INSERT INTO {table} {numbers} SELECT {columns} {rows}", (patients,))
        database.commit()
