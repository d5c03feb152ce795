"""An outage while forms pile up, poison among the good, and sixteen workers that race: each drained and balanced."""

from __future__ import annotations

import subprocess
import threading
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime

from mappings.r4.build import Resource
from tests.chaos.books import balance
from tests.chaos.stage import HOSPITAL, Stage, until
from tests.contract.synthetic import observation, patient

OBSERVATIONS = 4
ROWS = 5
"""Deliveries of one patient, each of some Observations."""


def run(stage: Stage, *, rows: int, poison: float, processes: int, writers: int, outage: bool) -> dict[str, object]:
    """Queues so many deliveries (the half of a patient's in a second saying), starts the workers, and balances."""
    if outage:
        stage.environ["ENGRAFT_CONFIG"] = _elsewhere(stage)
    bad = _fill(stage, rows, poison)
    began = time.monotonic()
    with ExitStack() as stack:
        running = [_start(stack, stage, writers) for _ in range(processes)]
        if outage:
            until(lambda: _tries(stage) > 0, 120, "the first was tried in vain")
            threading.Event().wait(10)
            tries = _tries(stage)
            for process in running:
                process.terminate()
                process.wait(60)
            stage.environ["ENGRAFT_CONFIG"] = str(stage.folder / "engraft.toml")
            began, running = time.monotonic(), [_start(stack, stage, writers) for _ in range(processes)]
        until(lambda: stage.left() == 0, 120 + rows, "everything was delivered")
        seconds = time.monotonic() - began
        for process in running:
            process.terminate()
            process.wait(60)
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
        "resources at the hospital": books.resources - len(bad),
        "versions in histories": books.versions,
        "rows tried while it was down": tries if outage else None,
        "deliveries per second": round(rows / seconds, 1),
        "faults": faults,
        "seconds": round(seconds),
    }


def _fill(stage: Stage, rows: int, poison: float) -> set[str]:
    """What is to be refused, by reference."""
    bad: set[str] = set()
    every = round(1 / poison) if poison else 0
    now, number = datetime.now(UTC), 0
    for n in range(rows // ROWS):
        own = f"{n:06}-p"
        with stage.store.transaction() as tx:
            for row in range(ROWS):
                number += 1
                content: list[Resource] = [patient(own)] * (row == 0)
                content += [observation(f"{own}-o{k}", own, str(row + 1)) for k in range(OBSERVATIONS)]
                if every and number % every == 0:
                    wrong = {"encounter": {"reference": "Encounter/nowhere"}}
                    content.append(observation(f"{own}-bad{row}", own, **wrong))
                    bad.add(f"Observation/{own}-bad{row}")
                tx.outbox.add(HOSPITAL, f"chaos-{n}", content, source="chaos", at=now)
    return bad


def _start(stack: ExitStack, stage: Stage, writers: int) -> subprocess.Popen[bytes]:
    log = stack.enter_context((stage.folder / "workers.log").open("ab"))
    command = stage.deliver_command(writers)
    process = subprocess.Popen(command, env=stage.environ, stdout=log, stderr=log)
    stack.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()


def _elsewhere(stage: Stage) -> str:
    """A configuration in which the hospital is an address where nobody listens."""
    away = stage.folder / "away.toml"
    away.write_text(f'[hospitals.{HOSPITAL}]\nbase_url = "http://127.0.0.1:9/fhir"\n', "utf-8")
    return str(away)


def _tries(stage: Stage) -> int:
    with stage.store.reading() as tx:
        return sum(row.attempts for row in tx.outbox.listing(["waiting", "leased"]))
