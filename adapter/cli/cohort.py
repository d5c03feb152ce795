"""`engraft cohort`: made-up patients for trying out and for benchmarks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from adapter.cli.refusal import json_refusals
from adapter.errors import Refused
from mappings.facts.synthetic import documents
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
    made = list(documents(patients, chance, centre=centre, as_of=as_of.date(), full=True))
    visits = [visit for _, of_one in made for visit in of_one]
    try:
        out.mkdir(parents=True, exist_ok=True)
        _write(out / "enrolments.ndjson", [enrolment for enrolment, _ in made])
        _write(out / "follow-ups.ndjson", visits)
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}") from error
    click.echo(f"{len(made)} enrolments and {len(visits)} follow-ups in {out}", err=True)


def _write(file: Path, made: Sequence[object]) -> None:
    file.write_bytes(b"".join(wire.encode(one) + b"\n" for one in made))
