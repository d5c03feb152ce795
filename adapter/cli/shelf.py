"""Where mapped resources are put: a file a type, or one Bundle; written as they come, shown only when all are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from adapter.errors import Refused
from mappings.r4 import wire
from mappings.r4.build import Resource, transaction

REJECTED = "rejected.ndjson"
BUNDLE = "bundle.json"
_CHUNK = 64 * 1024
_OPENING = b'{"resourceType":"Bundle","type":"transaction","entry":[\n'


class Shelf:
    """Takes resources one by one. Nothing of an earlier call is touched before `show`."""

    def __init__(self, folder: Path, shape: str, open_files: ExitStack) -> None:
        self.counts: Counter[str] = Counter()
        self._folder, self._shape, self._open_files = folder, shape, open_files
        self._files: dict[str, IO[bytes]] = {}

    def put(self, resource: Resource) -> None:
        kind = resource["resourceType"]
        if self._shape == "bundle":
            file, first = self._file(BUNDLE)
            (entry,) = transaction([resource])["entry"]
            file.write((_OPENING if first else b",\n") + wire.encode(entry))
        else:
            file, _ = self._file(f"{kind}.ndjson")
            file.write(wire.encode(resource) + b"\n")
        self.counts[kind] += 1

    def reject(self, documents: Iterable[dict[str, object]]) -> None:
        for one in documents:
            self._file(REJECTED)[0].write(wire.encode(one) + b"\n")

    def close(self) -> None:
        """Everything is written. Raises OSError where the disk is full."""
        if BUNDLE in self._files:
            self._files[BUNDLE].write(b"\n]}\n")
        self._open_files.close()

    def show(self, out: Path) -> None:
        """Puts the files into `out` in the place of an earlier call's."""
        for name in self._files:
            (self._folder / name).replace(out / name)
        for old in (*out.glob("[A-Z]*.ndjson"), out / BUNDLE, out / REJECTED):
            if old.name not in self._files:
                old.unlink(missing_ok=True)

    def chunks(self) -> Iterator[bytes]:
        """Everything but what was rejected, types in the order of their names."""
        for name in sorted(self._files.keys() - {REJECTED}):
            with (self._folder / name).open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk

    def _file(self, name: str) -> tuple[IO[bytes], bool]:
        first = name not in self._files
        if first:
            self._files[name] = self._open_files.enter_context((self._folder / name).open("wb"))
        return self._files[name], first


@contextmanager
def shelf(out: Path | None, shape: str) -> Iterator[Shelf]:
    """A shelf beside `out`, or for stdout in a folder of its own; gone afterwards with all that was not shown."""
    try:
        if out:
            out.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".engraft-", dir=out) as folder, ExitStack() as open_files:
            yield Shelf(Path(folder), shape, open_files)
    except OSError as error:
        raise Refused(f"{out or 'the output'} cannot be written: {error.strerror}") from error
