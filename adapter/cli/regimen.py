"""`engraft regimen`: what changed in a stored regimen, and what would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adapter.cli.acting import acting
from adapter.cli.refusal import json_option
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import Settings, load
from adapter.errors import Refused
from mappings.r4.build import course_id
from mappings.r4.wire import decode_strict, pretty

if TYPE_CHECKING:
    from adapter.store import Store


@click.group()
def regimen() -> None:
    """Look at how the regimen of an enrolled patient changed, or would change.

    Example: engraft regimen history 96842aba-1039-5f62-83e0-9b2f1a014328
    """


@regimen.command()
@click.argument("id_", metavar="ID")
@acting
@json_option
def history(id_: str, who: str, as_json: bool) -> None:
    """Every change of the regimen ID (course, CarePlan or enrolment), newest first, with who and why.

    Example: engraft regimen history 96842aba-1039-5f62-83e0-9b2f1a014328
    """
    from adapter.flows import access, changes

    with store_of(load(environment())) as store:
        told = changes.history(id_, sender=None, store=store)
        with store.reading() as tx:
            course = changes.course_of(tx, id_, None)
        access.looked_at(store, course, now(), len(told["history"]), "changes of a regimen", who=who)
    if as_json:
        click.echo(pretty(told))
        return
    for entry in told["history"]:
        why = f": {entry['why']}" if entry["why"] else ""
        click.echo(f"{entry['at']}  {entry['who'] or 'unknown'}{why}")
        click.echo(_table(entry["changes"]) + "\n")


@regimen.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@acting
@json_option
def diff(file: Path, who: str, as_json: bool) -> None:
    """What an enrolment (JSON) would change in its regimen. Nothing is written.

    Example: engraft regimen diff enrolment-with-the-new-date.json
    """
    settings = load(environment())
    document = _document(file)
    with store_of(settings) as store:
        from adapter.flows import access, changes, enrolment

        course = _course(document, settings)
        found = changes.preview(
            store,
            course,
            lambda rehearsal: enrolment.enrol(document, sender=None, store=rehearsal, settings=settings, now=now()),
        )
        access.looked_at(store, course, now(), len(found), "changes that an enrolment would make", who=who)
    told = [asdict(one) for one in found]
    click.echo(pretty({"changes": told}) if as_json else _table(told) if told else "nothing would change")


@regimen.command()
@click.argument("id_", metavar="ID")
@click.argument("action")
@click.option("--first-day", metavar="DATE", help="First day below the full dose.")
@click.option("--last-day", metavar="DATE", help="Last day of the taper: it is over.")
@click.option("--take-back", is_flag=True, help="The full dose goes on again (with --reason).")
@click.option("--confirmed-by", required=True, metavar="NAME", help="Who confirms it.")
@click.option("--reason", metavar="TEXT", help="What is to be kept with it.")
@click.option("--although-unknown", metavar="WHY", help="Why the taper begins although its gate is unknown.")
@click.option("--deviation", metavar="WHY", help="Why it began although the protocol says that it may not.")
@click.option("--dry-run", is_flag=True, help="Only tell what would change.")
@json_option
def taper(id_: str, action: str, take_back: bool, dry_run: bool, as_json: bool, **said: str | None) -> None:
    """A person confirms the taper ACTION of the regimen ID: that it began, is over, or is taken back.

    Example: engraft regimen taper 96842aba-1039-5f62-83e0-9b2f1a014328 mycophenolate-taper --first-day 2026-04-06
    --confirmed-by "Dr A. Example"
    """
    from adapter.flows import changes, tapers

    settings = load(environment())
    act = tapers.withdraw if take_back else tapers.confirm
    document = {name: value for name, value in said.items() if value is not None}

    def done(store: Store) -> dict[str, Any]:
        return act(id_, action, document, sender=None, store=store, settings=settings, now=now())

    with store_of(settings) as store:
        if dry_run:
            with store.reading() as tx:
                course = changes.course_of(tx, id_, None)
            told = {"changes": [asdict(one) for one in changes.preview(store, course, done)]}
        else:
            told = done(store)
    click.echo(pretty(told) if as_json else _table(told["changes"]) if told["changes"] else "nothing changed")


def _document(file: Path) -> dict[str, Any]:
    try:
        said = decode_strict(file.read_bytes())
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from error
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
