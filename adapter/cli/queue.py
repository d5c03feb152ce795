"""`engraft queue`: what waits for the hospitals, and what a person has to decide."""

from __future__ import annotations

import click

from adapter.cli.refusal import json_option, json_refusals
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import load
from adapter.web.waiting import STATES, UNFINISHED, row
from mappings.r4.wire import pretty


@click.group()
def queue() -> None:
    """Deliveries to hospitals and registries. A parked one holds back later ones of its patient until you decide.

    Example: engraft queue list --state parked
    """


@queue.command(name="list")
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Repeatable; default: unfinished.")
@json_option
def list_(states: tuple[str, ...], as_json: bool) -> None:
    """What waits, is under way or parked.

    Example: engraft queue list --state parked --state waiting
    """
    with store_of(load(environment())) as store, store.reading() as tx:
        found = tx.outbox.listing(states or UNFINISHED)
    if as_json:
        click.echo(pretty([row(one) for one in found]))
        return
    # here, because only people need it
    from tabulate import tabulate

    rows = [(o.id, o.destination, o.course, o.state, o.attempts, o.due, (o.error or "")[:60]) for o in found]
    head = ("id", "destination", "course", "state", "attempts", "due", "error")
    click.echo(tabulate(rows, headers=head) if rows else "nothing here")


@queue.command()
@click.argument("id_", metavar="ID", type=int)
@json_option
def show(id_: int, as_json: bool) -> None:
    """One delivery with its resources and what the other server said.

    Example: engraft queue show 12
    """
    with store_of(load(environment())) as store, store.reading() as tx:
        found = tx.outbox.show(id_)
    if as_json:
        click.echo(pretty(row(found) | {"outcome": found.outcome, "content": found.content}))
        return
    for key, value in row(found).items():
        click.echo(f"{key}: {'' if value is None else value}")
    for resource in found.content:
        click.echo(f"  {resource['resourceType']}/{resource['id']}")
    if found.outcome:
        click.echo(pretty(found.outcome))


@queue.command()
@click.argument("ids", metavar="ID...", type=int, nargs=-1, required=True)
@json_option
@click.pass_context
def retry(ctx: click.Context, ids: tuple[int, ...], as_json: bool) -> None:
    """Try parked or waiting deliveries again, at once.

    Example: engraft queue retry 12 13
    """
    with store_of(load(environment())) as store, store.transaction() as tx:
        done = tx.outbox.requeue(ids, now())
    left = [id_ for id_ in ids if id_ not in done]
    if as_json:
        click.echo(pretty({"retried": done, "refused": left}))
    for id_ in done:
        click.echo(f"{id_}: will be tried again", err=True)
    for id_ in left:
        click.echo(f"{id_}: is not there, or neither waiting nor parked", err=True)
    if left:
        ctx.exit(1)


@queue.command()
@click.argument("id_", metavar="ID", type=int)
@click.option("--reason", required=True, help="Kept with the delivery.")
@json_refusals
def discard(id_: int, reason: str) -> None:
    """Never send a parked or waiting delivery.

    Example: engraft queue discard 12 --reason "entered by hand at the hospital"
    """
    if not reason.strip():
        raise click.UsageError("--reason says why")
    with store_of(load(environment())) as store, store.transaction() as tx:
        tx.outbox.discard(id_, reason, now())
    click.echo(f"discarded {id_}", err=True)
