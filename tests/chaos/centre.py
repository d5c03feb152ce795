"""A centre that hands in forms, each until it is acknowledged, and what it was told."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

import requests

from mappings.r4 import wire
from tests.chaos.stage import CENTRE, Stage
from tests.lib.forms import ENROLMENT

DAYS = {"m1": "2026-04-02", "m3": "2026-06-02", "m6": "2026-09-02"}
AWAY = "503 with Retry-After"
GOOD = ("200", "201", "202", AWAY, "none")
"""What a server of ours may say while something that it needs is dead; itself dead, it says nothing."""


@dataclass
class Centre:
    """Hands in forms. `acked`: what was said last of each (patient, visit); `answers`: how often each came."""

    stage: Stage
    seed: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    """Nobody waits for an answer any more."""
    forms: int = 0
    repeats: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    acked: dict[tuple[str, str], int] = field(default_factory=dict)
    courses: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def feed(self, number: int, corrections: int = 2, most: int | None = None) -> None:
        """One patient after the other: enrolled, then each visit, corrected so often; until `stop`, or `most` forms."""
        chance, patients, forms = Random(self.seed * 1000 + number), 0, 0
        session = requests.Session()
        while not self.stop.is_set():
            patients += 1
            patient = f"SYN-{number}-{patients:05}"
            told = self.until_acked(session, "/enrolments", enrolment(patient, f"19{chance.randrange(40, 99)}-05-02"))
            with self._lock:
                self.courses.add(told["course"])
            for visit in DAYS:
                for value in sorted(chance.sample(range(1, 900), 1 + corrections)):
                    if self.stop.is_set() or forms == most:
                        return
                    self.until_acked(session, "/follow-ups", form(patient, visit, value))
                    forms += 1
                    with self._lock:
                        self.acked[patient, visit] = value
                        self.forms += 1

    def until_acked(self, session: requests.Session, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """The answer. What may be lost is said again; a refusal raises RuntimeError, and is a fault."""
        headers = {"Authorization": f"Bearer {self.stage.token}", "Content-Type": "application/json"}
        while True:
            try:
                answer = session.post(f"{self.stage.web}{path}", wire.encode(document), headers=headers, timeout=30)
            except requests.RequestException:
                answer = None  # killed in the middle: whether it was stored nobody knows, so it is said again
            with self._lock:
                self.answers[_told(answer)] += 1
                if answer is not None and answer.ok:
                    return dict(answer.json())
                self.repeats += 1
                if answer is not None and answer.status_code < 500:
                    self.refused.append(f"{path}: {answer.status_code} {answer.text[:300]}")
                    raise RuntimeError(self.refused[-1])
            if self.over.wait(0.1):
                raise RuntimeError("the proof was broken off")

    def faults(self) -> list[str]:
        """An acknowledged form that is not stored as it was said last; an answer that a client cannot act on."""
        faults = self.refused + [
            f"{number} answers: {told}" for told, number in self.answers.items() if told not in GOOD
        ]
        with self.stage.store.reading() as tx:
            course_of = {one.patient: one.course for one in tx.enrolments.of_centre(CENTRE)}
            for (patient, visit), value in self.acked.items():
                found = [one for one in tx.follow_ups.of_course(course_of[patient]) if one.content["visit"] == visit]
                if [one.content["immune_reconstitution"]["cd4"]["value"] for one in found] != [value]:
                    faults.append(f"{patient} {visit}: acknowledged and not stored as said last")
        return faults


def enrolment(patient: str, born: str) -> dict[str, Any]:
    """A synthetic patient."""
    return ENROLMENT | {"patient": patient, "birth_date": born}


def form(patient: str, visit: str, value: int) -> dict[str, Any]:
    """A small visit: one or two Observations."""
    day = DAYS[visit]
    cells = {"date": day, "cd4": {"value": value, "unit": "/uL"}}
    alive = {"status": "alive", "date": day}
    return {"centre": CENTRE, "patient": patient, "visit": visit, "date": day} | {
        "vital_status": alive,
        "immune_reconstitution": cells,
    }


def _told(answer: requests.Response | None) -> str:
    if answer is None:
        return "none"
    later = " with Retry-After" if "Retry-After" in answer.headers else ""
    return f"{answer.status_code}{later}"
