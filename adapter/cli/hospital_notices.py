"""`engraft hospital notifications`: what a hospital told that could not be read, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from adapter.cli.acting import acting
from adapter.cli.refusal import REFUSED, json_option, json_refusals
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import Settings, load
from adapter.errors import Invalid
from adapter.flows import notices
from adapter.store.lease import LEASED, PARKED, WAITING
from adapter.web.waiting import age
from mappings.r4.faults import Fault
from mappings.r4.wire import pretty

if TYPE_CHECKING:
    from adapter.store.inbox import Notice

UNREAD = (WAITING, LEASED, PARKED)


@click.command()
@click.argument("name")
@click.option("--state", "states", type=click.Choice(UNREAD), multiple=True, help="Repeatable; default: all of them.")
@json_option
def notifications(name: str, states: tuple[str, ...], as_json: bool) -> None:
    """What hospital NAME told and was not read yet, or could not be read (parked), with the reason.

    Example: engraft hospital notifications chu-a --state parked
    """
    settings = load(environment())
    known(settings, name)
    with store_of(settings) as store, store.reading() as tx:
        found = tx.inbox.listing(states or UNREAD, name, whole=False)
    if as_json:
        click.echo(pretty([_row(one) for one in found]))
        return
    for one in found:
        tried = f"{one.attempts} {'try' if one.attempts == 1 else 'tries'}"
        click.echo(f"{one.id}: {one.state}, {_about(one)}, {age(one.created, now())} ago, {tried}: {one.error or ''}")
    if not found:
        click.echo("nothing here")


@click.command()
@click.argument("name")
@click.argument("ids", metavar="ID...", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Whatever is parked of this hospital.")
@acting
@json_option
@click.pass_context
def reread(ctx: click.Context, name: str, ids: tuple[int, ...], everything: bool, who: str, as_json: bool) -> None:
    """Have parked notifications of hospital NAME read again; engraft deliver does the reading.

    Example: engraft hospital reread chu-a --all
    """
    if bool(ids) == everything:
        raise click.UsageError("name notifications, or say --all")
    settings = load(environment())
    known(settings, name)
    with store_of(settings) as store:
        done = notices.reread(store, name, None if everything else ids, who=who, now=now())
    left = [one for one in ids if one not in done]
    if as_json:
        click.echo(pretty({"reread": done, "refused": left}))
    for id_ in done:
        click.echo(f"{id_}: will be read again", err=True)
    for id_ in left:
        click.echo(f"{id_}: is not there, or not parked", err=True)
    if left:
        ctx.exit(REFUSED)


@click.command()
@click.argument("name")
@click.argument("id_", metavar="ID", type=int)
@click.option("--reason", required=True, help="Kept in the audit.")
@acting
@json_refusals
def ignore(name: str, id_: int, reason: str, who: str) -> None:
    """Never read a parked notification of hospital NAME.

    Example: engraft hospital ignore chu-a 12 --reason "the record was a test of the laboratory"
    """
    if not reason.strip():
        raise click.UsageError("--reason says why")
    settings = load(environment())
    known(settings, name)
    with store_of(settings) as store:
        notices.ignore(store, name, id_, reason, who=who, now=now())
    click.echo(f"ignored {id_}", err=True)


def known(settings: Settings, name: str) -> None:
    """Raises Invalid for a hospital that is not in the configuration."""
    if name not in settings.hospitals:
        words = ", ".join(settings.hospitals) or "none"
        raise Invalid([Fault("name", f"no hospital {name} in the configuration; known: {words}", "not-found")])


def _about(one: Notice) -> str:
    return f"{one.kind}/{one.resource_id}" if one.kind else "something changed"


def _row(one: Notice) -> dict[str, object]:
    names = ("id", "state", "attempts", "created", "due", "error", "correlation")
    return {"about": _about(one)} | {name: getattr(one, name) for name in names}
