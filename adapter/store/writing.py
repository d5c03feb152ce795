"""New versions of resources: a few statements for all that belong together, and none where nothing is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, delete, insert, select, tuple_, update

from adapter.errors import Conflict
from adapter.store import index
from adapter.store.schema import resource_heads as heads
from adapter.store.schema import resource_sources
from adapter.store.schema import resource_versions as versions
from adapter.store.stored import Stored, newest, stored
from adapter.store.streaming import AT_ONCE
from mappings.r4.build import Resource
from mappings.r4.wire import content_hash

_HELD = (
    newest()
    .where(tuple_(heads.c.kind, heads.c.id).in_(bindparam("pairs", expanding=True)))
    .order_by(heads.c.key)
    .with_for_update(of=heads)
)
_BEGIN = insert(heads).returning(heads.c.key, heads.c.kind, heads.c.id, sort_by_parameter_order=True)
_AGAIN = (
    update(heads).where(heads.c.key == bindparam("of_key")).values(version=bindparam("number"), at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class _Version:
    """One to be written. `head`: the newest before it, None where it is the first."""

    key: int
    head: Row[Any] | None
    content: Resource
    hash: str

    @property
    def number(self) -> int:
        return self.head.version + 1 if self.head else 1

    def as_stored(self, centre: str | None, course: str | None, at: datetime) -> Stored:
        """A resource stays in the course that it was first stored for."""
        kind, id_ = self.content["resourceType"], self.content["id"]
        return stored(kind, id_, self.number, at, centre, self.head.course if self.head else course, self.content)


def put_all(
    connection: Connection,
    rows: Sequence[tuple[Resource, Sequence[str]]],
    centre: str | None,
    course: str | None,
    at: datetime,
) -> list[Stored | None]:
    """See `Resources.put_all`."""
    plain = [_plain(resource) for resource, _ in rows]
    pairs = [(one["resourceType"], one["id"]) for one in plain]
    before = held(connection, pairs)
    for head in before.values():
        if head.centre != centre:
            raise Conflict(f"{head.kind}/{head.id} is not this centre's")
    keys = {pair: head.key for pair, head in before.items()} | _begin(
        connection, [pair for pair in pairs if pair not in before], centre, course, at
    )
    _relate(connection, {keys[pair]: sources for pair, (_, sources) in zip(pairs, rows, strict=True)}, before.values())
    written = [
        _Version(keys[pair], before.get(pair), content, digest)
        for pair, content, digest in zip(pairs, plain, map(content_hash, plain), strict=True)
        if _is_news(before.get(pair), digest)
    ]
    _append(connection, written, at)
    index.write(connection, {one.key: one.content for one in written}, [one.key for one in written if one.head])
    told = {one.key: one.as_stored(centre, course, at) for one in written}
    return [told.get(keys[pair]) for pair in pairs]


def remove(connection: Connection, kind: str, id_: str, at: datetime) -> bool:
    """See `Resources.delete`."""
    head = held(connection, [(kind, id_)]).get((kind, id_))
    if head is None or head.deleted:
        return False
    _append(connection, [_Version(head.key, head, head.content, head.hash)], at, deleted=True)
    index.remove(connection, [head.key])
    return True


def held(connection: Connection, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row[Any]]:
    """Newest versions, deleted ones too, which nobody else writes meanwhile."""
    found: dict[tuple[str, str], Row[Any]] = {}
    for start in range(0, len(pairs), AT_ONCE):
        rows = connection.execute(_HELD, {"pairs": pairs[start : start + AT_ONCE]})
        found |= {(row.kind, row.id): row for row in rows}
    return found


def _begin(
    connection: Connection, pairs: Sequence[tuple[str, str]], centre: str | None, course: str | None, at: datetime
) -> dict[tuple[str, str], int]:
    """Keys of what was never there, in its order."""
    if not pairs:
        return {}
    said = [
        {"kind": kind, "id": id_, "version": 1, "centre": centre, "course": course, "at": at} for kind, id_ in pairs
    ]
    return {(row.kind, row.id): row.key for row in connection.execute(_BEGIN, said)}


def _append(connection: Connection, written: Sequence[_Version], at: datetime, *, deleted: bool = False) -> None:
    again = [{"of_key": one.key, "number": one.number, "now": at} for one in written if one.head]
    if again:
        connection.execute(_AGAIN, again)
    said = [{"key": one.key, "version": one.number, "hash": one.hash, "content": one.content} for one in written]
    _insert(connection, versions, [one | {"deleted": deleted, "at": at} for one in said])


def _relate(connection: Connection, wanted: Mapping[int, Sequence[str]], known: Iterable[Row[Any]]) -> None:
    """Brings up to date from which documents each was made."""
    before: dict[int, set[str]] = {head.key: set() for head in known}
    if before:
        columns = select(resource_sources.c.key, resource_sources.c.source)
        for key, source in connection.execute(columns.where(resource_sources.c.key.in_(before))):
            before[key].add(source)
    other = {key: set(sources) for key, sources in wanted.items() if before.get(key, set()) != set(sources)}
    stale = [key for key in other if before.get(key)]
    if stale:
        connection.execute(delete(resource_sources).where(resource_sources.c.key.in_(stale)))
    _insert(
        connection,
        resource_sources,
        [{"key": key, "source": one} for key, said in other.items() for one in sorted(said)],
    )


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _is_news(head: Row[Any] | None, digest: str) -> bool:
    return head is None or head.deleted or head.hash != digest


def _plain(resource: Resource) -> Resource:
    """Without what only a server says of a version."""
    meta = {name: said for name, said in resource.get("meta", {}).items() if name not in ("versionId", "lastUpdated")}
    return {name: said for name, said in resource.items() if name != "meta"} | ({"meta": meta} if meta else {})
