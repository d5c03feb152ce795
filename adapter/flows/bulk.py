"""Bulk Data: somebody asks for everything, waits, and fetches files.

The request is a row, so that it outlives the process that took it: a thread writes the files and says that it lives,
and whoever asks how far it is starts another where none has been heard of. What is whole is not written again.

A centre gets its own patients as they are. A registry gets who agrees today, de-identified; with `since`, who no longer
agrees is told as deleted.

Source: HL7 FHIR Bulk Data Access 3.0.0.
"""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from adapter.errors import EngraftError
from adapter.flows import export
from adapter.store.exports import DONE, FAILED, TRIES, WAITING, Export
from mappings.r4 import subset, wire
from mappings.r4.build import Element, Resource

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.store import Store

SILENT_SECONDS = 30.0
"""A process that has said nothing for so long is taken for dead."""

BEAT_EVERY = 500
"""Resources between two signs of life."""

DELETIONS_AT_ONCE = 500
"""Entries of one Bundle of deletions."""

PART = ".part"

_LOG = logging.getLogger("engraft.bulk")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted: `kinds` of resources, changed at `since` or later, of them the `elements` by type (or `*`)."""

    kinds: tuple[str, ...]
    since: datetime | None = None
    elements: dict[str, list[str]] | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """Files that are written together, by a name; `deleted`: what they hold are deletions, of `Bundle`s."""

    name: str
    found: Callable[[], Iterable[Resource]]
    deleted: bool = False


def ask(
    asked: Asked, *, store: Store, client: str, centre: str | None, url: str, now: datetime, settings: Settings
) -> Export:
    """A new export, durable when this returns; nothing is written yet. `centre` None: a registry asks."""
    said = {"kinds": list(asked.kinds), "since": asked.since and asked.since.isoformat(), "elements": asked.elements}
    expires = now + timedelta(hours=settings.exports.hours)
    new = Export(str(uuid4()), client, centre, said, url, now, expires, WAITING, 0, 0, [], None)
    with store.transaction() as tx:
        tx.exports.add(new)
        tx.audit.add(at=now, who=client, action="export", target=new.id, centre=centre, detail=", ".join(asked.kinds))
    return new


def forget(export_: Export, *, store: Store, now: datetime, settings: Settings) -> None:
    """Its files and itself go."""
    with store.transaction() as tx:
        tx.exports.remove(export_.id)
        tx.audit.add(at=now, who=export_.client, action="export-deleted", target=export_.id, centre=export_.centre)
    shutil.rmtree(settings.exports.folder / export_.id, ignore_errors=True)


def sweep(*, store: Store, now: datetime, settings: Settings) -> None:
    """What has expired goes."""
    with store.reading() as tx:
        over = tx.exports.expired(now)
    for id_ in over:
        with store.transaction() as tx:
            tx.exports.remove(id_)
        shutil.rmtree(settings.exports.folder / id_, ignore_errors=True)


def work(id_: str, *, store: Store, clock: Callable[[], datetime], settings: Settings) -> None:
    """Writes the files of an export that nobody works on. What goes wrong is kept with it and told to who asks."""
    worker = str(uuid4())
    with store.transaction() as tx:
        job = tx.exports.claim(id_, worker, clock(), SILENT_SECONDS)
    if job is None:
        return
    try:
        _Worker(job, worker, store, clock, settings).run()
    except _Taken:
        shutil.rmtree(settings.exports.folder / id_ / worker, ignore_errors=True)
    except Exception as error:  # kept and told; without the words of an unforeseen one, which may quote a patient
        told = str(error) if isinstance(error, EngraftError) else type(error).__name__
        _LOG.warning("export %s: try %s: %s", id_, job.attempts, type(error).__name__)
        state = FAILED if job.attempts >= TRIES else WAITING
        with store.transaction() as tx:
            tx.exports.beat(id_, worker, clock(), state=state, error=told)


class _Taken(Exception):
    """Another process has it, or nobody wants it any more."""


@dataclass(slots=True)
class _Worker:
    """One try at one export."""

    job: Export
    name: str
    store: Store
    clock: Callable[[], datetime]
    settings: Settings

    def run(self) -> None:
        files, written = list(self.job.files), self.job.written
        done = {file["part"] for file in files}
        for part in self._parts():
            if part.name not in done:
                made = self._write(part, written)
                files += made
                written += sum(file["count"] for file in made)
                self._beat(files=files, written=written)
        self._beat(state=DONE)

    def _parts(self) -> Iterator[_Part]:
        said = self.job.asked
        kinds: list[str] = said["kinds"]
        since = datetime.fromisoformat(said["since"]) if said["since"] else None
        if self.job.centre is None:
            yield _Part("all", partial(self._released, kinds, since))
        else:
            for kind in kinds:
                yield _Part(kind, partial(self._own, kind, since))
        if since:
            yield _Part("deleted", lambda: _deletions(self._gone(kinds, since)), deleted=True)

    def _own(self, kind: str, since: datetime | None) -> Iterator[Resource]:
        assert self.job.centre is not None
        with self.store.reading() as tx:
            for stored in tx.resources.stream(centres=[self.job.centre], kinds=[kind], since=since):
                yield stored.content

    def _released(self, kinds: list[str], since: datetime | None) -> Iterator[Resource]:
        key, canonicals = self.settings.pseudonym_key(self.job.client), self.settings.canonicals
        return export.deidentified(self.store, key, self.job.at, kinds=kinds, since=since, canonicals=canonicals)

    def _gone(self, kinds: list[str], since: datetime) -> Iterator[tuple[str, str]]:
        if self.job.centre is None:
            key, canonicals = self.settings.pseudonym_key(self.job.client), self.settings.canonicals
            found: Iterable[tuple[str, str]] = export.withdrawn(
                self.store, key, self.job.at, since=since, canonicals=canonicals
            )
        else:
            with self.store.reading() as tx:
                found = tx.resources.gone(centres=[self.job.centre], since=since)
        return ((kind, id_) for kind, id_ in found if kind in kinds)

    def _write(self, part: _Part, written: int) -> list[Element]:
        """Whole files or none; a sign of life now and then."""
        folder = self.settings.exports.folder / self.job.id
        mine = folder / self.name
        mine.mkdir(parents=True, exist_ok=True)
        counts: Counter[str] = Counter()
        with ExitStack() as stack:
            files: dict[str, IO[bytes]] = {}
            for resource in part.found():
                kind = resource["resourceType"]
                if kind not in files:
                    files[kind] = stack.enter_context((mine / f"{kind}{PART}").open("wb"))
                files[kind].write(wire.encode(self._shaped(resource)) + b"\n")
                counts[kind] += 1
                if counts.total() % BEAT_EVERY == 0:
                    self._beat(written=written + counts.total())
        made = []
        for kind, count in sorted(counts.items()):
            name = f"{part.name}-{kind}.ndjson" if part.deleted else f"{kind}.ndjson"
            (mine / f"{kind}{PART}").rename(folder / name)
            made.append({"part": part.name, "name": name, "type": kind, "count": count, "deleted": part.deleted})
        shutil.rmtree(mine)
        return made or [{"part": part.name, "name": "", "type": "", "count": 0, "deleted": part.deleted}]

    def _shaped(self, resource: Resource) -> Resource:
        elements: dict[str, list[str]] = self.job.asked["elements"] or {}
        wanted = elements.get(resource["resourceType"], []) + elements.get("*", [])
        return subset.only(resource, wanted) if wanted else resource

    def _beat(self, **said: Any) -> None:
        with self.store.transaction() as tx:
            if not tx.exports.beat(self.job.id, self.name, self.clock(), **said):
                raise _Taken


def _deletions(gone: Iterable[tuple[str, str]]) -> Iterator[Resource]:
    """Transaction Bundles of DELETEs, as Bulk Data tells of deletions."""
    entries: list[Element] = []
    for kind, id_ in gone:
        entries.append({"request": {"method": "DELETE", "url": f"{kind}/{id_}"}})
        if len(entries) == DELETIONS_AT_ONCE:
            yield _transaction(entries)
            entries = []
    if entries:
        yield _transaction(entries)


def _transaction(entries: list[Element]) -> Resource:
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def place_of(job: Export, name: str, settings: Settings) -> Path | None:
    """Where a file of a finished export lies; None where it has no such file."""
    if not any(file["name"] == name for file in job.files if file["name"]):
        return None
    return settings.exports.folder / job.id / name
