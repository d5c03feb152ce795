"""Files of enrolments and follow-ups, taken apart into documents; what a file holds is told by its content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapter.errors import Refused
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.wire import decode_strict


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document came from; lines count from 1."""

    file: Path
    line: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """One reason why a document was not taken."""

    place: Place
    path: str
    reason: str

    def document(self) -> dict[str, object]:
        """Line of `rejected.ndjson`."""
        return {"file": str(self.place.file), "line": self.place.line, "path": self.path, "reason": self.reason}


def read(file: Path, rejected: list[Rejected]) -> Iterator[tuple[Place, Any]]:
    """The documents of one file: a JSON object, a JSON array or NDJSON. What is not JSON is added to `rejected`."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from error
    if file.suffix == ".csv":
        rejected.append(Rejected(Place(file, 1), "$", "CSV is not yet supported: send JSON or NDJSON"))
        return
    for line, piece in _pieces(data, by_line=file.suffix in (".ndjson", ".jsonl")):
        place = Place(file, line)
        try:
            document = decode_strict(piece)
        except FaultyInput as error:
            rejected += reasons(place, error.faults)
            continue
        if isinstance(document, list):
            yield from ((place, one) for one in document)
        else:
            yield place, document


def reasons(place: Place, faults: tuple[Fault, ...] | list[Fault]) -> list[Rejected]:
    """One row per fault."""
    return [Rejected(place, fault.path, fault.message) for fault in faults]


def _pieces(data: bytes, *, by_line: bool) -> Iterator[tuple[int, bytes]]:
    """NDJSON line by line: where the name says so, or the first line is a whole document and others follow."""
    lines = [(number, line) for number, line in enumerate(data.split(b"\n"), start=1) if line.strip()]
    if lines and (by_line or (len(lines) > 1 and (_whole(lines[0][1]) or _whole(lines[1][1])))):
        yield from lines
    else:
        yield (lines[0][0] if lines else 1), data


def _whole(line: bytes) -> bool:
    """Is this line a JSON object of its own? (A line of a pretty-printed document is not.)"""
    line = line.strip()
    return line.startswith((b"{", b"\xef\xbb\xbf{")) and line.endswith(b"}") and line.count(b"{") == line.count(b"}")
