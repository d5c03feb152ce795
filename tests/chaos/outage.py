"""The hospital is away for the length of many forms, while the workers go on trying; then it is there again."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack

from tests.chaos.books import balance
from tests.chaos.centre import Centre
from tests.chaos.stage import Stage, serving, tell, until, workers
from tests.lib.gate import Gate

FEEDERS = 4
PROCESSES = 2
WEB = 4
CORRECTIONS = 4
"""Of each visit: a patient's 15 forms make three Observations of five versions, and one that each visit repeats."""


def run(stage: Stage, *, forms: int, minutes: float, writers: int, seed: int) -> dict[str, object]:
    """Hands in the forms, for so many minutes at most, while the hospital is away; opens the way to it; balances."""
    centre = Centre(stage, seed)
    with ExitStack() as stack:
        gate = stack.enter_context(Gate(stage.hospital.base_url))
        stage.direct(gate.url)
        stack.enter_context(serving(stage, WEB))
        stack.enter_context(workers(stage, PROCESSES, writers))
        began = time.monotonic()
        _hand_in(centre, forms, began + minutes * 60)
        until(lambda: bool(gate.knocks), 120, "the hospital was asked in vain")
        waiting, opened = stage.left(), time.monotonic()
        gate.open()
        until(lambda: bool(gate.requests), 1000, "the hospital was asked again")
        stage.drain(3600)
        drained = time.monotonic()
    books = balance(stage, centre.courses)
    faults = books.faults + centre.faults() + ([f"{parked} parked"] if (parked := stage.parked()) else [])
    return {
        "forms acknowledged while it was away": centre.forms,
        "answers to the centre": centre.answers,
        "patients": len(centre.courses),
        "away, seconds": round(opened - began),
        "workers": f"{PROCESSES} processes of {writers}",
        "asked in vain": len(gate.knocks),
        "asked in vain, by minute": _by(60, gate.knocks, began),
        "deliveries that waited": waiting,
        "first asked after, seconds": round(gate.requests[0] - opened, 1),
        "requests in each of the first 20 seconds": _by(1, gate.requests, gate.requests[0])[:20],
        "requests in the busiest second": max(_by(1, gate.requests, gate.requests[0])),
        "connections at a time, at most": gate.most,
        "drained in seconds": round(drained - opened),
        "resources at the hospital": books.resources,
        "versions in histories": books.versions,
        "faults": faults,
    }


def _hand_in(centre: Centre, forms: int, end: float) -> None:
    feeders = [threading.Thread(target=centre.feed, args=(n, CORRECTIONS, forms // FEEDERS)) for n in range(FEEDERS)]
    for thread in feeders:
        thread.start()
    for thread in feeders:
        while thread.is_alive():
            thread.join(1)
            tell(f"{centre.forms} forms")
            if time.monotonic() > end:
                centre.stop.set()


def _by(seconds: int, moments: Sequence[float], since: float) -> list[int]:
    """How many there were in each span, from `since` to the last."""
    counted = Counter(int((moment - since) // seconds) for moment in moments)
    return [counted[n] for n in range(max(counted, default=-1) + 1)]
