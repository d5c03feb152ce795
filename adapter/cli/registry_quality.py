"""`engraft registry quality`: what is missing, overdue or contradicts itself."""

from __future__ import annotations

from pathlib import Path

import click

from adapter.cli.acting import acting
from adapter.cli.refusal import REFUSED, json_option
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import load
from adapter.flows import access
from adapter.flows import quality as flow
from adapter.flows.quality import Quality
from mappings.r4.wire import pretty


@click.command()
@click.option("--from", "folder", type=click.Path(path_type=Path), help="Folder of NDJSON, as engraft map writes it.")
@click.option("--database", is_flag=True, help="Everything that is stored, with its visits.")
@acting
@json_option
@click.pass_context
def quality(ctx: click.Context, folder: Path | None, database: bool, who: str, as_json: bool) -> None:
    """Completeness by centre and item, overdue visits, and contradictions, each with the visit to mend.

    Exit 1 where something told cannot be true. It names patients and does not leave the centre.

    Example: engraft registry quality --database --json
    """
    if (folder is None) == (not database):
        raise click.UsageError("say where from: --from DIR or --database")
    settings = load(environment())
    if folder:
        found = flow.of_directory(folder, settings)
    else:
        with store_of(settings) as store:
            found = flow.of_store(store, settings, now())
            access.looked_at(store, "quality", now(), found.patients, "patients", who=who)
    click.echo(pretty(found.document()) if as_json else _in_words(found))
    ctx.exit(REFUSED if found.wrong else 0)


def _in_words(found: Quality) -> str:
    # here, because only people need it
    from tabulate import tabulate

    findings = [
        (one.severity, one.centre or "", one.patient, one.text, ", ".join(place.document for place in one.mend))
        for one in found.findings
    ]
    items = [
        (one.centre or "", one.item, one.of, one.told, one.said_missing, one.left_out) for one in found.completeness
    ]
    visits = [(centre, state, number) for centre, states in found.visits.items() for state, number in states.items()]
    tables = (
        (findings, ("", "centre", "patient", "finding", "to mend")),
        (items, ("centre", "item", "visits", "told", "said to be missing", "left out")),
        (visits, ("centre", "visits", "number")),
    )
    shown = [tabulate(rows, headers=heads, disable_numparse=True) for rows, heads in tables if rows]
    not_known = [f"not known: {sentence}" for sentence in found.not_known]
    return "\n\n".join([f"{found.patients} patients, {len(found.findings)} findings", *shown, *not_known])
