"""`engraft patient`: what a centre decides about one patient's record."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import click

from adapter.cli.acting import acting
from adapter.cli.refusal import REFUSED, json_option
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import load
from adapter.flows import access, erasure, retention
from adapter.flows.course import day_of
from adapter.flows.retention import Cleared, Past
from mappings.r4.wire import pretty


@click.group()
def patient() -> None:
    """What a centre decides about one patient's record.

    Example: engraft patient erase FR-037 P-0001 --reason "request of 3 May"
    """


@patient.command()
@click.argument("centre")
@click.argument("number", metavar="PATIENT")
@click.option("--reason", required=True, help="Kept in the audit; name nobody in it.")
@acting
@json_option
def erase(centre: str, number: str, reason: str, who: str, as_json: bool) -> None:
    """Erase everything that is stored of a patient, and take back what registries have. It cannot be undone.

    The hospital's own record stays. What stays here, and why: docs/deidentification.md.

    Example: engraft patient erase FR-037 P-0001 --reason "request of 3 May"
    """
    settings = load(environment())
    with store_of(settings) as store:
        done = erasure.erase(centre, number, reason, store=store, settings=settings, now=now(), who=who)
    if as_json:
        click.echo(pretty(asdict(done)))
        return
    told = ", ".join(done.retractions) or "none"
    click.echo(f"{done.resources} resources erased; registries to be told by engraft deliver: {told}")


@patient.command("retention")
@click.option("--centre", metavar="CODE", help="Only of this centre.")
@click.option("--by", type=click.DateTime(["%Y-%m-%d"]), help="What will be past its period on this day; only listed.")
@click.option("--erase", "erasing", is_flag=True, help="Erase it. It cannot be undone.")
@acting
@json_option
def retention_(centre: str | None, by: datetime | None, erasing: bool, who: str, as_json: bool) -> None:
    """List the records that are past their centre's period (centres.CODE.retention), or erase them.

    Without --erase nothing is changed. What a patient's erasure means: engraft patient erase --help. Exit 1 where
    something of a patient was being sent, so that it is still there.

    Example: engraft patient retention --centre FR-037
    """
    if erasing and by:
        raise click.UsageError("--by only lists: what is not past its period today is not erased")
    settings, at = load(environment()), now()
    with store_of(settings) as store:
        found = retention.past(store, settings, by.date() if by else day_of(at), centre)
        access.looked_at(store, "retention", at, len(found), "patients past their period", who=who)
        done = retention.clear(store, settings, at, who=who, centre=centre) if erasing else None
    if as_json:
        click.echo(pretty({"past": [_row(one) for one in found]} | ({"done": asdict(done)} if done else {})))
    else:
        _tell(found, done, any(one.retention for one in settings.centres.values()))
    if done and done.held:
        click.get_current_context().exit(REFUSED)


def _row(one: Past) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(one).items()}


def _tell(found: list[Past], done: Cleared | None, configured: bool) -> None:
    # here, because only people need it
    from tabulate import tabulate

    if found:
        click.echo(tabulate([_row(one) for one in found], headers="keys", disable_numparse=True))
    elif not configured:
        click.echo("no centre has a period: centres.CODE.retention")
    if done:
        click.echo(f"{len(done.erased)} patients erased, {len(done.held)} are being sent and stay until the next call")
    else:
        click.echo(f"{len(found)} patients past their period; nothing was changed")
