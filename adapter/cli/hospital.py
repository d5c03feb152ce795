"""`engraft hospital`: do its notifications come, and does it have what we think it has?"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from adapter.cli import hospital_notices
from adapter.cli.acting import acting
from adapter.cli.progress import bar
from adapter.cli.refusal import REFUSED, json_option, json_refusals
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import Hospital, Settings, load
from mappings.r4.wire import encode, pretty

if TYPE_CHECKING:
    from adapter.flows.reconciling import Difference
    from adapter.flows.subscribing import Standing
    from adapter.hospital.client import HospitalClient

TERMINATED = 128 + signal.SIGTERM
"""Exit of what ended because it was told to, as shells write it."""


@click.group()
def hospital() -> None:
    """Notifications of a hospital, and what it has of ours.

    Example: engraft hospital status chu-a
    """


hospital.add_command(hospital_notices.notifications)
hospital.add_command(hospital_notices.reread)
hospital.add_command(hospital_notices.ignore)


@hospital.command()
@click.argument("name")
@json_option
def subscribe(name: str, as_json: bool) -> None:
    """Write the Subscriptions by which hospital NAME tells us what changes. Safe to repeat: what is well stays.

    They carry no content, so that nothing of people who are not in the study comes here.

    Example: engraft hospital subscribe chu-a
    """
    _show(_subscribed(name), as_json)


@hospital.command()
@click.argument("name")
@json_option
@click.pass_context
def status(ctx: click.Context, name: str, as_json: bool) -> None:
    """How those Subscriptions are at hospital NAME. Exit 1 where one is not well: say `repair`, or look why.

    Also what was heard of Subscriptions that number their notifications: the last number, and whether they have been
    silent for longer than the heartbeat that they promise.

    Example: engraft hospital status chu-a
    """
    # here, because only these commands speak to a hospital
    from adapter.flows.subscribing import GOOD, heard, standings, wanted

    with _client(name) as (settings, there, client):
        with store_of(settings) as store:
            numbered = heard(store, name, now())
        ours = there.webhook is not None and there.webhook.kind == "bearer"
        found = [*(standings(client, wanted(there, settings), now()) if ours or not numbered else []), *numbered]
    _show(found, as_json)
    ctx.exit(0 if all(one.state in GOOD for one in found) else REFUSED)


@hospital.command()
@click.argument("name")
@json_option
def repair(name: str, as_json: bool) -> None:
    """Write what is missing or broken of them, and ask for everything that changed meanwhile.

    A server gives a notification up and tells nobody, so that asking is part of the repair.

    Example: engraft hospital repair chu-a
    """
    _show(_subscribed(name), as_json)
    _ask(name)


@hospital.command()
@click.argument("name")
@json_refusals
def poll(name: str) -> None:
    """Ask hospital NAME for everything that changed lately; engraft deliver does the asking.

    Example: engraft hospital poll chu-a && engraft deliver --once
    """
    _ask(name)


@hospital.command()
@click.argument("name")
@click.option("--repair", "mending", is_flag=True, help="Queue again what is missing there or was never sent.")
@click.option("--after", metavar="COURSE", default="", help="Go on after this course, where an earlier call stopped.")
@acting
@json_option
@click.pass_context
def reconcile(ctx: click.Context, name: str, mending: bool, after: str, who: str, as_json: bool) -> None:
    """Compare what hospital NAME has with what we think it has, patient by patient. Reads only, unless --repair.

    What the hospital edited is listed; it is sent again only where `hospitals.NAME.conflict` is `ours`. Exit 1 where
    something differs and was not queued. Stopped half-way, the last line says how to go on.

    Example: engraft hospital reconcile chu-a
    """
    # here, because only these commands speak to a hospital
    from adapter.flows import access, reconciling

    counts: Counter[str] = Counter()
    with _client(name) as (settings, there, client), store_of(settings) as store:
        centres = [code for code, centre in settings.centres.items() if centre.hospital == name]
        names = reconciling.courses(store, centres, after)
        access.looked_at(store, f"reconcile/{name}", now(), len(names), "patients", who=who)
        last = after
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
        try:
            with bar("patients", len(names), items=True) as done:
                for course in names:
                    found = reconciling.compare(store, client, name, course)
                    for one in found:
                        counts[one.what] += 1
                        _line(one, as_json)
                    if mending and found:
                        counts["queued"] += reconciling.repair(store, name, found, there.conflict, now())
                    last = course
                    done(1)
        except BaseException:
            after_ = f" --after {last}" if last else ""
            click.echo(f"stopped; go on with: engraft hospital reconcile {name}{after_}", err=True)
            raise
        finally:
            signal.signal(signal.SIGTERM, before)
    told = ", ".join(f"{number} {what}" for what, number in sorted(counts.items())) or "no difference"
    click.echo(f"{len(names)} patients compared: {told}", err=True)
    differs = counts.total() - 2 * counts["queued"]
    ctx.exit(REFUSED if differs else 0)


def _subscribed(name: str) -> list[Standing]:
    # here, because only these commands speak to a hospital
    from adapter.flows import subscribing

    with _client(name) as (settings, there, client):
        subscriptions = subscribing.wanted(there, settings)
        subscribing.subscribe(client, subscriptions, now())
        return subscribing.standings(client, subscriptions, now())


def _ask(name: str) -> None:
    # here, because only these commands need it
    from adapter.flows import notification

    settings = load(environment())
    _named(settings, name)
    with store_of(settings) as store:
        asked = notification.ask(name, store, now())
    click.echo("asked; engraft deliver looks" if asked else "asked already; engraft deliver looks", err=True)


@contextmanager
def _client(name: str) -> Iterator[tuple[Settings, Hospital, HospitalClient]]:
    # here, because only these commands speak to a hospital
    from adapter.hospital.connections import Connections

    settings = load(environment())
    there = _named(settings, name)
    connections = Connections(settings)
    try:
        yield settings, there, connections(name)
    finally:
        connections.close()


def _named(settings: Settings, name: str) -> Hospital:
    hospital_notices.known(settings, name)
    return settings.hospitals[name]


def _show(found: list[Standing], as_json: bool) -> None:
    rows: list[dict[str, Any]] = [{"type": o.kind, "id": o.id, "state": o.state, "says": o.says or None} for o in found]
    if as_json:
        click.echo(pretty(rows))
        return
    for row in rows:
        click.echo(f"{row['state']:9} {row['type']}{': ' + row['says'] if row['says'] else ''}")


def _line(one: Difference, as_json: bool) -> None:
    if as_json:
        said = {"course": one.course, "resource": one.reference, "what": one.what, "version": one.version}
        click.echo(encode(said).decode())
    else:
        version = f" (version {one.version} there)" if one.version else ""
        click.echo(f"{one.what:10} {one.reference}{version}")
