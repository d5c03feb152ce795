"""Web and workers are killed at random moments while forms flow; then the books are balanced."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from random import Random
from typing import Any

import requests

from mappings.r4 import wire
from tests.chaos.books import balance
from tests.chaos.stage import CENTRE, Stage, Victim, until
from tests.lib.forms import ENROLMENT
from tests.lib.servers import answers

VISITS = ("m1", "m3", "m6")
FEEDERS = 3


@dataclass
class Centre:
    """Hands in forms, each until it is acknowledged. `acked`: what was said last of each (patient, visit)."""

    stage: Stage
    stop: threading.Event = field(default_factory=threading.Event)
    forms: int = 0
    repeats: int = 0
    acked: dict[tuple[str, str], int] = field(default_factory=dict)
    courses: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def feed(self, number: int) -> None:
        """One patient after the other: enrolled, then visits, each corrected twice."""
        chance, patients = Random(number), 0
        while not self.stop.is_set():
            patients += 1
            patient = f"SYN-{number}-{patients:05}"
            born = f"19{chance.randrange(40, 99)}-05-02"
            told = self._until_acked("/enrolments", ENROLMENT | {"patient": patient, "birth_date": born})
            with self._lock:
                self.courses.add(told["course"])
            for visit in VISITS:
                for value in sorted(chance.sample(range(1, 900), 3)):
                    if self.stop.is_set():
                        return
                    self._until_acked("/follow-ups", _form(patient, visit, value))
                    with self._lock:
                        self.acked[patient, visit] = value
                        self.forms += 1

    def _until_acked(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.stage.token}", "Content-Type": "application/json"}
        pause = threading.Event()
        while True:
            try:
                answer = requests.post(f"{self.stage.web}{path}", wire.encode(document), headers=headers, timeout=30)
                if answer.ok:
                    return dict(answer.json())
                if answer.status_code < 500:
                    raise AssertionError(f"{path}: {answer.status_code} {answer.text[:500]}")
            except requests.RequestException:
                pass  # killed in the middle: whether it was stored nobody knows, so it is said again
            self.repeats += 1
            pause.wait(0.1)


def run(stage: Stage, *, kills: int, writers: int, seed: int) -> dict[str, object]:
    """The figures; `faults` is empty when the books balance."""
    chance, began = Random(seed), time.monotonic()
    web = Victim("web", stage.web_command(), stage, lambda: answers(f"{stage.web}/healthz"), Random(chance.random()))
    workers = [
        Victim(f"worker-{n}", stage.deliver_command(writers), stage, lambda: True, Random(chance.random()))
        for n in range(2)
    ]
    victims = [web, *workers]
    centre = Centre(stage)

    quota = -(-kills // len(victims))
    lives = [threading.Thread(target=one.live, args=(quota,)) for one in victims]
    feeders = [threading.Thread(target=centre.feed, args=(n,)) for n in range(FEEDERS)]
    for thread in (*lives, *feeders):
        thread.start()
    try:
        until(lambda: all(one.kills >= quota for one in victims), 60 + kills * 20, "all were killed")
        centre.stop.set()
        for thread in feeders:
            thread.join()
        until(lambda: stage.left() == 0, 900, "everything was delivered")
    finally:
        centre.stop.set()
        for one in victims:
            one.end()
        for thread in lives:
            thread.join()
    books = balance(stage, centre.courses)
    faults = books.faults + _not_stored(stage, centre)
    return {
        "kills": {one.name: one.kills for one in victims},
        "forms acknowledged": centre.forms,
        "said again after a kill": centre.repeats,
        "patients": len(centre.courses),
        "resources at the hospital": books.resources,
        "versions in histories": books.versions,
        "parked": _parked(stage),
        "faults": faults,
        "seconds": round(time.monotonic() - began),
    }


def _not_stored(stage: Stage, centre: Centre) -> list[str]:
    """Every acknowledged form is stored as it was said last."""
    faults = []
    with stage.store.reading() as tx:
        for (patient, visit), value in centre.acked.items():
            (course,) = [one.course for one in tx.enrolments.of_centre(CENTRE) if one.patient == patient]
            found = [one for one in tx.follow_ups.of_course(course) if one.content["visit"] == visit]
            if [one.content["immune_reconstitution"]["cd4"]["value"] for one in found] != [value]:
                faults.append(f"{patient} {visit}: acknowledged and not stored as said last")
    return faults


def _parked(stage: Stage) -> int:
    with stage.store.reading() as tx:
        return tx.outbox.counts().get("parked", 0)


def _form(patient: str, visit: str, value: int) -> dict[str, Any]:
    day = {"m1": "2026-04-02", "m3": "2026-06-02", "m6": "2026-09-02"}[visit]
    cells = {"date": day, "cd4": {"value": value, "unit": "/uL"}}
    alive = {"status": "alive", "date": day}
    return {"centre": CENTRE, "patient": patient, "visit": visit, "date": day} | {
        "vital_status": alive,
        "immune_reconstitution": cells,
    }
