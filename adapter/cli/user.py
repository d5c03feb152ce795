"""`engraft user`: people who sign in to the pages. Of a password only a slow salted hash is kept."""

from __future__ import annotations

import sys

import click

from adapter.cli.acting import acting
from adapter.cli.refusal import json_option, json_refusals
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import Settings, load
from adapter.errors import Invalid
from adapter.store.people import DEFAULT_ROLE, ROLES, Person
from mappings.r4.faults import Fault
from mappings.r4.wire import pretty


@click.group()
def user() -> None:
    """Accounts of the people of a centre, for the pages.

    Example: engraft user add ada --full-name "Ada Example" --centre FR-037 --role pharmacist
    """


@user.command()
@click.argument("name")
@click.option("--centre", metavar="CODE", required=True, help="The centre whose patients they see.")
@click.option("--role", type=click.Choice(ROLES), default=DEFAULT_ROLE, show_default=True)
@click.option("--full-name", metavar="TEXT", help="What stands under a plan that they sign; default NAME.")
@acting
@json_option
def add(name: str, centre: str, role: str, full_name: str | None, who: str, as_json: bool) -> None:
    """Make an account. The password is asked for, unseen; where nobody types, it is the first line of stdin.

    A pharmacist and a physician may validate plans; a data manager looks.

    Example: engraft user add ada --full-name "Ada Example" --centre FR-037 --role pharmacist
    """
    settings = load(environment())
    _require_centre(centre, settings)
    password = _password()
    with store_of(settings) as store, store.transaction() as tx:
        tx.people.add(name, full_name if full_name is not None else name, role, centre, password, at := now())
        tx.audit.add(at=at, who=who, action="user-add", target=f"user/{name}", centre=centre, detail=role)
        (made,) = [one for one in tx.people.listing() if one.name == name]
    if as_json:
        click.echo(pretty(_row(made)))
    else:
        click.echo(f"{made.full_name}, {made.role}, may sign in as {made.name}", err=True)


def _require_centre(centre: str, settings: Settings) -> None:
    if settings.centres and centre not in settings.centres:
        known = ", ".join(settings.centres)
        raise Invalid([Fault("centre", f"no centre {centre} in the configuration; known: {known}", "not-found")])


def _password() -> str:
    if sys.stdin.isatty():
        said: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return said
    return sys.stdin.readline().rstrip("\r\n")


@user.command(name="list")
@json_option
def list_(as_json: bool) -> None:
    """Who may sign in.

    Example: engraft user list
    """
    with store_of(load(environment())) as store, store.reading() as tx:
        found = [_row(one) for one in tx.people.listing()]
    if as_json:
        click.echo(pretty(found))
        return
    # here, because only people need it
    from tabulate import tabulate

    click.echo(tabulate(found, headers="keys"))


def _row(one: Person) -> dict[str, str]:
    return {"name": one.name, "full_name": one.full_name, "role": one.role, "centre": one.centre}


@user.command()
@click.argument("name")
@acting
@json_refusals
def revoke(name: str, who: str) -> None:
    """End the account of NAME and every session of it, from now on. What they signed stays signed.

    Example: engraft user revoke ada
    """
    with store_of(load(environment())) as store, store.transaction() as tx:
        tx.people.revoke(name, at := now())
        tx.audit.add(at=at, who=who, action="user-revoke", target=f"user/{name}", centre=None)
    click.echo(f"revoked {name}", err=True)
