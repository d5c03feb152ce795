"""Whole courses, read together and decoded one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, DateTime, LargeBinary, bindparam, select, type_coerce

from adapter.store.schema import resource_heads as heads
from adapter.store.schema import resource_versions as versions
from adapter.store.stored import Stored, stored, there
from adapter.store.streaming import version_of
from mappings.r4 import wire


class Written(NamedTuple):
    """One version of one resource of a course, not yet decoded."""

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
    chosen = _COLUMNS.join_from(heads, versions, version_of(as_of, "Consent")).where(*_WANTED)
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


def _aware(at: datetime) -> datetime:
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


_COLUMNS = select(
    *(heads.c.course, heads.c.kind, heads.c.id, heads.c.centre, versions.c.version),
    *(type_coerce(versions.c.at, DateTime), type_coerce(versions.c.content, LargeBinary)),
)
_WANTED = (heads.c.course.in_(bindparam("of_courses", expanding=True)), there())
