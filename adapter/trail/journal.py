"""The log: one line for each thing that happened, with the number of the work that it belongs to.

    note("queued", delivery=12, destination="chu-a", resources=3)

Whatever a field holds, a line cannot carry a sentence of a form or of another server: numbers, and words without blanks
of at most 80 characters. What an exception says is never written, only what it is and where it was raised. The same
holds for what libraries log: the text that stands in their code, not what was filled in.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from adapter.trail import correlation, spans

Told = str | int | float | bool | list[str] | list[int] | None

_LOG = logging.getLogger("engraft")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+\[\]-]{0,79}")
_FIELDS = "engraft_fields"
_DEEPEST = 6


def note(event: str, **fields: Told) -> None:
    """Writes a line. `correlation`: of other work than that at hand."""
    _write(logging.INFO, event, fields)


def warn(event: str, **fields: Told) -> None:
    """The same, for what somebody should look at."""
    _write(logging.WARNING, event, fields)


def detail(event: str, **fields: Told) -> None:
    """The same, for who looks for something."""
    _write(logging.DEBUG, event, fields)


def _write(level: int, event: str, fields: Mapping[str, Told]) -> None:
    if _LOG.isEnabledFor(level):
        whole = {"correlation": correlation.current(), **fields}
        _LOG.log(level, event, extra={_FIELDS: {name: _told(value) for name, value in whole.items()}})


def says(error: Exception) -> str:
    """The words of an error of ours that quotes nothing of what a caller or another server sent, as one word."""
    return re.sub(r"[^A-Za-z0-9._:/+-]+", "-", str(error)).strip("-")[:80]


def places(error: BaseException) -> list[str]:
    """Where it was raised, the innermost first."""
    frames = reversed(traceback.extract_tb(error.__traceback__)[-_DEEPEST:])
    return [f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno}" for frame in frames]


def unforeseen(error: BaseException, **fields: Told) -> None:
    """Something that nobody foresaw: what it is and where, and never what it says."""
    _write(logging.ERROR, "unforeseen", {"error": type(error).__name__, "at": places(error), **fields})


def begin(form: str, level: str, out: TextIO | None = None) -> None:
    """From now on the log of this process goes to `out` (stderr). `form` and `level`: see `adapter.trail`."""
    least = logging.getLevelNamesMapping()[level.upper()]
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, _Handler)]:
        root.removeHandler(old)
    handler = _Handler(out)
    handler.setFormatter(_Text() if form == "text" else _Json())
    root.addHandler(handler)
    root.setLevel(max(least, logging.WARNING))  # libraries tell of troubles only
    _LOG.setLevel(least)
    # instead of a traceback with the message, where nobody else looks at it
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = lambda _, error, __: unforeseen(error)
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = lambda said: unforeseen(said.exc_value) if said.exc_value else None


class _Handler(logging.StreamHandler[TextIO]):
    """To `out`, or to whatever stderr is at the time."""

    def __init__(self, out: TextIO | None) -> None:
        super().__init__(out or sys.stderr)
        self._follows = out is None

    def emit(self, record: logging.LogRecord) -> None:
        if self._follows:
            self.stream = sys.stderr
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        """A line that cannot be written must not stop the work, nor be shown with what was to be filled in."""


class _Json(logging.Formatter):
    """A JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        # here, because not every process that logs encodes
        import json

        return json.dumps(_line(record), ensure_ascii=True)


class _Text(logging.Formatter):
    """For a person who looks on."""

    def format(self, record: logging.LogRecord) -> str:
        line = _line(record)
        head = f"{line.pop('time')} {line.pop('level'):7} {line.pop('event')}"
        return " ".join([head, *(f"{name}={_flat(value)}" for name, value in line.items())])


def _line(record: logging.LogRecord) -> dict[str, Any]:
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = {"time": at, "level": record.levelname.lower()}
    fields: Mapping[str, Told] | None = getattr(record, _FIELDS, None)
    if fields is None:
        return head | _of_a_library(record)
    trace = spans.traceparent()
    named = {"trace": trace.split("-")[1]} if trace else {}
    return head | {"event": record.msg} | {k: v for k, v in fields.items() if v is not None} | named


def _of_a_library(record: logging.LogRecord) -> dict[str, Any]:
    """What stands in its code: with arguments the text is a constant, without it may be filled in already."""
    found: dict[str, Any] = {"event": "library", "correlation": correlation.current(), "logger": record.name}
    found |= {"text": record.msg} if record.args and isinstance(record.msg, str) else {}
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        return found | {"error": type(error).__name__, "at": places(error)}
    return found | {"at": [f"{record.filename}:{record.lineno}"]}


def _told(value: Told) -> Told:
    if isinstance(value, list):
        return [one if isinstance(one, int) else _word(one) for one in value]  # type: ignore[return-value]  # as it came
    return _word(value) if isinstance(value, str) else value


def _word(text: str) -> str:
    return text if _WORD.fullmatch(text) else "?"


def _flat(value: Told) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
