"""Files of an export while they are written: whoever is killed goes on where the last safe place was.

Every few thousand resources the files are forced to disk, and after that a note of how long they are and of the place
in the store. Who goes on cuts the files back to those lengths. The files of an earlier export are replaced when all of
the new ones are whole.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import msgspec

from adapter.flows.export import Line

PART = ".part"
NOTE = f"export.json{PART}"


class Note(msgspec.Struct):
    """`asked`: the question of this export; `place`: where it stands; `lengths`: bytes of each type's file that count.

    `told`: what has to be told of it at the end. `whole`: everything is written, and only the names are to be changed.
    """

    asked: dict[str, Any]
    begun: str
    place: str = ""
    counts: dict[str, int] = {}
    lengths: dict[str, int] = {}
    units: int = 0
    told: list[list[str]] = []
    whole: bool = False


class Unfinished:
    """The folder of an export. A context: its files are closed afterwards, whatever happens."""

    def __init__(self, folder: Path, note: Note) -> None:
        self.folder, self.note = folder, note
        self._open = ExitStack()
        self._files: dict[str, IO[bytes]] = {}

    def __enter__(self) -> Unfinished:
        self.folder.mkdir(parents=True, exist_ok=True)
        for kind, length in () if self.note.whole else self.note.lengths.items():
            self._file(kind).truncate(length)
            self._file(kind).seek(length)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def write(self, lines: Iterable[Line]) -> None:
        counts = Counter(self.note.counts)
        for kind, line in lines:
            self._file(kind).write(line + b"\n")
            counts[kind] += 1
        self.note.counts = dict(counts)

    def save(self) -> None:
        """From here it may go on."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        self.note.lengths = {kind: file.tell() for kind, file in self._files.items()}
        new = self.folder / f"{NOTE}.new"
        with new.open("wb") as written:
            written.write(msgspec.json.encode(self.note))
            written.flush()
            os.fsync(written.fileno())
        new.replace(self.folder / NOTE)

    def show(self) -> None:
        """The files get their names, those of an earlier export go; whoever is killed meanwhile does it again."""
        if not self.note.whole:
            self.note.whole = True
            self.save()
        for old in self.folder.glob("[A-Z]*.ndjson"):
            if old.stem not in self.note.counts:
                old.unlink()
        for kind in self.note.counts:
            part = self._part(kind)
            if part.exists():
                part.replace(self.folder / f"{kind}.ndjson")
        for stray in self.folder.glob(f"[A-Z]*.ndjson{PART}"):
            stray.unlink()
        (self.folder / NOTE).unlink()

    def _part(self, kind: str) -> Path:
        return self.folder / f"{kind}.ndjson{PART}"

    def _file(self, kind: str) -> IO[bytes]:
        if kind not in self._files:
            known = kind in self.note.lengths
            self._files[kind] = self._open.enter_context(self._part(kind).open("r+b" if known else "wb"))
        return self._files[kind]


def read(folder: Path) -> Note | None:
    """The note that an interrupted export left; None where there is none that can be gone on from."""
    try:
        note = msgspec.json.decode((folder / NOTE).read_bytes(), type=Note)
    except (OSError, msgspec.MsgspecError):
        return None
    files = {folder / f"{kind}.ndjson{PART}": length for kind, length in note.lengths.items()}
    there = (file.is_file() and file.stat().st_size >= length for file, length in files.items())
    return note if note.whole or all(there) else None
