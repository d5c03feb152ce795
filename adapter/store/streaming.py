"""Everything that is wanted, a few rows in memory at a time, and as bytes for who only passes it on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    LargeBinary,
    Select,
    and_,
    case,
    func,
    or_,
    select,
    type_coerce,
)

from adapter.store import search
from adapter.store.criteria import Criterion
from adapter.store.schema import resource_heads as heads
from adapter.store.schema import resource_index
from adapter.store.schema import resource_versions as versions
from mappings.r4 import wire

AT_ONCE = 200
"""Rows in memory."""

_heads, _earlier = heads.alias("others"), versions.alias("earlier")
_ROOT = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which newest versions. None: of every centre, type, age, patient, study. `since`: changed then or later; `until`:
    before; `after`: first stored after this key. `patients`: ids, with everything in their courses; `study`: of who is
    in it.

    `as_of`: not the newest versions, but those of that instant; who is meant is asked of the newest all the same.
    `searches`: by type, of which one must find the resource; a type without a search is wanted whole.
    """

    centres: Collection[str] | None = None
    kinds: Collection[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: int = 0
    patients: Collection[str] | None = None
    study: str | None = None
    searches: Mapping[str, Sequence[Sequence[Criterion]]] = field(default_factory=dict)
    as_of: datetime | None = None

    def select(self, *columns: Any, deleted: bool = False) -> Select[Any]:
        """Rows of heads and versions that are wanted, in the order in which they were first stored."""
        parts = [versions.c.deleted.is_(deleted), *self._searched()]
        if self.after:
            parts.append(heads.c.key > self.after)
        if self.centres is not None:
            parts.append(heads.c.centre.in_(sorted(self.centres)))
        if self.kinds is not None:
            parts.append(heads.c.kind.in_(sorted(self.kinds)))
        if self.since is not None:
            parts += [heads.c.at >= self.since, versions.c.at >= self.since]  # the first has an index
        if self.until is not None:
            parts.append(versions.c.at < self.until)
        if self.patients is not None:
            parts.append(_in_courses_of("Patient", _heads.c.id.in_(sorted(self.patients))))
        if self.study is not None:
            parts.append(_in_courses_of("ResearchSubject", _heads.c.key.in_(_subjects_of(self.study))))
        chosen = select(*columns).join_from(heads, versions, version_of(self.as_of))
        return chosen.where(*parts).order_by(heads.c.key).execution_options(yield_per=AT_ONCE)

    def _searched(self) -> Iterator[Any]:
        for kind, alternatives in self.searches.items():
            found = [and_(heads.c.kind == kind, search.condition(kind, one, self.centres)) for one in alternatives]
            yield or_(heads.c.kind != kind, *found)


def version_of(as_of: datetime | None = None, *newest: str) -> ColumnElement[bool]:
    """Joins to a head its newest version; with `as_of` the one of that instant, but for types that are `newest`."""
    if as_of is None:
        number: ColumnElement[Any] = heads.c.version
    else:
        then = select(func.max(_earlier.c.version)).where(_earlier.c.key == heads.c.key, _earlier.c.at <= as_of)
        settled = or_(heads.c.at <= as_of, heads.c.kind.in_(newest))
        number = case((settled, heads.c.version), else_=then.scalar_subquery())
    return and_(versions.c.key == heads.c.key, versions.c.version == number)


def _in_courses_of(kind: str, met: ColumnElement[bool]) -> ColumnElement[bool]:
    """Of the courses that have such a resource."""
    return heads.c.course.in_(select(_heads.c.course).where(_heads.c.kind == kind, met))


def _subjects_of(study: str) -> Select[Any]:
    columns = resource_index.c
    named = and_(columns.system == "ResearchStudy", columns.value == study)
    return select(columns.key).where(columns.kind == "ResearchSubject", columns.parameter == "study", named)


def lines(connection: Connection, wanted: Wanted) -> Iterator[tuple[int, str, bytes]]:
    """Key, type, and `Stored.content` as `wire.encode` writes it, of newest versions: the bytes that are stored, with
    what only a server says of a version put into their `meta`.
    """
    content, at = type_coerce(versions.c.content, LargeBinary), type_coerce(versions.c.at, DateTime)
    chosen = wanted.select(heads.c.key, heads.c.kind, heads.c.id, versions.c.version, at, content)
    with connection.execute(chosen) as rows:  # closed too where the reader stops before the end
        for key, kind, id_, version, written, said in rows:
            yield (
                key,
                kind,
                _headed(kind, id_, f'"versionId":"{version}","lastUpdated":"{moment(written)}"'.encode(), said),
            )


@lru_cache(maxsize=1024)
def moment(at: datetime) -> str:
    """An instant as `meta.lastUpdated` says it; one without a zone is in UTC."""
    naive = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    return f"{naive.isoformat(timespec='milliseconds')}Z"


def _headed(kind: str, id_: str, of_version: bytes, said: bytes) -> bytes:
    """Most of what is stored begins as R4 has it: type, id, meta."""
    head = f'{{"resourceType":"{kind}","id":"{id_}","meta":{{'.encode()
    if said.startswith(head + b'"'):
        return head + of_version + b"," + said[len(head) :]
    root: dict[str, Any] = _ROOT.decode(said)
    rest = {name: part for name, part in root.items() if name not in ("resourceType", "id", "meta")}
    meta = bytes(root.get("meta", b"{}"))
    mine = b"{" + of_version + (b"," if meta != b"{}" else b"") + meta[1:]
    return wire.encode({"resourceType": kind, "id": id_, "meta": msgspec.Raw(mine)} | rest)
