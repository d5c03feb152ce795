"""`make chaos`: prints the figures of one proof as JSON; exit 1 when anything was lost, doubled or out of order."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos import kills, queues
from tests.chaos.stage import stage


def main(words: list[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="SIGKILLs of web and workers while forms flow")
    parser.add_argument("--rows", type=int, help="instead of kills: so many deliveries wait in the queue")
    parser.add_argument("--outage", action="store_true", help="with --rows: the hospital is away at first")
    parser.add_argument("--poison", type=float, default=0.0, help="with --rows: share that the hospital refuses")
    parser.add_argument("--processes", type=int, default=2, help="with --rows: worker processes")
    parser.add_argument("--writers", type=int, default=4, help="patients side by side in each process")
    parser.add_argument("--hospital", choices=("hapi", "helios", "sandbox"), default="hapi")
    parser.add_argument("--seed", type=int, default=1)
    said = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="engraft-chaos-") as folder, stage(Path(folder) / "s", said.hospital) as on:
        if said.rows is None:
            told = kills.run(on, kills=said.kills, writers=said.writers, seed=said.seed)
        else:
            queue = {"processes": said.processes, "writers": said.writers, "outage": said.outage}
            told = queues.run(on, rows=said.rows, poison=said.poison, **queue)
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    told |= {"hospital": said.hospital, "date": datetime.now(UTC).date().isoformat(), "machine": machine}
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return 1 if told["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
