"""One version of one resource as flows know it, and whole courses of them, decoded one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, DateTime, LargeBinary, Row, bindparam, select, type_coerce

from adapter.store import streaming
from adapter.store.schema import resource_heads as heads
from adapter.store.schema import resource_versions as versions
from mappings.r4 import wire
from mappings.r4.build import Resource


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


class Written(NamedTuple):
    """The newest version of one resource of a course, not yet decoded."""

    course: str
    kind: str
    id: str
    centre: str | None
    version: int
    at: datetime
    content: bytes


def of_courses(connection: Connection, names: Sequence[str], as_of: datetime | None) -> dict[str, list[Written]]:
    """Everything in these courses, in its newest versions or in those of an instant; a course that has nothing is not
    among them. A Consent is as it stands now: what somebody took back since then has been taken back.

    As bytes: whoever goes through many courses holds little, and decodes one when its turn comes.
    """
    chosen = _COLUMNS.join_from(heads, versions, streaming.version_of(as_of, "Consent")).where(*_WANTED)
    found: dict[str, list[Written]] = {}
    for row in connection.execute(chosen.order_by(heads.c.course, heads.c.key), {"of_courses": names}):
        found.setdefault(row[0], []).append(Written._make(row))
    return found


def decoded(written: Iterable[Written]) -> list[Stored]:
    """Each as it would have been read alone."""
    return [
        stored(kind, id_, version, _aware(at), centre, course, wire.decode(content))
        for course, kind, id_, centre, version, at, content in written
    ]


def of(row: Row[Any]) -> Stored:
    """A row of heads and versions."""
    return stored(row.kind, row.id, row.version, row.at, row.centre, row.course, row.content, row.deleted)


def stored(
    kind: str,
    id_: str,
    version: int,
    at: datetime,
    centre: str | None,
    course: str | None,
    content: Resource,
    deleted: bool = False,
) -> Stored:
    """With what only a server says of a version."""
    meta = {"versionId": str(version), "lastUpdated": streaming.moment(at)} | content.get("meta", {})
    return Stored(kind, id_, version, at, centre, course, deleted, _headed(content, meta))


def _headed(content: Resource, meta: dict[str, Any]) -> Resource:
    """The resource in R4's order: type, id, meta, the rest."""
    head = {"resourceType": content["resourceType"], "id": content["id"], "meta": meta}
    if [*content][:3] == ["resourceType", "id", "meta"]:
        return content | head
    return head | {name: said for name, said in content.items() if name != "meta"}


def _aware(at: datetime) -> datetime:
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


_COLUMNS = select(
    *(heads.c.course, heads.c.kind, heads.c.id, heads.c.centre, versions.c.version),
    *(type_coerce(versions.c.at, DateTime), type_coerce(versions.c.content, LargeBinary)),
)
_WANTED = (heads.c.course.in_(bindparam("of_courses", expanding=True)), versions.c.deleted.is_(False))
