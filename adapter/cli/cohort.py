"""`engraft cohort`: made-up patients for trying out and for benchmarks."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from adapter.cli.progress import bar
from adapter.cli.refusal import json_refusals
from adapter.errors import Refused
from mappings.facts.synthetic import Document, documents
from mappings.r4 import wire


@click.group()
def cohort() -> None:
    """Made-up patients. Every one of them is labelled as synthetic.

    Example: engraft cohort synth --patients 20 --seed 1 --out cohort/
    """


@cohort.command()
@click.option("--patients", type=click.IntRange(1), required=True, help="How many.")
@click.option("--seed", type=int, required=True, help="The same seed gives the same patients.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--centre", default="SYN-001", show_default=True)
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), default="2026-01-01", help="No date is later.")
@json_refusals
def synth(patients: int, seed: int, out: Path, centre: str, as_of: datetime) -> None:
    """Write enrolments.ndjson and follow-ups.ndjson to a folder.

    Example: engraft cohort synth --patients 20 --seed 1 --out cohort/ && engraft map cohort/*.ndjson --out fhir/
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable patients, no secret
    made = documents(patients, chance, centre=centre, as_of=as_of.date(), full=True)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with bar("writing", patients, items=True) as tick:
            visits = _write(made, out, tick)
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}") from error
    click.echo(f"{patients} enrolments and {visits} follow-ups in {out}", err=True)


def _write(made: Iterable[tuple[Document, list[Document]]], out: Path, tick: Callable[[int], None]) -> int:
    """One patient in memory at a time; how many visits. The files of an earlier call go when the new ones are whole."""
    names = ("enrolments.ndjson", "follow-ups.ndjson")
    visits = 0
    with TemporaryDirectory(prefix=".engraft-", dir=out) as folder:
        new = [Path(folder) / name for name in names]
        with new[0].open("wb") as enrolments, new[1].open("wb") as follow_ups:
            for enrolment, forms in made:
                enrolments.write(wire.encode(enrolment) + b"\n")
                follow_ups.writelines(wire.encode(form) + b"\n" for form in forms)
                visits += len(forms)
                tick(1)
        for file in new:
            file.replace(out / file.name)
    return visits
