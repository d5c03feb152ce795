"""A store with synthetic patients in it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from adapter.config import Centre, Settings
from adapter.flows import enrolment, follow_up
from adapter.store import Store
from mappings.facts.synthetic import documents

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@contextmanager
def stored_cohort(folder: Path, patients: int = 6, seed: int = 5) -> Iterator[Store]:
    """An SQLite store under `folder` with that many patients enrolled and followed."""
    settings = Settings(centres={"FR-SYN": Centre("FR-SYN", "Synthetic centre")})
    store = Store(f"sqlite:///{folder}/cohort.sqlite")
    try:
        store.migrate()
        for enrolled, forms in documents(patients, random.Random(seed), as_of=date(2026, 10, 1), full=True):
            enrolment.enrol(enrolled, sender=None, store=store, settings=settings, now=NOW)
            for form in forms:
                follow_up.record(form, sender=None, store=store, settings=settings, now=NOW)
        yield store
    finally:
        store.close()
