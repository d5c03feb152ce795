"""One version of a resource as it stands in the database, and the statements that read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select

from adapter.store import streaming
from adapter.store.schema import resource_heads as heads
from adapter.store.schema import resource_versions as versions
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


def there() -> ColumnElement[bool]:
    return versions.c.deleted.is_(False)


_OF_HEAD = (heads.c.key, heads.c.kind, heads.c.id, heads.c.centre, heads.c.course)
_OF_VERSION = (versions.c.version, versions.c.hash, versions.c.deleted, versions.c.content, versions.c.at)
COLUMNS = (*_OF_HEAD, *_OF_VERSION)
"""What `of` reads."""


def newest() -> Select[Any]:
    return select(*COLUMNS).join_from(heads, versions, streaming.version_of())


def every(kind: str, id_: str) -> Select[Any]:
    joined = select(*COLUMNS).join_from(heads, versions, versions.c.key == heads.c.key)
    return joined.where(heads.c.kind == kind, heads.c.id == id_)


def of(row: Row[Any]) -> Stored:
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
    meta = {"versionId": str(version), "lastUpdated": streaming.moment(at)} | content.get("meta", {})
    return Stored(kind, id_, version, at, centre, course, deleted, _headed(content, meta))


def _headed(content: Resource, meta: dict[str, Any]) -> Resource:
    """The resource in R4's order: type, id, meta, the rest."""
    head = {"resourceType": content["resourceType"], "id": content["id"], "meta": meta}
    if [*content][:3] == ["resourceType", "id", "meta"]:
        return content | head
    return head | {name: said for name, said in content.items() if name != "meta"}
