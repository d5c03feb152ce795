"""FHIR resources with all their versions. A version is only written when it says something new."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, delete, func, insert, or_, select, update

from adapter.errors import Conflict
from adapter.store import search
from adapter.store.schema import resource_heads as heads
from adapter.store.schema import resource_index, resource_sources
from adapter.store.schema import resource_versions as versions
from mappings.r4.build import Resource
from mappings.r4.wire import content_hash

AT_ONCE = 200
"""Rows in memory while streaming, and references in one question."""

LAST_VERSION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of one resource; `content` carries its `meta.versionId` and `meta.lastUpdated`.

    `centre` None: no centre's own. `course`: uuid of the course that it belongs to. `deleted`: this version says that
    the resource is gone; `content` is then the last one before.
    """

    kind: str
    id: str
    version: int
    at: datetime
    centre: str | None
    course: str | None
    deleted: bool
    content: Resource

    @property
    def reference(self) -> str:
        return f"{self.kind}/{self.id}"


@dataclass(frozen=True, slots=True)
class Page:
    """`total` counts every match, `matches` are those of this page, in the order in which they were first stored."""

    total: int
    matches: list[Stored]


class Resources:
    """By type and id. A resource stays with the centre that it was first stored for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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
        plain = _plain(resource)
        kind, id_, digest = plain["resourceType"], plain["id"], content_hash(plain)
        head = self._head(kind, id_)
        _require(head, expected_version)
        if head is None:
            key = self._connection.execute(
                insert(heads)
                .values(kind=kind, id=id_, version=1, centre=centre, course=course, at=at)
                .returning(heads.c.key)
            ).scalar_one()
        elif head.centre != centre:
            raise Conflict(f"{kind}/{id_} is not this centre's")
        else:
            key = head.key
        self._relate(key, sources, known=head is not None)
        if head and head.hash == digest and not head.deleted:
            return None
        version = self._append(head, key, plain, digest, at, deleted=False)
        self._index(key, kind, search.entries(plain), known=head is not None)
        return _stored(kind, id_, version, at, head.centre if head else centre, head.course if head else course, plain)

    def delete(self, kind: str, id_: str, at: datetime) -> bool:
        """A version that says it is gone: searches no longer find it, its history stays. False: it was not there."""
        head = self._head(kind, id_)
        if head is None or head.deleted:
            return False
        self._append(head, head.key, head.content, head.hash, at, deleted=True)
        self._index(head.key, kind, set(), known=True)
        return True

    def get(self, kind: str, id_: str) -> Stored | None:
        """Newest version."""
        row = self._connection.execute(_one(kind, id_)).one_or_none()
        return _of(row) if row else None

    def get_many(self, references: Sequence[str]) -> list[Stored]:
        """Newest versions of what is named as `Type/id`, each once; what is not here, or gone, is left out."""
        pairs = list(dict.fromkeys(tuple(reference.split("/", 1)) for reference in references if "/" in reference))
        found: dict[tuple[str, ...], Stored] = {}
        for start in range(0, len(pairs), AT_ONCE):
            wanted = or_(
                *(and_(heads.c.kind == kind, heads.c.id == id_) for kind, id_ in pairs[start : start + AT_ONCE])
            )
            found |= {
                (row.kind, row.id): _of(row) for row in self._connection.execute(_newest().where(wanted, _there()))
            }
        return [found[pair] for pair in pairs if pair in found]

    def version(self, kind: str, id_: str, number: int) -> Stored | None:
        """One version, counted from 1."""
        if not 0 < number <= LAST_VERSION:
            return None
        row = self._connection.execute(_every(kind, id_).where(versions.c.version == number)).one_or_none()
        return _of(row) if row else None

    def history(self, kind: str, id_: str) -> list[Stored]:
        """Every version, newest first."""
        rows = self._connection.execute(_every(kind, id_).order_by(versions.c.version.desc()))
        return [_of(row) for row in rows]

    def of_course(self, course: str) -> list[Stored]:
        """Newest versions of everything in a course."""
        return self._all(_newest().where(heads.c.course == course, _there()))

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

    def from_source(self, course: str, source: str) -> list[Stored]:
        """Newest versions of what was made from a document of this course."""
        keys = select(resource_sources.c.key).where(resource_sources.c.source == source)
        return self._all(_newest().where(heads.c.course == course, heads.c.key.in_(keys), _there()))

    def stream(
        self,
        *,
        centres: Collection[str] | None,
        kinds: Collection[str] | None = None,
        since: datetime | None = None,
    ) -> Iterator[Stored]:
        """Newest versions, a few in memory at a time. None: of every centre, of every type, of any age."""
        wanted = _newest().where(_there()).order_by(heads.c.key).execution_options(yield_per=AT_ONCE)
        if centres is not None:
            wanted = wanted.where(heads.c.centre.in_(sorted(centres)))
        if kinds is not None:
            wanted = wanted.where(heads.c.kind.in_(sorted(kinds)))
        if since is not None:
            wanted = wanted.where(heads.c.at >= since)
        return map(_of, self._connection.execute(wanted))

    def search(
        self,
        kind: str,
        parameters: Sequence[tuple[str, str]],
        *,
        centres: Collection[str] | None,
        count: int,
        offset: int,
    ) -> Page:
        """Matches `offset` to `offset + count`. Raises Invalid for a parameter that is not indexed.

        `centres` None: of every centre.
        """
        wanted = and_(search.condition(kind, parameters, centres), _there())
        joined = select(func.count()).select_from(heads.join(versions, _is_newest())).where(wanted)
        total = self._connection.scalar(joined) or 0
        if count <= 0 or offset >= total:
            return Page(total, [])
        return Page(total, self._all(_newest().where(wanted).limit(min(count, total)).offset(max(offset, 0))))

    def _all(self, wanted: Select[Any]) -> list[Stored]:
        return [_of(row) for row in self._connection.execute(wanted.order_by(heads.c.key))]

    def _head(self, kind: str, id_: str) -> Row[Any] | None:
        return self._connection.execute(_one(kind, id_).with_for_update(of=heads)).one_or_none()

    def _append(
        self, head: Row[Any] | None, key: int, content: Resource, digest: str, at: datetime, *, deleted: bool
    ) -> int:
        number = head.version + 1 if head else 1
        if head:
            self._connection.execute(update(heads).where(heads.c.key == key).values(version=number, at=at))
        row = {"key": key, "version": number, "hash": digest, "deleted": deleted, "content": content, "at": at}
        self._connection.execute(insert(versions).values(**row))
        return number

    def _relate(self, key: int, sources: Sequence[str], *, known: bool) -> None:
        mine = resource_sources.c.key == key
        before = set(self._connection.scalars(select(resource_sources.c.source).where(mine))) if known else set()
        if before != set(sources):
            if before:
                self._connection.execute(delete(resource_sources).where(mine))
            self._insert(resource_sources, [{"key": key, "source": source} for source in sorted(set(sources))])

    def _index(self, key: int, kind: str, entries: set[tuple[str, str, str]], *, known: bool) -> None:
        if known:
            self._connection.execute(delete(resource_index).where(resource_index.c.key == key))
        row = {"key": key, "kind": kind}
        named = [dict(zip(("parameter", "system", "value"), entry, strict=True)) for entry in sorted(entries)]
        self._insert(resource_index, [row | entry for entry in named])

    def _insert(self, table: Table, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(insert(table), rows)


def _is_newest() -> ColumnElement[bool]:
    return and_(versions.c.key == heads.c.key, versions.c.version == heads.c.version)


def _there() -> ColumnElement[bool]:
    return versions.c.deleted.is_(False)


_OF_HEAD = (heads.c.key, heads.c.kind, heads.c.id, heads.c.centre, heads.c.course)
_OF_VERSION = (versions.c.version, versions.c.hash, versions.c.deleted, versions.c.content, versions.c.at)


def _newest() -> Select[Any]:
    return select(*_OF_HEAD, *_OF_VERSION).join_from(heads, versions, _is_newest())


def _one(kind: str, id_: str) -> Select[Any]:
    return _newest().where(heads.c.kind == kind, heads.c.id == id_)


def _every(kind: str, id_: str) -> Select[Any]:
    joined = select(*_OF_HEAD, *_OF_VERSION).join_from(heads, versions, versions.c.key == heads.c.key)
    return joined.where(heads.c.kind == kind, heads.c.id == id_)


def _require(head: Row[Any] | None, expected: int | None) -> None:
    if expected is not None and (head is None or head.version != expected):
        there = f"version {head.version}" if head else "not there"
        raise Conflict(f"the resource is {there}, not version {expected}", 412)


def _plain(resource: Resource) -> Resource:
    """Without what only a server says of a version."""
    meta = {name: said for name, said in resource.get("meta", {}).items() if name not in ("versionId", "lastUpdated")}
    return {name: said for name, said in resource.items() if name != "meta"} | ({"meta": meta} if meta else {})


def _of(row: Row[Any]) -> Stored:
    return _stored(row.kind, row.id, row.version, row.at, row.centre, row.course, row.content, row.deleted)


def _stored(
    kind: str,
    id_: str,
    version: int,
    at: datetime,
    centre: str | None,
    course: str | None,
    content: Resource,
    deleted: bool = False,
) -> Stored:
    moment = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    meta = {"versionId": str(version), "lastUpdated": moment} | content.get("meta", {})
    return Stored(kind, id_, version, at, centre, course, deleted, _headed(content, meta))


def _headed(content: Resource, meta: dict[str, Any]) -> Resource:
    """The resource in R4's order: type, id, meta, the rest."""
    return {"resourceType": content["resourceType"], "id": content["id"], "meta": meta} | {
        name: said for name, said in content.items() if name != "meta"
    }
