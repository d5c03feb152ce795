"""Bulk Data: somebody asks for everything, waits, and fetches files.

The request is a row, so that it outlives the process that took it: a thread writes the files and says that it lives,
and whoever asks how far it is starts another where none has been heard of. What is whole is not written again
(`bulk_files`).

A centre gets its own patients as they are. A registry gets who agrees today, de-identified; with `since`, who no longer
agrees is told as deleted.

Source: HL7 FHIR Bulk Data Access 3.0.0.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from adapter.errors import EngraftError, StoreUnavailable, Unavailable
from adapter.flows import export
from adapter.flows.bulk_files import Taken, Worker
from adapter.flows.export import Leaving
from adapter.store.exports import Export
from adapter.store.jobs import FAILED, TRIES, WAITING
from adapter.store.streaming import Wanted
from adapter.trail import journal

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.store import Store


class Ended(EngraftError):
    """Whoever worked on it died, again and again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted: `kinds` of resources, changed at `since` or later and before `until` (instants as written), of
    them the `elements` by type (or `*`). `patients`: only of these ids, which are pseudonyms for a registry; `group`:
    only of who is in it.

    `filters`: by type, searches of which one must find a resource, each as its parameters.
    """

    kinds: tuple[str, ...]
    since: str | None = None
    until: str | None = None
    elements: dict[str, list[str]] | None = None
    patients: tuple[str, ...] | None = None
    group: str | None = None
    filters: dict[str, list[list[tuple[str, str]]]] = field(default_factory=dict)


def ask(
    asked: Asked, *, store: Store, client: str, centre: str | None, url: str, now: datetime, settings: Settings
) -> Export:
    """A new export, durable when this returns; nothing is written yet. `centre` None: a registry asks.

    It waits for changes that are on their way. Raises Unavailable where its folder cannot be made.
    """
    expires = now + timedelta(hours=settings.exports.hours)
    id_ = str(uuid4())
    _make_folder(id_, settings)
    try:
        with store.transaction() as tx:
            at = tx.resources.settle(now)
            new = Export(id_, client, centre, asdict(asked), url, at, expires, WAITING, 0, 0, [], None)
            tx.exports.add(new)
            kinds = ", ".join(asked.kinds)
            tx.audit.add(at=now, who=client, action="export", target=new.id, centre=centre, detail=kinds)
    except StoreUnavailable:
        (settings.exports.folder / id_).rmdir()
        raise
    journal.note("export-asked", export=new.id, caller=client, centre=centre, kinds=list(asked.kinds))
    return new


def strangers(
    patients: Sequence[str],
    *,
    store: Store,
    client: str,
    centre: str | None,
    group: str | None,
    now: datetime,
    settings: Settings,
) -> list[str]:
    """Which of the patients this caller does not see here, for whatever reason. `centre` None: a registry asks."""
    if centre is None:
        leaving = Leaving(settings.pseudonym_key(client), now, settings.canonicals, study=group)
        return sorted(set(patients) - export.known(store, leaving).keys())
    with store.reading() as tx:
        wanted = Wanted([centre], ["Patient"], patients=patients, study=group)
        return sorted(set(patients) - set(tx.resources.ids(wanted)))


def forget(export_: Export, *, store: Store, now: datetime, settings: Settings) -> None:
    """Its files and itself go."""
    with _removed(export_.id, settings), store.transaction() as tx:
        tx.exports.remove(export_.id)
        tx.audit.add(at=now, who=export_.client, action="export-deleted", target=export_.id, centre=export_.centre)


def sweep(*, store: Store, now: datetime, settings: Settings) -> None:
    """What has expired goes, from a machine that sees its files: another one could remove only what leads to them."""
    with store.reading() as tx:
        over = tx.exports.expired(now)
    for id_ in filter(partial(is_here, settings=settings), over):
        with _removed(id_, settings), store.transaction() as tx:
            tx.exports.remove(id_)


@contextmanager
def _removed(id_: str, settings: Settings) -> Iterator[None]:
    """Files go before the row that leads to them, so that what breaks off can be done again; and after it once more,
    for what a worker wrote meanwhile.
    """
    shutil.rmtree(settings.exports.folder / id_, ignore_errors=True)
    yield
    shutil.rmtree(settings.exports.folder / id_, ignore_errors=True)


def is_here(id_: str, settings: Settings) -> bool:
    """Does this machine see the folder that was made where the export was asked for?"""
    return (settings.exports.folder / id_).is_dir()


def work(id_: str, *, store: Store, clock: Callable[[], datetime], settings: Settings) -> None:
    """Writes the files of an export that nobody works on. What goes wrong is kept with it and told to who asks."""
    worker = str(uuid4())
    with store.transaction() as tx:
        job = tx.exports.claim(id_, worker, clock())
    if job is None:
        return
    try:
        if job.attempts > TRIES:
            raise Ended(f"its process ended {TRIES} times")
        Worker(job, worker, store, clock, settings).run()
    except Taken:
        _leave(id_, worker, store=store, settings=settings)
    except Exception as error:  # kept and told; without the words of an unforeseen one, which may quote a patient
        told = str(error) if isinstance(error, EngraftError) else type(error).__name__
        journal.warn("export-failed", export=id_, attempts=job.attempts, error=type(error).__name__)
        state = FAILED if job.attempts >= TRIES else WAITING
        with store.transaction() as tx:
            tx.exports.beat(id_, worker, clock(), state=state, error=told)
        _leave(id_, worker, store=store, settings=settings)


def _leave(id_: str, worker: str, *, store: Store, settings: Settings) -> None:
    """No half-written file stays behind, and nothing at all of an export that nobody wants any more: a worker makes its
    folder anew where somebody has just removed it.
    """
    with store.reading() as tx:
        wanted = tx.exports.known(id_)
    folder = settings.exports.folder / id_
    shutil.rmtree(folder / worker if wanted else folder, ignore_errors=True)


def _make_folder(id_: str, settings: Settings) -> None:
    try:
        (settings.exports.folder / id_).mkdir(0o700, parents=True)  # patients' data, as in the database
    except OSError as error:
        raise Unavailable(f"the folder of exports cannot be written: {error.strerror}") from error


def role_of(file: dict[str, Any]) -> str:
    """What a file of an export holds: `deleted`, `error`, or, empty, resources."""
    return next((role for role in ("deleted", "error") if file.get(role)), "")


def place_of(job: Export, name: str, settings: Settings) -> Path | None:
    """Where a file of a finished export lies; None where it has no such file."""
    if not any(file["name"] == name for file in job.files if file["name"]):
        return None
    return settings.exports.folder / job.id / name
