"""The workers: `celery --app adapter.scale.app worker`. Each process claims rows like a worker of `engraft deliver`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

from celery import Celery
from celery.signals import setup_logging, worker_process_shutdown
from kombu import Queue
from kombu.exceptions import OperationalError

from adapter.config import Settings, load
from adapter.errors import StoreUnavailable
from adapter.flows import bulk
from adapter.flows.crew import Crew, now
from adapter.store import Store
from adapter.trail import journal, spans

DRAIN, PULL, BATCH, EXPORT = "engraft.drain", "engraft.pull", "engraft.batch", "engraft.export"
QUEUE, LONG = "engraft", "engraft.long"
"""What is over soon, and what may take minutes: workers can be kept for one of them (`--queues`)."""

EXPIRES_SECONDS = 30
"""A message that nobody took by then is dropped: the herald says it again and again while there is work."""

TURN = 100
"""Rows that a process sends before others have their turn with it: a hot hospital does not keep them all."""

P = ParamSpec("P")

_local = threading.local()


@dataclass(frozen=True, slots=True)
class Mine:
    """What a process works with."""

    settings: Settings
    store: Store
    crew: Crew


TURN_SECONDS = 15.0
"""For which a process takes in one batch before others have their turn with it."""


def patiently(work: Callable[P, None]) -> Callable[P, None]:
    """A database or broker that is away ends the message: the herald says it again."""

    @wraps(work)
    def done(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            work(*args, **kwargs)
        except StoreUnavailable as error:
            journal.warn("store-unavailable", says=journal.says(error))

    return done


@patiently
def drain(destination: str) -> None:
    """Sends what is due at a destination, at most a turn of it; says so where more is left."""
    crew = _mine().crew
    crew.bury()
    if crew.share(destination, TURN).total() >= TURN:
        say(DRAIN, destination)


@patiently
def pull() -> None:
    """Reads what the hospitals' notifications point to."""
    _mine().crew.pull()


@patiently
def batch(id_: str) -> None:
    """Takes in a batch that waits, at most a turn of it; says so where more is left."""
    if _mine().crew.work_on(id_, TURN_SECONDS):
        say(BATCH, id_)


@patiently
def export(id_: str) -> None:
    """Writes the files of an export that waits, where the folder is that in which the web looks for them."""
    mine = _mine()
    if not bulk.is_here(id_, mine.settings):
        journal.warn("export-elsewhere", export=id_)
        return
    bulk.work(id_, store=mine.store, clock=now, settings=mine.settings)


def say(task: str, *about: str) -> None:
    """Puts a message on the broker. Raises StoreUnavailable while it is away."""
    try:
        app.send_task(task, about, expires=EXPIRES_SECONDS, retry=False)
    except OperationalError as error:
        # the broker's address may hold a password, so its own words are not told
        raise StoreUnavailable("the message broker cannot be reached; what waits is said again") from error


def _mine() -> Mine:
    """Of this process and thread: connections are not shared."""
    if not hasattr(_local, "mine"):
        settings = load(os.environ)
        store = Store(settings.database_url)
        _local.mine = Mine(settings, store, Crew(store, settings, 1, lambda _: None))
    mine: Mine = _local.mine
    return mine


def begin_log(**_: Any) -> None:
    """Ours instead of Celery's own, whose lines would have the words of exceptions."""
    settings = load(os.environ)
    journal.begin(settings.log_format or "json", settings.log_level or "info")
    spans.begin(os.environ)


def leave(**_: Any) -> None:
    """Gives back what this process holds open."""
    spans.flush()
    if hasattr(_local, "mine"):
        _local.mine.crew.close()
        _local.mine.store.close()
        del _local.mine


app = Celery("engraft", broker=load(os.environ).broker_url, set_as_current=False)
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_connection_timeout=4,
    task_default_queue=QUEUE,
    task_queues=(Queue(QUEUE), Queue(LONG)),
    task_routes={BATCH: {"queue": LONG}, EXPORT: {"queue": LONG}},
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
app.task(name=BATCH)(batch)
app.task(name=EXPORT)(export)
setup_logging.connect(begin_log, weak=False)
worker_process_shutdown.connect(leave, weak=False)
