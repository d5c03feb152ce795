"""The files of one bulk export: written whole or not at all, by one process at a time that says now and then that it
lives; what an earlier one left whole is not written again.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from typing import IO, TYPE_CHECKING, Any

from adapter.flows import export, sieve
from adapter.flows.export import Leaving, Line
from adapter.flows.registry import Aside
from adapter.store import criteria
from adapter.store.exports import Export
from adapter.store.jobs import DONE
from adapter.store.streaming import Wanted
from adapter.trail import journal
from mappings.r4 import subset, wire
from mappings.r4.build import Element

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.store import Store
    from adapter.store.criteria import Criterion

BEAT_EVERY = 500
"""Resources between two signs of life."""

DELETIONS_AT_ONCE = 500
"""Entries of one Bundle of deletions."""

PART = ".part"


class Taken(Exception):
    """Another process has it, or nobody wants it any more."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Files that are written together, by a name. `role`: what they hold, resources (`""`), deletions or errors."""

    name: str
    found: Callable[[], Iterable[Line]]
    role: str = ""
    aside: list[Aside] = field(default_factory=list)


@dataclass
class Worker:
    """One try at one export."""

    job: Export
    name: str
    store: Store
    clock: Callable[[], datetime]
    settings: Settings

    def run(self) -> None:
        """Raises Taken where it is no longer this one's."""
        files, written = list(self.job.files), self.job.written
        done = {file["part"] for file in files}
        for part in self._parts():
            if part.name not in done:
                made = self._write(part, written)
                if part.aside:
                    made += self._write(_Part(part.name, partial(_told, part.aside), "error"), written)
                files += made
                written += sum(file["count"] for file in made)
                self._beat(files=files, written=written, attempts=0)
        self._beat(state=DONE)
        journal.note("export-written", export=self.job.id, resources=written)

    def _parts(self) -> Iterator[_Part]:
        kinds: list[str] = self.job.asked["kinds"]
        if self.job.centre is None:
            aside: list[Aside] = []
            yield _Part("all", partial(self._released, kinds, aside), aside=aside)
        else:
            for kind in kinds:
                yield _Part(kind, partial(self._own, kind))
        if self._since:
            yield _Part("deleted", lambda: _deletions(self._gone(kinds)), "deleted")

    def _own(self, kind: str) -> Iterator[Line]:
        filters = {kind: self._filters[kind]} if kind in self._filters else {}
        wanted = replace(self._wanted([kind]), until=self._until, searches=filters)
        return self._shaped(export.identified(self.store, wanted))

    def _wanted(self, kinds: Sequence[str]) -> Wanted:
        assert self.job.centre is not None
        said = self.job.asked
        return Wanted(
            [self.job.centre],
            kinds,
            self._since,
            patients=said.get("patients"),
            study=said.get("group"),
            as_of=self.job.at,
        )

    def _released(self, kinds: list[str], aside: list[Aside]) -> Iterator[Line]:
        found = export.deidentified(self.store, self._leaving, aside=aside, kinds=kinds)
        if self._filters:
            found = sieve.through(found, self._filters, self.settings.exports.folder / self.job.id / self.name)
        return self._shaped(export.encoded(found))

    def _gone(self, kinds: list[str]) -> Iterator[tuple[str, str]]:
        if self.job.centre is None:
            found: Iterable[tuple[str, str]] = export.withdrawn(self.store, self._leaving)
        else:
            with self.store.reading() as tx:
                found = tx.resources.gone(self._wanted(kinds))
        return ((kind, id_) for kind, id_ in found if kind in kinds)

    @cached_property
    def _leaving(self) -> Leaving:
        said, settings = self.job.asked, self.settings
        leaving = Leaving(
            settings.pseudonym_key(self.job.client),
            self.clock(),  # who agrees is asked of the day on which it is written
            settings.canonicals,
            self._since,
            self._until,
            study=said.get("group"),
            as_of=self.job.at,
        )
        return export.only(self.store, leaving, said["patients"]) if said.get("patients") else leaving

    @cached_property
    def _since(self) -> datetime | None:
        return _instant(self.job.asked["since"])

    @cached_property
    def _until(self) -> datetime | None:
        return _instant(self.job.asked.get("until"))

    @cached_property
    def _filters(self) -> dict[str, list[list[Criterion]]]:
        said: dict[str, list[list[tuple[str, str]]]] = self.job.asked.get("filters", {})
        return {
            kind: [[criteria.read(kind, name, value) for name, value in one] for one in several]
            for kind, several in said.items()
        }

    def _write(self, part: _Part, written: int) -> list[Element]:
        """Whole files or none; a sign of life now and then."""
        folder = self.settings.exports.folder / self.job.id
        mine = folder / self.name
        folder.mkdir(0o700, parents=True, exist_ok=True)
        mine.mkdir(exist_ok=True)
        counts: Counter[str] = Counter()
        with ExitStack() as stack:
            files: dict[str, IO[bytes]] = {}
            for number, (kind, line) in enumerate(part.found(), 1):
                if kind not in files:
                    files[kind] = stack.enter_context((mine / f"{kind}{PART}").open("wb"))
                files[kind].write(line + b"\n")
                counts[kind] += 1
                if number % BEAT_EVERY == 0:
                    self._beat(written=written + number)
            for file in files.values():  # the row that says that they are whole survives a power cut, and so must they
                file.flush()
                os.fsync(file.fileno())
        made = []
        for kind, count in sorted(counts.items()):
            name = f"{part.role}-{kind}.ndjson" if part.role else f"{kind}.ndjson"
            (mine / f"{kind}{PART}").rename(folder / name)
            made.append(_file(part, name, kind, count))
        shutil.rmtree(mine)
        return made or [_file(part, "", "", 0)]

    def _shaped(self, lines: Iterable[Line]) -> Iterator[Line]:
        elements: dict[str, list[str]] = self.job.asked["elements"] or {}
        for kind, line in lines:
            wanted = elements.get(kind, []) + elements.get("*", [])
            yield kind, wire.encode(subset.only(wire.decode(line), wanted)) if wanted else line

    def _beat(self, **said: Any) -> None:
        with self.store.transaction() as tx:
            if not tx.exports.beat(self.job.id, self.name, self.clock(), **said):
                raise Taken


def _file(part: _Part, name: str, kind: str, count: int) -> Element:
    """As the row keeps it; an empty name says that the part is done and has nothing."""
    role = {"deleted": part.role == "deleted", "error": part.role == "error"}
    return {"part": part.name, "name": name, "type": kind, "count": count} | role


def _instant(said: str | None) -> datetime | None:
    return datetime.fromisoformat(said) if said else None


def _told(aside: Iterable[Aside]) -> Iterator[Line]:
    """Who is set aside, an OperationOutcome each."""
    for one in aside:
        yield "OperationOutcome", wire.encode(one.outcome())


def _deletions(gone: Iterable[tuple[str, str]]) -> Iterator[Line]:
    """Transaction Bundles of DELETEs, as Bulk Data tells them."""
    entries: list[Element] = []
    for kind, id_ in gone:
        entries.append({"request": {"method": "DELETE", "url": f"{kind}/{id_}"}})
        if len(entries) == DELETIONS_AT_ONCE:
            yield _transaction(entries)
            entries = []
    if entries:
        yield _transaction(entries)


def _transaction(entries: list[Element]) -> Line:
    return "Bundle", wire.encode({"resourceType": "Bundle", "type": "transaction", "entry": entries})
