"""Files of enrolments and follow-ups, taken apart into documents; what a file holds is told by its content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, TypeAlias

from adapter.errors import Refused
from mappings.canonicals import Canonicals
from mappings.intake import json_array, lines, redcap, table
from mappings.intake.entries import Entry
from mappings.intake.redcap import Project
from mappings.r4.faults import Fault, FaultyInput

JSON = (".json", ".ndjson", ".jsonl")
BY_LINE = (".ndjson", ".jsonl")

Tick: TypeAlias = Callable[[int], None]
"""Is told how many bytes more were read."""

_SPACE = b" \t\r\n\xef\xbb\xbf"
_CHUNK = 64 * 1024


def read(
    file: Path, canonicals: Canonicals, notes: list[str], project: Project | None = None, tick: Tick = lambda _: None
) -> Iterator[Entry]:
    """The documents of one file: a JSON object, a JSON array, NDJSON or a table, the last by a REDCap `project` if any.

    What was found out about a table is added to `notes`. Raises Refused where the file cannot be read.
    """
    try:
        if _is_table(file):
            yield from _of_table(file, notes, project, tick)
        else:
            with file.open("rb") as opened:
                if _is_array(file):
                    yield from lines.of_array(_chunks(opened, tick), canonicals)
                else:
                    yield from _of_json(file, opened, canonicals, tick)
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from error


def _is_table(file: Path) -> bool:
    if file.suffix.lower() in JSON:
        return False
    with file.open("rb") as opened:
        return not opened.read(4096).lstrip(_SPACE).startswith((b"{", b"["))


def _is_array(file: Path) -> bool:
    """An array may stand on one line, which is not read as a whole either."""
    if file.suffix.lower() in BY_LINE:
        return False
    with file.open("rb") as opened:
        return json_array.begins(opened.read(4096))


def _chunks(opened: IO[bytes], tick: Tick) -> Iterator[bytes]:
    while chunk := opened.read(_CHUNK):
        tick(len(chunk))
        yield chunk


def _of_table(file: Path, notes: list[str], project: Project | None, tick: Tick) -> Iterator[Entry]:
    def from_the_beginning() -> Iterator[bytes]:
        with file.open("rb") as opened:
            yield from opened

    def counted() -> Iterator[bytes]:
        return _counted(from_the_beginning(), tick)

    try:
        if project:
            layout = redcap.survey(from_the_beginning, project)
            found = redcap.read(counted, layout, project)
        else:
            layout = table.survey(from_the_beginning)
            table.require_known(layout)
            found = table.read(counted, layout)
    except FaultyInput as error:
        yield Entry(1, row=1, faults=error.faults)
        return
    notes += layout.notes
    yield from found


def _of_json(file: Path, opened: IO[bytes], canonicals: Canonicals, tick: Tick) -> Iterator[Entry]:
    """NDJSON line by line: where the name says so, or one of the first two lines is a whole document."""
    counted = _counted(opened, tick)
    blank, first, second = _first_lines(counted)
    whole = bool(second) and (_whole(first) or _whole(second))
    if file.suffix.lower() in BY_LINE or whole:
        yield from lines.read(chain([b"\n"] * blank, filter(None, (first, second)), counted), canonicals)
        return
    text = b"".join(chain((first, second), counted))
    if not text:
        yield Entry(1, faults=(Fault("$", "the file is empty", "structure"),))
        return
    yield from lines.of_text(text, canonicals, line=blank + 1)


def _first_lines(counted: Iterator[bytes]) -> tuple[int, bytes, bytes]:
    """How many blank lines stand before the first, the first, and the line after it."""
    blank = 0
    for line in counted:
        if line.strip():
            return blank, line, next(counted, b"")
        blank += 1
    return blank, b"", b""


def _counted(opened: Iterator[bytes] | IO[bytes], tick: Tick) -> Iterator[bytes]:
    for line in opened:
        tick(len(line))
        yield line


def _whole(line: bytes) -> bool:
    """Is this line a JSON object of its own? (A line of a pretty-printed document is not.)"""
    line = line.strip()
    return line.startswith((b"{", b"\xef\xbb\xbf{")) and line.endswith(b"}") and line.count(b"{") == line.count(b"}")
