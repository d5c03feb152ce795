"""FHIR resources with all their versions. A version is only written when it says something new."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
)

from adapter.errors import Conflict
from adapter.store import courses as whole
from adapter.store import index, search, settled, streaming, writing
from adapter.store.criteria import Criterion
from adapter.store.paging import Order, Window, unknown_place
from adapter.store.schema import resource_heads as heads
from adapter.store.schema import resource_sources
from adapter.store.schema import resource_versions as versions
from adapter.store.stored import COLUMNS, Stored, every, newest, of, there
from adapter.store.streaming import AT_ONCE, Wanted, version_of
from mappings.r4.build import Resource
from mappings.r4.wire import content_hash

LAST_VERSION = 2**31 - 1
MOST = 2**31 - 2
"""The largest page that any database takes."""


@dataclass(frozen=True, slots=True)
class Page:
    """`total` counts every match (None: not asked for), `matches` are those of this page. `after`: where the next
    page begins; None on the last.
    """

    total: int | None
    matches: list[Stored]
    after: str | None = None


class Resources:
    """By type and id. A resource stays with the centre that it was first stored for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._holds = False

    def put(
        self,
        resource: Resource,
        *,
        centre: str | None,
        course: str | None,
        sources: Sequence[str],
        at: datetime,
        expected_version: int | None = None,
    ) -> Stored | None:
        """A new version, or None where it would say the same as the newest (`sources` are still brought up to date).

        Raises Conflict: 412 where the newest version is not `expected_version`, 409 where another centre has this id.
        """
        if expected_version is not None:
            pair = (resource["resourceType"], resource["id"])
            _require(writing.held(self._connection, [pair]).get(pair), expected_version)
        return self.put_all([(resource, sources)], centre=centre, course=course, at=at)[0]

    def put_all(
        self,
        rows: Sequence[tuple[Resource, Sequence[str]]],
        *,
        centre: str | None,
        course: str | None,
        at: datetime,
    ) -> list[Stored | None]:
        """What `put` does and answers, for (resource, sources) of which no two have the same type and id.

        A few statements for all of them. Dated `at`, or after what is `settle`d by then. Raises Conflict, before
        anything is written, where another centre has an id.
        """
        return writing.put_all(self._connection, rows, centre, course, self._dated(at))

    def delete(self, kind: str, id_: str, at: datetime) -> bool:
        """A version that says it is gone: searches no longer find it, its history stays. False: it was not there."""
        return writing.remove(self._connection, kind, id_, self._dated(at))

    def settle(self, at: datetime) -> datetime:
        """`at`, or a little later: whoever reads after this transaction sees everything that is, or ever will be,
        dated then or before. Waits for who writes just now.
        """
        return settled.settle(self._connection, at)

    def get(self, kind: str, id_: str) -> Stored | None:
        """Newest version."""
        row = self._connection.execute(_ONE, {"of_kind": kind, "of_id": id_}).one_or_none()
        return of(row) if row else None

    def get_many(self, references: Sequence[str]) -> list[Stored]:
        """Newest versions of what is named as `Type/id`, each once; what is not here, or gone, is left out."""
        pairs = list(dict.fromkeys(tuple(reference.split("/", 1)) for reference in references if "/" in reference))
        found: dict[tuple[str, ...], Stored] = {}
        for start in range(0, len(pairs), AT_ONCE):
            wanted = or_(
                *(and_(heads.c.kind == kind, heads.c.id == id_) for kind, id_ in pairs[start : start + AT_ONCE])
            )
            found |= {(row.kind, row.id): of(row) for row in self._connection.execute(newest().where(wanted, there()))}
        return [found[pair] for pair in pairs if pair in found]

    def version(self, kind: str, id_: str, number: int) -> Stored | None:
        """One version, counted from 1."""
        if not 0 < number <= LAST_VERSION:
            return None
        row = self._connection.execute(every(kind, id_).where(versions.c.version == number)).one_or_none()
        return of(row) if row else None

    def history(
        self, kind: str, id_: str, *, since: datetime | None = None, before: int | None = None, count: int | None = None
    ) -> list[Stored]:
        """Every version, newest first; or those not older than `since`, before a version, at most `count`."""
        wanted = every(kind, id_).order_by(versions.c.version.desc()).limit(count)
        if since is not None:
            wanted = wanted.where(versions.c.at >= since)
        if before is not None:
            wanted = wanted.where(versions.c.version < before)
        return [of(row) for row in self._connection.execute(wanted)]

    def versions_of(self, kind: str, id_: str, *, since: datetime | None = None) -> int:
        """How many versions there are, or were written since."""
        wanted = select(func.count()).select_from(heads.join(versions, versions.c.key == heads.c.key))
        wanted = wanted.where(heads.c.kind == kind, heads.c.id == id_)
        return self._connection.scalar(wanted if since is None else wanted.where(versions.c.at >= since)) or 0

    def of_course(self, course: str) -> list[Stored]:
        """Newest versions of everything in a course."""
        return [of(row) for row in self._connection.execute(_OF_COURSE, {"of_course": course})]

    def of_courses(self, courses: Sequence[str], as_of: datetime | None = None) -> dict[str, list[whole.Written]]:
        """The same of several, not yet decoded: see `courses.of_courses`."""
        return whole.of_courses(self._connection, courses, as_of)

    def patients_of(self, courses: Collection[str]) -> dict[str, tuple[str, str | None]]:
        """(id, centre) of the first Patient of each course, without its content; not of a course that has none."""
        # found by the course, hence the type as no index has it: there are more patients than resources of a course
        wanted = select(heads.c.course, heads.c.id, heads.c.centre).join_from(heads, versions, version_of())
        wanted = wanted.where(heads.c.course.in_(courses), heads.c.kind.concat("") == "Patient", there())
        found: dict[str, tuple[str, str | None]] = {}
        for course, id_, centre in self._connection.execute(wanted.order_by(heads.c.key)):
            found.setdefault(course, (id_, centre))
        return found

    def sources_of(self, kind: str, id_: str) -> tuple[str, ...]:
        """Keys of the documents that the newest version was made from."""
        wanted = select(resource_sources.c.source).join(heads).where(heads.c.kind == kind, heads.c.id == id_)
        return tuple(self._connection.scalars(wanted.order_by(resource_sources.c.source)))

    def sources_of_course(self, course: str) -> dict[str, tuple[str, ...]]:
        """`sources_of` for everything in a course, by reference."""
        wanted = select(heads.c.kind, heads.c.id, resource_sources.c.source).join_from(heads, resource_sources)
        found: dict[str, tuple[str, ...]] = {}
        for kind, id_, source in self._connection.execute(wanted.where(heads.c.course == course)):
            found[f"{kind}/{id_}"] = (*found.get(f"{kind}/{id_}", ()), source)
        return found

    def news(
        self, rows: Iterable[tuple[Resource, Sequence[str]]], *, centre: str, course: str
    ) -> list[tuple[Resource, Sequence[str]]]:
        """Which of (resource, sources) of a course are not stored just so, in their order; two questions for all."""
        joined = select(heads.c.kind, heads.c.id, versions.c.hash).join_from(heads, versions, version_of())
        mine = and_(heads.c.course == course, heads.c.centre == centre, there())
        digests = {f"{kind}/{id_}": digest for kind, id_, digest in self._connection.execute(joined.where(mine))}
        sources = self.sources_of_course(course)

        def stored(resource: Resource, said: Sequence[str]) -> bool:
            name = f"{resource['resourceType']}/{resource['id']}"
            return digests.get(name) == content_hash(resource) and set(sources.get(name, ())) == set(said)

        return [row for row in rows if not stored(*row)]

    def from_source(self, course: str, source: str) -> list[Stored]:
        """Newest versions of what was made from a document of this course."""
        keys = select(resource_sources.c.key).where(resource_sources.c.source == source)
        return self._all(newest().where(heads.c.course == course, heads.c.key.in_(keys), there()))

    def stream(
        self,
        *,
        centres: Collection[str] | None,
        kinds: Collection[str] | None = None,
        since: datetime | None = None,
    ) -> Iterator[Stored]:
        """Newest versions, a few in memory at a time. None: of every centre, of every type, of any age."""
        yield from self.wanted(Wanted(centres, kinds, since))

    def wanted(self, wanted: Wanted) -> Iterator[Stored]:
        """Newest versions, a few in memory at a time. Raises StoreUnavailable as `lines` does."""
        self._require_index(wanted)
        chosen = wanted.select(*COLUMNS)
        with self._connection.execute(chosen) as rows:  # closed too where the reader stops before the end
            yield from map(of, rows)

    def lines(self, wanted: Wanted) -> Iterator[tuple[int, str, bytes]]:
        """Key, type and bytes of newest versions for who only passes them on: see `streaming.lines`.

        Raises StoreUnavailable where it searches and the index is not this program's.
        """
        self._require_index(wanted)
        yield from streaming.lines(self._connection, wanted)

    def ids(self, wanted: Wanted) -> Iterator[str]:
        """Of what is wanted."""
        return iter(self._connection.scalars(wanted.select(heads.c.id)))

    def count(self, wanted: Wanted) -> int:
        """Of what is wanted."""
        return self._connection.scalar(wanted.select(func.count()).order_by(None)) or 0

    def gone(self, wanted: Wanted) -> list[tuple[str, str]]:
        """(type, id) of what is wanted and deleted."""
        chosen = wanted.select(heads.c.kind, heads.c.id, deleted=True)
        return [(kind, id_) for kind, id_ in self._connection.execute(chosen)]

    def search(
        self,
        kind: str,
        criteria: Sequence[Criterion],
        window: Window,
        *,
        centres: Collection[str] | None,
    ) -> Page:
        """What meets every criterion. `centres` None: of every centre.

        Raises Invalid for a place that there is not, StoreUnavailable where the index is not this program's.
        """
        index.require_fresh(self._connection)
        wanted = and_(search.condition(kind, criteria, centres), there())
        size = self._connection.scalar(_counted().where(wanted)) or 0 if window.total else None
        if window.count <= 0:
            return Page(size, [])
        order, count = Order(window.sort), min(window.count, MOST)
        page = newest().add_columns(*order.columns).where(wanted).order_by(*order.by).limit(count + 1)
        if window.after is not None:
            values, id_ = order.read(window.after)
            page = page.where(order.beyond(values, self._key(kind, id_, centres)))
        rows = self._connection.execute(page).all()
        place = order.place(rows[count - 1]) if len(rows) > count else None
        return Page(size, [of(row) for row in rows[:count]], place)

    def referring(
        self, kind: str, parameter: str, targets: Sequence[tuple[str, str]], *, centres: Collection[str], count: int
    ) -> list[Stored]:
        """Newest versions, `count` at most, of what refers by this parameter to one of the (type, id)."""
        if not targets:
            return []
        wanted = search.referring(kind, parameter, targets, centres)
        return self._all(newest().where(wanted, there()).limit(count))

    def _dated(self, at: datetime) -> datetime:
        if not self._holds:
            settled.hold(self._connection)
            self._holds = True
        return settled.dated(self._connection, at)

    def _require_index(self, wanted: Wanted) -> None:
        if wanted.searches or wanted.study is not None:
            index.require_fresh(self._connection)

    def _key(self, kind: str, id_: str, centres: Collection[str] | None) -> int:
        wanted = select(heads.c.key).where(heads.c.kind == kind, heads.c.id == id_)
        if centres is not None:
            wanted = wanted.where(heads.c.centre.in_(sorted(centres)))
        key: int | None = self._connection.scalar(wanted)
        if key is None:
            raise unknown_place()
        return key

    def _all(self, wanted: Select[Any]) -> list[Stored]:
        return [of(row) for row in self._connection.execute(wanted.order_by(heads.c.key))]


def _counted() -> Select[Any]:
    return select(func.count()).join_from(heads, versions, version_of())


_ONE = newest().where(heads.c.kind == bindparam("of_kind"), heads.c.id == bindparam("of_id"))
_OF_COURSE = newest().where(heads.c.course == bindparam("of_course"), there()).order_by(heads.c.key)
"""Built once: they are asked of every resource, or course."""


def _require(head: Row[Any] | None, expected: int | None) -> None:
    if expected is not None and (head is None or head.version != expected):
        there = f"version {head.version}" if head else "not there"
        raise Conflict(f"the resource is {there}, not version {expected}", 412)
