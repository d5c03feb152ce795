"""`engraft serve` and `engraft init-db`."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from adapter.cli.acting import acting
from adapter.cli.refusal import json_refusals
from adapter.cli.surroundings import begin_log, environment, now
from adapter.config import load

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.store import Store


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65_535), default=8080, show_default=True)
def serve(host: str, port: int) -> None:
    """The web application, for trying out. In production: gunicorn adapter.wsgi:app

    The database is created or migrated first. FHIR is at /fhir, health at /healthz and /readyz.

    Example: engraft serve --port 8080
    """
    # here, because only this command is a server
    from werkzeug.serving import WSGIRequestHandler, make_server

    from adapter.app import create_app, open_store

    settings = load(environment())
    begin_log(settings, "text", "info")
    store = open_store(settings)
    store.migrate()
    # its own line for each request has the whole address, which may hold what was searched for; ours has not
    quiet = type("Quiet", (WSGIRequestHandler,), {"log": lambda *_: None})
    server = make_server(host, port, create_app(settings, store, now), threaded=True, request_handler=quiet)
    if not environment().get("ENGRAFT_PUBLIC_URL"):
        # known only now: with --port 0 the system chooses
        settings = replace(settings, public_url=f"http://{host}:{server.server_port}")
        server.app = create_app(settings, store, now)
    gc.freeze()  # what is there now stays: a full collection need not look at it again, which takes 0.1 s
    click.echo(f"Engraft serves FHIR at http://{host}:{server.server_port}/fhir (stop with Ctrl-C)", err=True)
    # a service manager says SIGTERM, and what was started in the background ignores Ctrl-C unless told
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with _taking_in(store, settings):
            server.serve_forever()
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
    finally:
        store.close()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _taking_in(store: Store, settings: Settings) -> Iterator[None]:
    """Goes on with the batches of a process that ended, as engraft deliver does, which not everybody runs beside it."""
    if settings.broker_url:
        yield  # Celery's workers do
        return
    # here, because only this command is a server
    from adapter.flows.crew import Crew
    from adapter.web.background import in_a_thread

    crew = Crew(store, settings, 1, lambda _: None)

    def go_on() -> None:
        crew.bury()
        crew.take_in()

    thread = in_a_thread(go_on)
    try:
        yield
    finally:
        crew.stop.set()
        thread.join()
        crew.close()


@click.command(name="init-db")
@click.option("--restored", is_flag=True, help="It was restored from a copy: look at hospitals before sending.")
@acting
@json_refusals
def init_db(restored: bool, who: str) -> None:
    """Create or migrate the database at ENGRAFT_DATABASE_URL. Safe to repeat.

    With --restored, what the copy does not know to be sent is looked for at the hospitals first, for 30 days: it may
    have arrived after the copy was made, or been edited there.

    \b
    Example: ENGRAFT_DATABASE_URL=sqlite:///var/engraft.sqlite engraft init-db
             engraft init-db --restored
    """
    # here, because most commands need no database
    from adapter.app import open_store
    from adapter.flows import restored as copies

    settings = load(environment())
    store = open_store(settings)
    try:
        store.migrate()
        names = copies.tell(store, settings, who=who, now=now()) if restored else []
    finally:
        store.close()
    click.echo("the database is ready", err=True)
    if restored:
        told = ", ".join(names) or "no hospital is configured"
        click.echo(f"looked at before anything is sent there: {told}", err=True)
