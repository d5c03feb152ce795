"""`engraft doctor`: can everything do its work, and what is to be done?"""

from __future__ import annotations

import click

from adapter.cli.refusal import REFUSED, UNREACHABLE, json_option
from adapter.cli.surroundings import environment, is_there, now
from adapter.config import load
from mappings.r4.wire import pretty


@click.command()
@json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Look at settings, secrets, database, queue, and each hospital and registry: reach, R4, clock, credentials.

    Nothing is written anywhere. Exit 1 where something cannot work, 3 where something could not be reached; what is
    only worth a look exits 0.

    Example: engraft doctor
    """
    # here, because most commands speak to nobody
    from adapter.app import open_store
    from adapter.flows.doctor import AWAY, ILL, examine
    from adapter.hospital.connections import Connections

    settings = load(environment())
    # to open the file of a database makes one
    store = open_store(settings) if is_there(settings.database_url) else None
    connections = Connections(settings)
    states = set()
    found = []
    try:
        for one in examine(settings, store, connections, now):
            states.add(one.state)
            if as_json:
                found.append({"what": one.what, "state": one.state, "says": one.says, "advice": one.advice or None})
            else:
                click.echo(f"{one.state:5} {one.what}: {one.says}")
                if one.advice:
                    click.echo(f"      -> {one.advice}")
    finally:
        connections.close()
        if store:
            store.close()
    if as_json:
        click.echo(pretty(found))
    ctx.exit(REFUSED if ILL in states else UNREACHABLE if AWAY in states else 0)
