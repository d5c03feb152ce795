"""`engraft registry export`: forms for a registry that people fill in."""

from __future__ import annotations

from pathlib import Path

import click

from adapter.cli.acting import acting
from adapter.cli.refusal import json_option
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import load
from adapter.errors import Refused
from adapter.flows import forms
from mappings.r4.wire import pretty


@click.command("export")
@click.option("--dialect", type=click.Choice(["ebmt"]), required=True, help="Whose forms.")
@click.option("--registry", "name", help="Which [registries.NAME], where several have the dialect.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the files.")
@acting
@json_option
def export(dialect: str, name: str | None, out: Path, who: str, as_json: bool) -> None:
    """De-identified forms of the patients who agree today: a table for each form, a page for each patient and form.

    Example: engraft registry export --dialect ebmt --out forms/
    """
    settings = load(environment())
    found = [one for one in settings.registries.values() if one.dialect == dialect and name in (None, one.name)]
    if len(found) != 1:
        raise Refused(f"{len(found)} registries have the dialect {dialect}: configure one, or name it by --registry")
    with store_of(settings) as store:
        done = forms.export(store, found[0], settings, now(), out, who=who)
    if as_json:
        click.echo(pretty(dict(done)))
        return
    for form, number in done.items():
        click.echo(f"{form}: {number} patients")
    click.echo(f"{done.total()} forms in {out}", err=True)
