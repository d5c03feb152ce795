"""What changes with a release only (definitions), found by the same searches: kept in a database in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from threading import Lock

from sqlalchemy import StaticPool, create_engine

from adapter.store import index, schema
from adapter.store.criteria import Criterion
from adapter.store.paging import Window
from adapter.store.resources import Page, Resources
from mappings.r4.build import Resource

_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


class Catalogue:
    """The resources given; nothing is added later. Threads may share it."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        options = {"check_same_thread": False}
        self._engine = create_engine("sqlite://", poolclass=StaticPool, connect_args=options)
        self._turn = Lock()  # there is one connection, for each would see a database of its own
        with self._engine.begin() as connection:
            schema.metadata.create_all(connection)
            index.renew(connection)
            for resource in resources:
                Resources(connection).put(resource, centre=None, course=None, sources=(), at=_ALWAYS)

    def search(self, kind: str, criteria: Sequence[Criterion], window: Window) -> Page:
        """As `Resources.search`; versions and times of change are the store's own and mean nothing."""
        with self._turn, self._engine.connect() as connection:
            return Resources(connection).search(kind, criteria, window, centres=None)
