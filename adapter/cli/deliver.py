"""`engraft deliver`: send what waits, and fetch what hospitals said has changed."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import click

from adapter.cli.refusal import REFUSED, UNREACHABLE, json_option
from adapter.cli.surroundings import begin_log, environment, store_of
from adapter.config import Settings, load
from adapter.errors import Refused
from adapter.flows.crew import Crew
from adapter.hospital import pace
from mappings.r4.wire import pretty

if TYPE_CHECKING:
    from adapter.store import Store

SWITCH = 0.000_5
"""Seconds that who has an answer, or its turn to ask, waits for a thread that makes ready what goes next; Python's own
5 ms are longer than a fast server takes for a visit."""

BESIDE = 5
"""Threads beside those of hospitals: who looks, listens, calls the readers of notifications, takes in."""


@click.command()
@click.option("--once", is_flag=True, help="Send what is due, then stop. The default.")
@click.option("--watch", "watching", is_flag=True, help="Go on until stopped (Ctrl-C or SIGTERM).")
@click.option("--celery", "spread", is_flag=True, help="Like --watch, but call Celery's workers instead.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Patients side by side, at each hospital.",
)
@json_option
@click.pass_context
def deliver(ctx: click.Context, once: bool, watching: bool, spread: bool, workers: int, as_json: bool) -> None:
    """Drain the outbox to the hospitals and registries, and fetch what their notifications point to.

    Exit 1 when a server refused a delivery for good (see engraft queue), 3 when none could be reached.

    Example: engraft deliver --once
    """
    if once + watching + spread > 1:
        raise click.UsageError("either --once, --watch or --celery")
    sys.setswitchinterval(SWITCH)
    settings = load(environment())
    make = _herald(settings) if spread else Crew
    each = (workers + pace.BESIDE) * len({**settings.hospitals, **settings.registries}) + len(settings.hospitals)
    threads = BESIDE if spread else BESIDE + each
    with store_of(settings, threads) as store:
        _require_room(store, threads)
        watch = watching or spread
        # who watches has a line in the log for each delivery
        crew = make(store, settings, workers, lambda line: None if watch else click.echo(line, err=True))
        try:
            if watch:
                begin_log(settings, "json", "info")
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, lambda *_: crew.stop.set())
                crew.watch()
                return
            crew.take_in()
            sent, pulled = crew.once(), crew.pull()
        finally:
            crew.close()
    retried, parked = sent.retried + pulled.retried, sent.parked + pulled.parked
    counts = {"delivered": sent.delivered, "retried": retried, "parked": parked, "waiting": sent.waiting}
    if as_json:
        due = sent.next_due.isoformat() if sent.next_due else None
        click.echo(pretty(counts | {"copied": pulled.copied, "next_due": due}))
    else:
        click.echo(
            f"{sent.delivered} delivered, {retried} to be tried again, {parked} parked, {sent.waiting} waiting; "
            f"{pulled.copied} copied from hospitals"
        )
    reached = sent.delivered or parked or pulled.copied
    ctx.exit(UNREACHABLE if retried and not reached else REFUSED if parked else 0)


def _require_room(store: Store, threads: int) -> None:
    """Raises Refused where the database gives fewer connections than the workers may need at once."""
    room = store.room()
    if room is not None and threads > room:
        told = f"for so many workers up to {threads} connections are needed, and the database gives {room} to everybody"
        raise Refused(f"{told}: say fewer --workers, or raise its max_connections")


def _herald(settings: Settings) -> type[Crew]:
    """Calls workers elsewhere. Raises Refused where no broker is named or the packages are not there."""
    if not settings.broker_url:
        raise Refused("--celery needs ENGRAFT_BROKER_URL: amqp://user@host// or redis://host/0")
    try:
        from adapter.scale.herald import Herald
    except ModuleNotFoundError as error:
        raise Refused(f"--celery needs the Python package {error.name}, which is not installed") from error
    return Herald
