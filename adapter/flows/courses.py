"""Courses of a cohort, however large: resources are put down by patient on disk and taken up a share at a time.

A course is read from all resources of its patient, and those may stand anywhere. Who puts them down looks only at the
type and the patient of each; who takes a share up reads it. The files are private to their owner and gone afterwards,
because they hold patients' data.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zlib import crc32

import msgspec

from adapter.errors import Invalid, Refused
from adapter.store.streaming import Wanted
from mappings.canonicals import Canonicals
from mappings.r4 import wire
from mappings.r4.build import Resource
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import validate
from mappings.registry import course
from mappings.registry.course import Course

if TYPE_CHECKING:
    from adapter.store import Store

REJECTED = "rejected.ndjson"
"""What `engraft map` writes beside the resources: rows that could not be mapped."""

SHARES = (128, 512)
"""Files that patients are dealt to, at least and at most; one of them is in memory at a time."""

SHARE_BYTES = 2 * 1024 * 1024
"""How large a share is, as long as there are not too many."""

USUAL_BYTES = 1024
"""Of a stored resource."""

IN_MEMORY_BYTES = 8 * 1024 * 1024
"""Up to here a folder is read without files in between."""


@dataclass(frozen=True, slots=True)
class Share:
    """Some patients with everything of theirs. `names`: of the files that its lines came from, none where they came
    from the store and are known to be valid.
    """

    file: Path
    names: tuple[str, ...]

    def courses(self, canonicals: Canonicals) -> list[Course]:
        """In the order of their ids. Raises Invalid naming file and line of what is no valid FHIR R4."""
        with _uncollected():
            return course.read(self._resources(), canonicals)

    def _resources(self) -> Iterator[Resource]:
        with self.file.open("rb") as lines:
            for line in lines:
                file, number, said = line.split(b" ", 2)
                if self.names:
                    yield from _resource(said, f"{self.names[int(file)]}:{int(number)}")
                else:
                    yield wire.decode(said)


@contextmanager
def _uncollected() -> Iterator[None]:
    """What is read are trees: looking for cycles among a hundred thousand of them costs more than making them."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


@contextmanager
def in_directory(path: Path, canonicals: Canonicals) -> Iterator[Iterable[Course]]:
    """Courses of the NDJSON files of a folder, as `engraft map` or bulk export write it; or of one such file.

    Raises Refused where there are none, Invalid naming file and line of what is no valid FHIR R4.
    """
    if is_small(path):
        yield course.read(_lines(files_of(path)), canonicals)
    else:
        with shares_of(path) as shares:
            yield (one for share in shares for one in share.courses(canonicals))


@contextmanager
def in_store(store: Store, centres: Collection[str] | None, canonicals: Canonicals) -> Iterator[Iterable[Course]]:
    """Courses of everything stored. `centres` None: of every centre."""
    wanted = Wanted(centres, course.READ_TYPES)
    with ExitStack() as stack:
        with store.reading() as tx:  # over when everything is dealt: what is then reckoned may take minutes
            lines = ((_Peek.of(line), b"0 0 ", line) for _, _, line in tx.resources.lines(wanted))
            shares = stack.enter_context(_dealt(lines, tx.resources.count(wanted) * USUAL_BYTES, ()))
        yield (one for share in shares for one in share.courses(canonicals))


def files_of(path: Path) -> list[Path]:
    """The NDJSON files of a folder, or the one file. Raises Refused where there are none."""
    files = [path] if path.is_file() else sorted(each for each in path.glob("*.ndjson") if each.name != REJECTED)
    if not files:
        raise Refused(f"{path} holds no .ndjson files")
    return files


def is_small(path: Path) -> bool:
    """Can all of it be in memory? Raises Refused where there is nothing."""
    return _size(files_of(path)) <= IN_MEMORY_BYTES


@contextmanager
def shares_of(path: Path) -> Iterator[list[Share]]:
    """The patients of a folder in shares, which can be read apart from each other. Raises Refused, Invalid."""
    files = files_of(path)
    with _dealt(_peeked(files), _size(files), tuple(file.name for file in files)) as shares:
        yield shares


def _size(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)


class _Reference(msgspec.Struct):
    reference: str = ""


class _Peek(msgspec.Struct):
    """As much of a resource as tells whose it is."""

    resourceType: str = ""  # noqa: N815 - FHIR's word
    id: str = ""
    subject: _Reference | None = None
    patient: _Reference | None = None
    individual: _Reference | None = None

    @classmethod
    def of(cls, line: bytes) -> _Peek:
        return _PEEK.decode(line)

    def whose(self) -> str:
        """Id of the patient, as `course.patient_of` says it; empty where none is named."""
        if self.resourceType == "Patient":
            return self.id
        named = self.subject or self.patient or self.individual
        return (course.patient_named(named.reference) if named else None) or ""


_PEEK = msgspec.json.Decoder(_Peek)

_Peeked = tuple[_Peek, bytes, bytes]
"""What a resource is, where it came from, and its line."""


def _peeked(files: Iterable[Path]) -> Iterator[_Peeked]:
    """Resources of the types that a course is read from; what cannot be peeked at is read here, to be refused."""
    for index, file in enumerate(files):
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    said = _Peek.of(line)
                except msgspec.MsgspecError:
                    for resource in _resource(line, f"{file.name}:{number}"):
                        yield _Peek(resource["resourceType"]), b"%d %d " % (index, number), line
                    continue
                if said.resourceType in course.READ_TYPES or not said.resourceType:
                    yield said, b"%d %d " % (index, number), line


@contextmanager
def _dealt(peeked: Iterable[_Peeked], size: int, names: tuple[str, ...]) -> Iterator[list[Share]]:
    least, most = SHARES
    with TemporaryDirectory(prefix="engraft-") as folder:
        files = [Path(folder) / f"{number:03d}" for number in range(max(least, min(most, size // SHARE_BYTES)))]
        with ExitStack() as opened:
            shares = [opened.enter_context(file.open("wb")) for file in files]
            for said, place, line in peeked:
                share = shares[crc32(said.whose().encode()) % len(shares)]
                share.write(place + line.rstrip(b"\r\n") + b"\n")
        yield [Share(file, names) for file in files]


def _lines(files: Iterable[Path]) -> Iterator[Resource]:
    """One resource at a time, of the types that a course is read from."""
    for file in files:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield from _resource(line, f"{file.name}:{number}")


def _resource(line: bytes, place: str) -> list[Resource]:
    try:
        said: Any = wire.decode(line)
    except FaultyInput as error:
        raise Invalid([_at(place, fault) for fault in error.faults]) from error
    if isinstance(said, dict) and "resourceType" in said and said["resourceType"] not in course.READ_TYPES:
        return []
    faults = [fault for fault in validate(said) if fault.severity == "error"]
    if faults:
        raise Invalid([_at(place, fault) for fault in faults])
    return [said]


def _at(place: str, fault: Fault) -> Fault:
    return Fault(f"{place}: {fault.path}", fault.message, fault.code, fault.severity)
