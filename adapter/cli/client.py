"""`engraft client`: who may call. A token is shown once; only its hash is kept."""

from __future__ import annotations

import click

from adapter.cli.acting import acting
from adapter.cli.refusal import json_option, json_refusals
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import Settings, load
from adapter.errors import Invalid
from adapter.store.clients import OF_A_CENTRE, ROLES, Client
from mappings.r4.faults import Fault
from mappings.r4.wire import pretty


@click.group()
def client() -> None:
    """Bearer tokens of other systems.

    Example: engraft client add ehr-a --role ehr --centre FR-037
    """


@client.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--centre", metavar="CODE", help="The centre whose patients it sees; needed for ehr and centre.")
@acting
@json_option
def add(name: str, role: str, centre: str | None, who: str, as_json: bool) -> None:
    """Make a token for NAME and print it, once.

    Example: engraft client add chu-a-forms --role centre --centre FR-037
    """
    settings = load(environment())
    _check(role, centre, settings)
    with store_of(settings) as store, store.transaction() as tx:
        token = tx.clients.add(name, role, centre, at := now())
        tx.audit.add(at=at, who=who, action="client-add", target=f"client/{name}", centre=centre, detail=role)
    if as_json:
        click.echo(pretty({"name": name, "role": role, "centre": centre, "token": token}))
    else:
        click.echo(token)
        click.echo("This token is shown once: keep it now.", err=True)


def _check(role: str, centre: str | None, settings: Settings) -> None:
    if role in OF_A_CENTRE and not centre:
        raise click.UsageError(f"--centre is needed: a token of the role {role} sees one centre's patients")
    if role not in OF_A_CENTRE and centre:
        raise click.UsageError(f"--centre is not for the role {role}")
    if centre and settings.centres and centre not in settings.centres:
        known = ", ".join(settings.centres)
        raise Invalid([Fault("centre", f"no centre {centre} in the configuration; known: {known}", "not-found")])


@client.command(name="list")
@json_option
def list_(as_json: bool) -> None:
    """Who has a token.

    Example: engraft client list
    """
    with store_of(load(environment())) as store, store.reading() as tx:
        found = tx.clients.listing()
    if as_json:
        click.echo(pretty([_row(one) for one in found]))
        return
    # here, because only people need it
    from tabulate import tabulate

    click.echo(tabulate([_row(one) for one in found], headers="keys"))


def _row(one: Client) -> dict[str, str | None]:
    return {"name": one.name, "role": one.role, "centre": one.centre}


@client.command()
@click.argument("name")
@acting
@json_refusals
def revoke(name: str, who: str) -> None:
    """Make the token of NAME worthless from now on.

    Example: engraft client revoke ehr-a
    """
    with store_of(load(environment())) as store, store.transaction() as tx:
        tx.clients.revoke(name, at := now())
        tx.audit.add(at=at, who=who, action="client-revoke", target=f"client/{name}", centre=None)
    click.echo(f"revoked {name}", err=True)
