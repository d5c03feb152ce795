"""How work is begun that goes on after the answer: here, or by Celery's workers where there is a broker."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

from adapter.errors import StoreUnavailable
from adapter.trail import correlation, journal
from adapter.web.site import Site

Start = Callable[[Callable[[], object]], None]


def begin(site: Site, work: Callable[[], object]) -> None:
    """With a broker the herald finds the job's row, and nothing is begun here."""
    if not site.settings.broker_url:
        in_a_thread(work)


def in_a_thread(work: Callable[[], object]) -> Thread:
    """It ends with the process, and whoever looks next begins it anew."""
    number = correlation.current()

    def on() -> None:
        with correlation.following(number):
            try:
                work()
            except StoreUnavailable as error:
                journal.warn("store-unavailable", says=journal.says(error))

    thread = Thread(target=on, daemon=True)
    thread.start()
    return thread
