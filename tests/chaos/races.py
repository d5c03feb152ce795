"""Sixteen clients say the same thing at the same moment, again and again, while sixteen workers deliver it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random
from typing import Any

import requests

from tests.chaos.books import balance
from tests.chaos.centre import Centre, enrolment, form
from tests.chaos.stage import HOSPITAL, Stage, serving, tell, workers

RACERS = 16
"""Clients, and web processes, so that they meet in the database."""
PROCESSES, WRITERS = 4, 4
ROUNDS = 5
"""Of one patient."""


@dataclass(frozen=True)
class Round:
    """What each of the racers posts."""

    path: str
    documents: Sequence[dict[str, Any]]


def run(stage: Stage, *, number: int, seed: int) -> dict[str, object]:
    """The figures; `faults` is empty when nothing is doubled."""
    began, centre = time.monotonic(), Centre(stage, seed)
    rounds = list(_rounds(number // RACERS, Random(seed)))
    with ExitStack() as stack:
        stack.enter_context(serving(stage, RACERS))
        stack.enter_context(workers(stage, PROCESSES, WRITERS))
        told = _race(centre, rounds)
        raced = time.monotonic() - began
        stage.drain(1800)
    centre.courses = {one["course"] for answers in told for one in answers}
    books = balance(stage, centre.courses)
    faults = [fault for one, answers in zip(rounds, told, strict=True) for fault in _doubled(one, answers)]
    return {
        "submissions": RACERS * len(rounds),
        "of the same facts": f"by {RACERS} at once, {len(rounds)} times",
        "that wrote a version": sum(one["changed"] for answers in told for one in answers),
        "answers to the centre": centre.answers,
        "patients": len(centre.courses),
        "delivered by": f"{PROCESSES} processes of {WRITERS} workers",
        "resources at the hospital": books.resources,
        "versions in histories": books.versions,
        "submissions per second": round(RACERS * len(rounds) / raced, 1),
        "faults": books.faults + centre.faults() + faults + _stored(stage, told),
        "seconds": round(time.monotonic() - began),
    }


def _rounds(number: int, chance: Random) -> Iterator[Round]:
    """Of each patient: enrolled; a visit; two corrections of it that contradict each other; two more visits."""
    for n in range(number):
        patient = f"SYN-{n // ROUNDS:05}"
        first, second = chance.sample(range(1, 900), 2)
        match n % ROUNDS:
            case 0:
                yield Round("/enrolments", [enrolment(patient, "1971-05-02")] * RACERS)
            case 2:
                both = [form(patient, "m1", 1000 + first), form(patient, "m1", 1000 + second)]
                yield Round("/follow-ups", both * (RACERS // 2))
            case step:
                yield Round("/follow-ups", [form(patient, {1: "m1", 3: "m3", 4: "m6"}[step], first)] * RACERS)


def _race(centre: Centre, rounds: Sequence[Round]) -> list[list[dict[str, Any]]]:
    """The answers of each round."""
    gate = threading.Barrier(RACERS)

    def racer(number: int) -> list[dict[str, Any]]:
        session, answers = requests.Session(), []
        for done, one in enumerate(rounds):
            if number == gate.wait(300):
                tell(f"{done} of {len(rounds)} rounds")
            answers.append(centre.until_acked(session, one.path, one.documents[number]))
        return answers

    with ThreadPoolExecutor(RACERS) as pool:
        return [list(answers) for answers in zip(*pool.map(racer, range(RACERS)), strict=True)]


def _doubled(one: Round, answers: Sequence[dict[str, Any]]) -> list[str]:
    """The same facts are one thing, written once."""
    about = f"{one.documents[0]['patient']} {one.documents[0].get('visit', 'enrolment')}"
    faults = []
    if len({answer["id"] for answer in answers}) > 1:
        faults.append(f"{about}: more than one id")
    if all(document is one.documents[0] for document in one.documents):
        written = sum(answer["changed"] for answer in answers)
        if written != 1 or len({answer["version"] for answer in answers}) > 1:
            faults.append(f"{about}: written {written} times")
    return faults


def _stored(stage: Stage, told: Sequence[Sequence[dict[str, Any]]]) -> list[str]:
    """As many versions are stored as were told, and none has caused more than one delivery."""
    written: Counter[str] = Counter()
    course_of = {one["id"]: one["course"] for answers in told for one in answers}
    for answers in told:
        for one in answers:
            written[one["id"]] += one["changed"]
    faults = []
    with stage.store.reading() as tx:
        for id_, number in written.items():
            history = tx.follow_ups.history(id_) or tx.enrolments.history(id_)
            rows = tx.outbox.for_source(course_of[id_], history[0].key) if history else []
            if len(history) != number:
                faults.append(f"{id_}: {len(history)} versions stored, {number} told")
            if len([row for row in rows if row.destination == HOSPITAL]) > number:
                faults.append(f"{id_}: {len(rows)} deliveries of {number} versions")
    return faults
