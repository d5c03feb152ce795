"""`engraft deliver`: send what waits, and fetch what hospitals said has changed."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import click

from adapter.cli.refusal import REFUSED, UNREACHABLE, json_option
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import Settings, load
from adapter.errors import StoreUnavailable
from adapter.flows import administered, delivery, notification
from adapter.hospital.connections import Connections
from adapter.store import Store
from mappings.r4.wire import pretty

POLL_SECONDS = 2.0
"""How long a new row waits at most while `--watch` idles."""


@dataclass(slots=True)
class Tally:
    """What one round did."""

    delivered: int = 0
    retried: int = 0
    parked: int = 0
    waiting: int = 0
    copied: int = 0
    next_due: datetime | None = None

    @property
    def idle(self) -> bool:
        return not (self.delivered or self.retried or self.parked or self.copied)

    @property
    def exit_code(self) -> int:
        """3 when nobody could be reached, 1 when a server refused something."""
        if self.retried and not (self.delivered or self.parked or self.copied):
            return UNREACHABLE
        return REFUSED if self.parked else 0

    def __str__(self) -> str:
        return (
            f"{self.delivered} delivered, {self.retried} to be tried again, {self.parked} parked, "
            f"{self.waiting} waiting; {self.copied} copied from hospitals"
        )


@click.command()
@click.option("--once", is_flag=True, help="Send what is due, then stop. The default.")
@click.option("--watch", "watching", is_flag=True, help="Go on until stopped (Ctrl-C or SIGTERM).")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Patients side by side.")
@json_option
@click.pass_context
def deliver(ctx: click.Context, once: bool, watching: bool, workers: int, as_json: bool) -> None:
    """Drain the outbox to the hospitals and registries, and fetch what their notifications point to.

    Exit 1 when a server refused a delivery for good (see engraft queue), 3 when none could be reached.

    Example: engraft deliver --once
    """
    if once and watching:
        raise click.UsageError("either --once or --watch")
    settings = load(environment())
    with store_of(settings) as store:
        if watching:
            watch(store, settings, workers)
            return
        tally = one_round(store, settings, workers)
    if as_json:
        due = tally.next_due.isoformat() if tally.next_due else None
        counts = {name: getattr(tally, name) for name in ("delivered", "retried", "parked", "waiting", "copied")}
        click.echo(pretty(counts | {"next_due": due}))
    else:
        click.echo(str(tally))
    ctx.exit(tally.exit_code)


def watch(store: Store, settings: Settings, workers: int) -> None:
    """Rounds until somebody says stop; a database that is away is waited for."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        try:
            tally = one_round(store, settings, workers)
        except StoreUnavailable as error:
            click.echo(str(error), err=True)
        else:
            if not tally.idle:
                click.echo(str(tally), err=True)
        stop.wait(POLL_SECONDS)


def one_round(store: Store, settings: Settings, workers: int) -> Tally:
    """Drains with so many workers, each with connections of its own; then pulls."""
    tally = Tally()
    with ThreadPoolExecutor(workers) as pool:
        done = [pool.submit(_drain, store, settings, f"{_name()}-{number}") for number in range(workers)]
        reports = [future.result() for future in done]
    for report in reports:
        tally.delivered += report.delivered
        tally.retried += report.retried
        tally.parked += report.parked
    tally.waiting, tally.next_due = reports[-1].waiting, reports[-1].next_due
    pulled = _pull(store, settings)
    tally.copied, tally.retried = pulled.copied, tally.retried + pulled.retried
    tally.parked += pulled.parked
    return tally


def _drain(store: Store, settings: Settings, worker: str) -> delivery.DrainReport:
    connections = Connections(settings)
    try:
        return delivery.drain(store, connections, worker=worker, now=now, jitter=random.random)
    finally:
        connections.close()


def _pull(store: Store, settings: Settings) -> notification.PullReport:
    connections = Connections(settings)
    try:
        return notification.pull(
            store,
            connections,
            worker=_name(),
            now=now,
            jitter=random.random,
            heard=lambda tx, *what: administered.hear(tx, *what, settings=settings, now=now()),
        )
    finally:
        connections.close()


def _name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"
