"""A long queue, with poison among the good, and sixteen workers that race for it: drained and balanced."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from random import Random

from mappings.r4.build import Resource
from tests.chaos.books import balance
from tests.chaos.stage import HOSPITAL, Stage, workers
from tests.contract.synthetic import observation, patient

ROWS = 5
"""Deliveries of one patient: the first with the Patient, the even ones correct what the odd ones before them said."""


def run(stage: Stage, *, rows: int, poison: float, processes: int, writers: int, seed: int) -> dict[str, object]:
    """Queues so many deliveries, starts the workers, and balances."""
    bad = _fill(stage, rows, poison, seed)
    began = time.monotonic()
    with workers(stage, processes, writers):
        stage.drain(120 + rows)
        seconds = time.monotonic() - began
    courses = {f"chaos-{n}" for n in range(rows // ROWS)}
    books = balance(stage, courses, parked=bad)
    with stage.store.reading() as tx:
        parked = tx.outbox.listing(["parked"])
    named = {f"{one['resourceType']}/{one['id']}" for row in parked for one in row.content}
    faults = books.faults + ([f"parked: {len(named)}, poison: {len(bad)}"] if named != bad else [])
    faults += [f"delivery {row.id} is parked without words" for row in parked if not row.error]
    return {
        "deliveries": rows,
        "workers": f"{processes} processes of {writers}",
        "poison": len(bad),
        "parked, each with the server's words": len(named),
        "for example": parked[0].error if parked else None,
        "resources at the hospital": books.resources - len(bad),
        "versions in histories": books.versions,
        "deliveries per second": round(rows / seconds, 1),
        "faults": faults,
        "seconds": round(seconds),
    }


def _fill(stage: Stage, rows: int, poison: float, seed: int) -> set[str]:
    """What is to be refused, by reference."""
    bad: set[str] = set()
    poisoned = set(Random(seed).sample(range(rows), round(rows * poison)))
    now, number = datetime.now(UTC), 0
    for n in range(rows // ROWS):
        own = f"{n:06}-p"
        with stage.store.transaction() as tx:
            for row in range(ROWS):
                content: list[Resource] = [patient(own)] * (row == 0)
                content.append(observation(f"{own}-o{row // 2}", own, str(row + 1)))
                if number in poisoned:
                    wrong = {"encounter": {"reference": "Encounter/nowhere"}}
                    content.append(observation(f"{own}-bad{row}", own, **wrong))
                    bad.add(f"Observation/{own}-bad{row}")
                tx.outbox.add(HOSPITAL, f"chaos-{n}", content, source="chaos", at=now)
                number += 1
    return bad
