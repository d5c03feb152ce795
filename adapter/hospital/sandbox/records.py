"""What the sandbox remembers: every version of every resource, in memory, changed all or nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from adapter.hospital.references import local_targets
from adapter.hospital.sandbox.refusal import Refusal
from mappings.r4 import wire
from mappings.r4.build import Resource

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one resource; `content` is None where this version is its deletion."""

    kind: str
    id: str
    number: int
    at: datetime
    method: str
    content: Resource | None

    @property
    def etag(self) -> str:
        """As in the `ETag` header."""
        return f'W/"{self.number}"'

    @property
    def address(self) -> str:
        """`Type/id/_history/n`."""
        return f"{self.kind}/{self.id}/_history/{self.number}"


class Records:
    """Not locked: its owner lets in one request at a time."""

    def __init__(self, clock: Callable[[], datetime], publish: Callable[[Sequence[Version]], None]) -> None:
        self._clock = clock
        self._publish = publish
        self._kinds: dict[str, dict[str, tuple[Version, ...]]] = {}
        self._before: dict[Key, tuple[Version, ...]] = {}
        self._written: list[Version] = []

    def versions(self, kind: str, id_: str) -> tuple[Version, ...]:
        """Oldest first; empty for what never was."""
        return self._kinds.get(kind, {}).get(id_, ())

    def current(self, kind: str, id_: str) -> Version | None:
        """The newest version, a deletion included."""
        versions = self.versions(kind, id_)
        return versions[-1] if versions else None

    def of_kind(self, kind: str) -> Iterator[Version]:
        """Every version of every resource of a type."""
        for versions in self._kinds.get(kind, {}).values():
            yield from versions

    def living(self, kind: str) -> Iterator[tuple[Version, Resource]]:
        """Every resource of a type that is not deleted."""
        for versions in self._kinds.get(kind, {}).values():
            if versions and (content := versions[-1].content) is not None:
                yield versions[-1], content

    @contextmanager
    def unit(self) -> Iterator[None]:
        """All the writes inside, or none. Then the versions that they made are published."""
        self._before, self._written = {}, []
        try:
            yield
            self._check_references()
        except BaseException:
            for (kind, id_), versions in self._before.items():
                self._kinds[kind][id_] = versions
            raise
        self._publish(self._written)

    def put(self, kind: str, id_: str, content: Resource, method: str) -> tuple[Version, bool]:
        """The version that now is current, and whether this write made it: equal content makes none, as in HAPI."""
        last = self.current(kind, id_)
        if last and last.content is not None and wire.content_hash(last.content) == wire.content_hash(content):
            return last, False
        number = last.number + 1 if last else 1
        at = self._clock()
        stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        meta = {**(content.get("meta") or {}), "versionId": str(number), "lastUpdated": stamp}
        stored = {"resourceType": kind, "id": id_, "meta": meta} | {
            key: value for key, value in content.items() if key not in ("resourceType", "id", "meta")
        }
        return self._add(Version(kind, id_, number, at, method, stored)), True

    def delete(self, kind: str, id_: str) -> Version | None:
        """The deletion; None where there is nothing to delete."""
        last = self.current(kind, id_)
        if last is None or last.content is None:
            return None
        return self._add(Version(kind, id_, last.number + 1, self._clock(), "DELETE", None))

    def new_id(self) -> str:
        """A server-assigned id."""
        return str(uuid.uuid4())

    def _add(self, version: Version) -> Version:
        kept = self._kinds.setdefault(version.kind, {})
        versions = kept.get(version.id, ())
        self._before.setdefault((version.kind, version.id), versions)
        kept[version.id] = (*versions, version)
        self._written.append(version)
        return version

    def _check_references(self) -> None:
        """Referential integrity at the end of a unit, as HAPI keeps it by default."""
        gone = {(version.kind, version.id) for version in self._written if version.content is None}
        for version in self._written:
            for target in local_targets(version.content):
                there = self.current(*target)
                if there is None or there.content is None:
                    raise Refusal(400, f"{version.kind}/{version.id} refers to {'/'.join(target)}, which is not here")
        if gone:
            self._check_nothing_refers_to(gone)

    def _check_nothing_refers_to(self, gone: set[Key]) -> None:
        for kind in self._kinds:
            for version, content in self.living(kind):
                for target in local_targets(content):
                    if target in gone:
                        raise Refusal(409, f"{kind}/{version.id} still refers to {'/'.join(target)}")
