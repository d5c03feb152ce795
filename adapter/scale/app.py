"""The workers: `celery --app adapter.scale.app worker`. Each process claims rows like a worker of `engraft deliver`."""

from __future__ import annotations

import os
import threading
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_shutdown
from kombu.exceptions import OperationalError

from adapter.config import load
from adapter.errors import StoreUnavailable
from adapter.flows.crew import Crew
from adapter.store import Store
from adapter.trail import journal, spans

DRAIN, PULL = "engraft.drain", "engraft.pull"
EXPIRES_SECONDS = 30
"""A message that nobody took by then is dropped: the herald says it again and again while there is work."""

TURN = 100
"""Rows that a process sends before others have their turn with it: a hot hospital does not keep them all."""

_mine = threading.local()


def drain(destination: str) -> None:
    """Sends what is due at a destination, at most a turn of it; says so where more is left."""
    crew = _crew()
    try:
        crew.bury()
        done = crew.share(destination, TURN)
    except StoreUnavailable as error:
        journal.warn("store-unavailable", says=journal.says(error))
        return
    if done.total() >= TURN:
        say(DRAIN, destination)


def pull() -> None:
    """Reads what the hospitals' notifications point to."""
    try:
        _crew().pull()
    except StoreUnavailable as error:
        journal.warn("store-unavailable", says=journal.says(error))


def say(task: str, *about: str) -> None:
    """Puts a message on the broker. Raises StoreUnavailable while it is away."""
    try:
        app.send_task(task, about, expires=EXPIRES_SECONDS, retry=False)
    except OperationalError as error:
        # the broker's address may hold a password, so its own words are not told
        raise StoreUnavailable("the message broker cannot be reached; what waits is said again") from error


def _crew() -> Crew:
    """Of this process and thread: connections are not shared."""
    if not hasattr(_mine, "crew"):
        settings = load(os.environ)
        _mine.store = Store(settings.database_url)
        _mine.crew = Crew(_mine.store, settings, 1, lambda _: None)
    crew: Crew = _mine.crew
    return crew


def begin_log(**_: Any) -> None:
    """Ours instead of Celery's own, whose lines would have the words of exceptions."""
    settings = load(os.environ)
    journal.begin(settings.log_format or "json", settings.log_level or "info")
    spans.begin(os.environ)


def leave(**_: Any) -> None:
    """Gives back what this process holds open."""
    spans.flush()
    if hasattr(_mine, "crew"):
        _mine.crew.close()
        _mine.store.close()
        del _mine.crew, _mine.store


app = Celery("engraft", broker=load(os.environ).broker_url, set_as_current=False)
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_connection_timeout=4,
    task_default_queue="engraft",
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
)
app.task(name=DRAIN)(drain)
app.task(name=PULL)(pull)
setup_logging.connect(begin_log, weak=False)
worker_process_shutdown.connect(leave, weak=False)
