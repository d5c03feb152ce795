"""`engraft registry push`: queue for the registries what they were not told yet."""

from __future__ import annotations

import click

from adapter.cli.acting import acting
from adapter.cli.refusal import json_option
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import load
from adapter.flows import push as flow
from adapter.flows.submission import submit_to
from mappings.r4.wire import pretty


@click.command()
@click.argument("name", required=False)
@click.option("--new-key", is_flag=True, help="The pseudonym key was changed on purpose: take back what was sent.")
@acting
@json_option
def push(name: str | None, new_key: bool, who: str, as_json: bool) -> None:
    """Queue for one registry, or each that is configured, what changed since the last push; engraft deliver sends it.

    Only of patients who agree today. What a registry has of others is taken back. Each registry has its own pseudonyms.

    Example: engraft registry push national && engraft deliver --once
    """
    settings = load(environment())
    pushed_to = [one.name for one in settings.registries.values() if one.dialect != "ebmt" or one.name == name]
    names = flow.named(pushed_to, name)
    submits = {each: submit_to(settings.registries[each], settings, now().date()) for each in names}
    with store_of(settings) as store:
        done = {each: flow.push(store, each, submits[each], now(), who=who, new_key=new_key) for each in names}
    if as_json:
        click.echo(pretty({each: one.document() for each, one in done.items()}))
        return
    for each, one in done.items():
        click.echo(
            f"{each}: {one.queued} patients with {one.resources} resources queued, {one.retracted} taken back, "
            f"{one.unchanged} unchanged"
        )
        for why, number in sorted(one.left.items()):
            click.echo(f"  not sent: {why} ({number})")
