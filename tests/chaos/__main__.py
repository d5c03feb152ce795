"""`make chaos`: prints the figures of one proof as JSON; exit 1 when anything was lost, doubled or out of order."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos import kills, outage, queues, races
from tests.chaos.stage import stage


def main(words: list[str] | None = None) -> int:
    """The exit code."""
    said = _parser().parse_args(words)
    on_server = said.proof == "kills" and said.of == "database"
    database = "postgresql" if on_server else said.database
    began = datetime.now(UTC).isoformat(timespec="minutes")
    with (
        tempfile.TemporaryDirectory(prefix="engraft-chaos-", ignore_cleanup_errors=True) as folder,
        stage(Path(folder) / "s", said.hospital, database, served=not on_server) as on,
    ):
        match said.proof:
            case "kills":
                how = {"of": said.of, "minutes": said.minutes, "writers": said.writers, "seed": said.seed}
                told = kills.run(on, kills=said.number, **how)
            case "races":
                told = races.run(on, number=said.number, seed=said.seed)
            case "outage":
                how = {"minutes": said.minutes, "writers": said.writers, "seed": said.seed}
                told = outage.run(on, forms=said.number, **how)
            case _:
                crew = {"processes": said.processes, "writers": said.writers, "seed": said.seed}
                told = queues.run(on, rows=said.number, poison=said.poison, **crew)
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    told |= {"hospital": said.hospital, "database": database, "seed": said.seed, "began": began, "machine": machine}
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return 1 if told["faults"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("proof", nargs="?", choices=("kills", "races", "outage", "queue"), default="kills")
    parser.add_argument("number", nargs="?", type=int, default=1000, help="of kills, submissions, forms, deliveries")
    parser.add_argument("--of", choices=("processes", "database"), default="processes", help="kills: whose")
    parser.add_argument("--minutes", type=float, default=240, help="kills, outage: no more of them after that")
    parser.add_argument("--poison", type=float, default=0.0, help="queue: share that the hospital refuses")
    parser.add_argument("--processes", type=int, default=4, help="queue: worker processes")
    parser.add_argument("--writers", type=int, default=4, help="patients side by side in each process")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--hospital", choices=("hapi", "helios", "sandbox"), default="hapi")
    parser.add_argument("--seed", type=int, default=1)
    return parser


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell began it in the background
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
