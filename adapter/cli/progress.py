"""A progress bar for people who wait: on a terminal, and only where there is something to wait for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

LARGE_BYTES, LARGE_ITEMS = 4 * 1024 * 1024, 2_000
"""From here on a command takes seconds."""


@contextmanager
def bar(label: str, length: int, *, items: bool = False) -> Iterator[Callable[[int], None]]:
    """Told how much more was done. `length` in bytes, or in `items`."""
    if length < (LARGE_ITEMS if items else LARGE_BYTES) or not on_a_terminal():
        yield lambda _: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as shown:
        yield shown.update


def on_a_terminal() -> bool:
    return sys.stderr.isatty()
