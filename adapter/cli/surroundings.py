"""What a command takes from the machine it runs on: environment, clock, store, files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from adapter.config import Settings, load
from adapter.errors import Refused, StoreUnavailable

if TYPE_CHECKING:
    from adapter.store import Store


_UNPREPARED = "the database is away or has no current schema: run engraft init-db"


def environment() -> Mapping[str, str]:
    return os.environ


def now() -> datetime:
    return datetime.now(UTC)


def today() -> date:
    """The calendar day where the command runs."""
    return datetime.now().astimezone().date()


def begin_log(settings: Settings, form: str = "text", level: str = "warning") -> None:
    """Log and spans of this process: as the settings say, else in this form, from this level on."""
    # here, because a command that only reckons logs nothing
    from adapter.trail import journal, spans

    journal.begin(settings.log_format or form, settings.log_level or level)
    spans.begin(environment())


@contextmanager
def store_of(settings: Settings, threads: int = 1) -> Iterator[Store]:
    """The store, ready for work by so many threads. Raises StoreUnavailable: the database is away or has no schema."""
    # here, because most commands need no database
    from adapter.app import open_store

    begin_log(settings)
    if not is_there(settings.database_url):
        raise StoreUnavailable(_UNPREPARED)
    store = open_store(settings, threads)
    try:
        if not store.ready():
            raise StoreUnavailable(_UNPREPARED)
        yield store
    finally:
        store.close()


@contextmanager
def known_store() -> Iterator[Store | None]:
    """The store, if one is named or the default one is there; else None."""
    settings = load(environment())
    if environment().get("ENGRAFT_DATABASE_URL") or is_there(settings.database_url):
        with store_of(settings) as store:
            yield store
    else:
        yield None


def is_there(url: str) -> bool:
    """Whether the file of an SQLite database exists: to open it would make an empty one. Of a server we cannot tell."""
    kind, _, path = url.partition(":///")
    return kind != "sqlite" or not path or Path(path.partition("?")[0]).exists()


def open_whole(out: Path) -> IO[str]:
    """To be written: what was there is replaced when all of it is written, and stays where it is not.

    A device or a pipe is written to, and not replaced.
    """
    return click.open_file(str(out), "w", "utf-8", atomic=out.is_file() or not out.exists())


def write(text: str, out: Path | None) -> None:
    """To the file, or to stdout where none is named."""
    if out is None:
        click.echo(text)
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with open_whole(out) as file:
            file.write(text + "\n")
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}") from error
