"""`engraft patient`: what a centre decides about one patient's record."""

from __future__ import annotations

from dataclasses import asdict

import click

from adapter.cli.acting import acting
from adapter.cli.refusal import json_option
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import load
from adapter.flows import erasure
from mappings.r4.wire import pretty


@click.group()
def patient() -> None:
    """What a centre decides about one patient's record.

    Example: engraft patient erase FR-037 P-0001 --reason "request of 3 May"
    """


@patient.command()
@click.argument("centre")
@click.argument("number", metavar="PATIENT")
@click.option("--reason", required=True, help="Kept in the audit; name nobody in it.")
@acting
@json_option
def erase(centre: str, number: str, reason: str, who: str, as_json: bool) -> None:
    """Erase everything that is stored of a patient, and take back what registries have. It cannot be undone.

    The hospital's own record stays. What stays here, and why: docs/deidentification.md.

    Example: engraft patient erase FR-037 P-0001 --reason "request of 3 May"
    """
    settings = load(environment())
    with store_of(settings) as store:
        done = erasure.erase(centre, number, reason, store=store, settings=settings, now=now(), who=who)
    if as_json:
        click.echo(pretty(asdict(done)))
        return
    told = ", ".join(done.retractions) or "none"
    click.echo(f"{done.resources} resources erased; registries to be told by engraft deliver: {told}")
