"""`engraft audit`: who read, exported, changed or erased what."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import click

from adapter.cli.refusal import json_option
from adapter.cli.surroundings import environment, store_of
from adapter.config import load
from mappings.r4.wire import pretty


@click.group()
def audit() -> None:
    """Who read, exported, changed or erased what.

    Example: engraft audit list --centre FR-037 --action read
    """


@audit.command("list")
@click.option("--centre", help="Only of this centre.")
@click.option("--who", help="Only by this client or person.")
@click.option("--action", help="Only this: read, export, registry-push, erase, ...")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only of this day (UTC) or later.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@json_option
def listing(
    centre: str | None, who: str | None, action: str | None, since: datetime | None, limit: int, as_json: bool
) -> None:
    """The newest entries first. A read is one entry for each caller, address and hour.

    Example: engraft audit list --since 2026-11-01 --json
    """
    from_day = since.replace(tzinfo=UTC) if since else None
    with store_of(load(environment())) as store, store.reading() as tx:
        deeds = tx.audit.listing(centre=centre, who=who, action=action, since=from_day, limit=limit)
    rows = [asdict(one) | {"at": one.at.isoformat()} for one in deeds]
    if as_json:
        click.echo(pretty(rows))
        return
    # here, because only people need it
    from tabulate import tabulate

    click.echo(tabulate(rows, headers="keys", disable_numparse=True))
