"""Searches on what leaves and on nothing else: de-identified resources are put into a database of their own for the
time of an export and found there as they are found everywhere.

Who asks for a filter learns so nothing that the resources themselves would not tell: a date is the moved one, and what
stays at home is not there to be found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from adapter.store import Store
from adapter.store.streaming import Wanted
from mappings.r4.build import Resource

if TYPE_CHECKING:
    from adapter.store.criteria import Criterion

AT_ONCE = 500
"""Resources of one transaction."""

_AT = datetime(2000, 1, 1, tzinfo=UTC)
"""When everything was put there: the time of a change does not leave, and cannot be searched for."""

SEEN = "seen"
"""The centre under which it is kept there: those of who may be told leave no trace."""

Searches = Mapping[str, Sequence[Sequence["Criterion"]]]


def through(resources: Iterable[Resource], searches: Searches, folder: Path) -> Iterator[Resource]:
    """What a search of its type finds, and every resource of a type without one; these first.

    `folder`: where the database may lie meanwhile.
    """
    with _opened(folder) as store:
        found = iter(resources)
        while some := list(islice(found, AT_ONCE)):
            yield from (one for one in some if one["resourceType"] not in searches)
            _keep(store, [one for one in some if one["resourceType"] in searches])
        with store.reading() as tx:
            for stored in tx.resources.wanted(Wanted(searches=searches)):
                yield plain(stored.content)


@contextmanager
def filled(resources: Iterable[Resource]) -> Iterator[Store]:
    """All of them, to be read and searched; they are gone afterwards."""
    with _opened(None) as store:
        found = iter(resources)
        while some := list(islice(found, AT_ONCE)):
            _keep(store, some)
        yield store


def plain(resource: Resource) -> Resource:
    """As it came: without what a server says of a version."""
    if "meta" not in resource:
        return dict(resource)
    meta = {name: said for name, said in resource["meta"].items() if name not in ("versionId", "lastUpdated")}
    return resource | {"meta": meta}


@contextmanager
def _opened(folder: Path | None) -> Iterator[Store]:
    with ExitStack() as stack:
        place = stack.enter_context(TemporaryDirectory(prefix="sieve-", dir=folder))
        store = stack.enter_context(closing(Store(f"sqlite:///{place}/sieve.sqlite")))
        store.migrate()
        yield store


def _keep(store: Store, resources: Iterable[Resource]) -> None:
    with store.transaction() as tx:
        for resource in resources:
            tx.resources.put(resource, centre=SEEN, course=None, sources=(), at=_AT)
