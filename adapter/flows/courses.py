"""Courses of a cohort, however large: resources are put down by patient on disk and taken up a share at a time.

A course is read from all resources of its patient, and those may stand anywhere. The files are private to their owner
and gone afterwards, because they hold patients' data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zlib import crc32

from adapter.errors import Invalid, Refused
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

SHARES = 128
"""Files that patients are dealt to; one of them is in memory at a time."""

IN_MEMORY_BYTES = 8 * 1024 * 1024
"""Up to here a folder is read without files in between."""


@contextmanager
def in_directory(path: Path, canonicals: Canonicals) -> Iterator[Iterable[Course]]:
    """Courses of the NDJSON files of a folder, as `engraft map` or bulk export write it; or of one such file.

    Raises Refused where there are none, Invalid naming file and line of what is no valid FHIR R4.
    """
    files = files_of(path)
    if not files:
        raise Refused(f"{path} holds no .ndjson files")
    if sum(file.stat().st_size for file in files) <= IN_MEMORY_BYTES:
        yield course.read((resource for resource, _ in _lines(files)), canonicals)
    else:
        with _dealt(_lines(files)) as shares:
            yield _courses(shares, canonicals)


def files_of(path: Path) -> list[Path]:
    """The NDJSON files of a folder that hold resources, or the one file."""
    return [path] if path.is_file() else sorted(each for each in path.glob("*.ndjson") if each.name != REJECTED)


@contextmanager
def in_store(store: Store, centres: Collection[str] | None, canonicals: Canonicals) -> Iterator[Iterable[Course]]:
    """Courses of everything stored. `centres` None: of every centre."""
    with store.reading() as tx:
        stored = tx.resources.stream(centres=centres, kinds=course.READ_TYPES)
        resources = ((each.content, wire.encode(each.content)) for each in stored)
        with _dealt(resources) as shares:
            yield _courses(shares, canonicals)


@contextmanager
def _dealt(resources: Iterable[tuple[Resource, bytes]]) -> Iterator[list[Path]]:
    with TemporaryDirectory(prefix="engraft-") as folder:
        files = [Path(folder) / f"{number:03d}" for number in range(SHARES)]
        with ExitStack() as opened:
            shares = [opened.enter_context(file.open("wb")) for file in files]
            for resource, line in resources:
                if patient := course.patient_of(resource):
                    shares[crc32(patient.encode()) % SHARES].write(line.rstrip(b"\r\n") + b"\n")
        yield files


def _courses(shares: Iterable[Path], canonicals: Canonicals) -> Iterator[Course]:
    for share in shares:
        with share.open("rb") as lines:
            yield from course.read((wire.decode(line) for line in lines), canonicals)


def _lines(files: Iterable[Path]) -> Iterator[tuple[Resource, bytes]]:
    """One resource at a time, of the types that a course is read from."""
    for file in files:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield from ((resource, line) for resource in _resource(line, f"{file.name}:{number}"))


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
