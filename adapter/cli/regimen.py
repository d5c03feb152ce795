"""`engraft regimen`: what changed in a stored regimen, and what would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from adapter.cli.refusal import json_option
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import Settings, load
from adapter.errors import Refused
from mappings.r4.build import course_id
from mappings.r4.wire import decode_strict, pretty


@click.group()
def regimen() -> None:
    """Look at how the regimen of an enrolled patient changed, or would change.

    Example: engraft regimen history 96842aba-1039-5f62-83e0-9b2f1a014328
    """


@regimen.command()
@click.argument("id_", metavar="ID")
@json_option
def history(id_: str, as_json: bool) -> None:
    """Every change of the regimen ID (course, CarePlan or enrolment), newest first, with who and why.

    Example: engraft regimen history 96842aba-1039-5f62-83e0-9b2f1a014328
    """
    from adapter.flows import changes

    with store_of(load(environment())) as store:
        told = changes.history(id_, sender=None, store=store)
    if as_json:
        click.echo(pretty(told))
        return
    for entry in told["history"]:
        why = f": {entry['why']}" if entry["why"] else ""
        click.echo(f"{entry['at']}  {entry['who'] or 'unknown'}{why}")
        click.echo(_table(entry["changes"]) + "\n")


@regimen.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def diff(file: Path, as_json: bool) -> None:
    """What an enrolment (JSON) would change in its regimen. Nothing is written.

    Example: engraft regimen diff enrolment-with-the-new-date.json
    """
    settings = load(environment())
    document = _document(file)
    with store_of(settings) as store:
        from adapter.flows import changes, enrolment

        found = changes.preview(
            store,
            _course(document, settings),
            lambda rehearsal: enrolment.enrol(document, sender=None, store=rehearsal, settings=settings, now=now()),
        )
    told = [asdict(one) for one in found]
    click.echo(pretty({"changes": told}) if as_json else _table(told) if told else "nothing would change")


def _document(file: Path) -> dict[str, Any]:
    said = decode_strict(file.read_bytes())
    keys = ("centre", "patient", "protocol")
    if not isinstance(said, dict) or not all(isinstance(said.get(key), str) for key in keys):
        raise Refused(f"{file} is no enrolment: it names no centre, patient and protocol")
    return said


def _course(document: dict[str, Any], settings: Settings) -> str:
    return course_id(settings.canonicals, document["centre"], document["patient"], document["protocol"])


def _table(changes: Sequence[dict[str, Any]]) -> str:
    # here, because only people need it
    from tabulate import tabulate

    rows = [(one["action"], one["day"], one["what"], one["before"] or "", one["after"] or "") for one in changes]
    return tabulate(rows, headers=("action", "day", "what", "from", "to"), disable_numparse=True)
