"""Web, workers or the database are killed at random moments while forms flow; then the books are balanced."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from random import Random

from adapter.errors import StoreUnavailable
from tests.chaos.books import balance
from tests.chaos.centre import Centre
from tests.chaos.stage import Stage, tell, until
from tests.chaos.victims import Database, Victim, at_work
from tests.lib.servers import answers

FEEDERS = 3
WORKERS = 4
DATABASE_LONGEST = 6.0
"""Seconds: the others need some of them to come back to it."""


def run(stage: Stage, *, kills: int, of: str, minutes: float, writers: int, seed: int) -> dict[str, object]:
    """The figures; `faults` is empty when the books balance. `of`: processes, or database (of a PostgreSQL).

    After so many minutes nobody is killed any more, however many kills there were.
    """
    began, held = time.monotonic(), _Held(stage)
    victims = _victims(stage, writers, Random(seed), held)
    doomed = [one for one in victims if isinstance(one, Database) == (of == "database")]
    centre = Centre(stage, seed)

    def more() -> bool:
        return sum(one.kills for one in doomed) < kills and time.monotonic() - began < minutes * 60

    lives = [threading.Thread(target=one.live, args=(more if one in doomed else _never,)) for one in victims]
    feeders = [threading.Thread(target=_quietly, args=(centre, n)) for n in range(FEEDERS)]
    try:
        for thread in (*lives, *feeders):
            thread.start()
        until(lambda: bool(centre.forms or centre.refused), 900, "the first form was acknowledged")
        for one in victims:
            one.begin.set()
        until(lambda: not more() or _going(centre, doomed), minutes * 60 + 60, "all were killed")
        centre.stop.set()
        for thread in feeders:
            thread.join()
        stage.drain(1800)
        books = balance(stage, centre.courses)
        faults = books.faults + centre.faults() + _fell(victims)
        faults += [f"{parked} parked"] if (parked := stage.parked()) else []
    finally:
        centre.stop.set()
        centre.over.set()
        _end(victims, lives)
    return {
        "kills": sum(one.kills for one in doomed),
        "of": {one.name: one.how or one.kills for one in doomed},
        "kills of a worker that held a lease": held.times,
        "forms acknowledged": centre.forms,
        "answers to the centre": centre.answers,
        "said again": centre.repeats,
        "patients": len(centre.courses),
        "resources at the hospital": books.resources,
        "versions in histories": books.versions,
        "faults": faults,
        "seconds": round(time.monotonic() - began),
    }


class _Held:
    """Counts those killed in the middle of a delivery."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.times = stage, 0

    def __call__(self, pid: int) -> None:
        with suppress(StoreUnavailable), self.stage.store.reading() as tx:
            self.times += any(f"/{pid}/" in name for name in tx.outbox.workers())


def _victims(stage: Stage, writers: int, chance: Random, held: _Held) -> list[Victim]:
    """The database first, where it has a server."""

    def victim(name: str, command: list[str]) -> Victim:
        ready = (lambda _: answers(f"{stage.web}/healthz")) if name == "web" else at_work
        return Victim(name, command, stage.folder / f"{name}.log", stage.environ, ready, Random(chance.random()))

    found = [victim("web", stage.web_command())]
    for n in range(WORKERS):
        found.append(victim(f"worker-{n}", stage.deliver_command(writers)))
        found[-1].found = held
    if stage.postgresql:
        made = stage.postgresql
        about = ("database", made.command, stage.folder / "database.log", stage.environ)
        ready, moments = (lambda _: made.server.answers()), Random(chance.random())
        found.insert(0, Database(*about, ready, moments, longest=DATABASE_LONGEST, server=made.server))
    return found


def _never() -> bool:
    return False


def _going(centre: Centre, doomed: Sequence[Victim]) -> bool:
    """Tells how far it is. Was something refused that should not be?"""
    killed = {one.name: one.kills for one in doomed}
    tell(f"{sum(killed.values())} kills {killed}, {centre.forms} forms")
    return bool(centre.refused)


def _quietly(centre: Centre, number: int) -> None:
    """A refusal is in the books already."""
    with suppress(RuntimeError):
        centre.feed(number)


def _fell(victims: Sequence[Victim]) -> list[str]:
    """A process of ours that ended though nobody killed it."""
    ours = [one for one in victims if not isinstance(one, Database)]
    return [f"{one.name} ended {one.fell} times by itself" for one in ours if one.fell]


def _end(victims: Sequence[Victim], lives: Sequence[threading.Thread]) -> None:
    """The database last: who ends in good order still writes."""
    for kind in (False, True):
        here = [(one, life) for one, life in zip(victims, lives, strict=True) if isinstance(one, Database) == kind]
        for one, _ in here:
            one.end()
        for _, life in here:
            if life.ident:
                life.join()
