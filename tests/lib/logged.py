"""The log of this process, caught while a block lasts."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from adapter.trail import journal


class Log:
    """What was written so far."""

    def __init__(self) -> None:
        self.out = io.StringIO()

    @property
    def text(self) -> str:
        return self.out.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Each line as JSON."""
        return [json.loads(line) for line in self.text.splitlines()]

    def of(self, event: str) -> list[dict[str, Any]]:
        """The lines of this event."""
        return [line for line in self.lines if line["event"] == event]


@contextmanager
def logged(form: str = "json", level: str = "debug") -> Iterator[Log]:
    """Everything from this level on. Afterwards all is as it was."""
    root, ours, log = logging.getLogger(), logging.getLogger("engraft"), Log()
    before = root.handlers[:], root.level, ours.level, sys.excepthook, threading.excepthook
    journal.begin(form, level, log.out)
    try:
        yield log
    finally:
        root.handlers[:], _, _, sys.excepthook, threading.excepthook = before
        root.setLevel(before[1])
        ours.setLevel(before[2])
