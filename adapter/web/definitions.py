"""The protocols as PlanDefinition and ActivityDefinition, made once and kept in memory: they change with a release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from adapter.store.catalogue import Catalogue
from adapter.store.criteria import Criterion
from adapter.store.paging import Window
from adapter.store.resources import Page
from mappings.canonicals import Canonicals
from mappings.plan.definition import definitions
from mappings.protocol import load, names
from mappings.r4.build import Resource
from mappings.r4.wire import content_hash

KINDS = ("PlanDefinition", "ActivityDefinition")


@dataclass(frozen=True)
class Definitions:
    """Every definition of every shipped protocol under one canonical base."""

    canonicals: Canonicals

    @cached_property
    def _all(self) -> dict[tuple[str, str], Resource]:
        made = [made for name in names() for made in definitions(load(name), self.canonicals)]
        return {(resource["resourceType"], resource["id"]): _versioned(resource) for resource in made}

    @cached_property
    def _catalogue(self) -> Catalogue:
        return Catalogue(resource for _, resource in sorted(self._all.items()))

    def get(self, kind: str, id_: str) -> Resource | None:
        """One definition; its `meta.versionId` is a hash of what it says."""
        return self._all.get((kind, id_))

    def search(self, kind: str, criteria: Sequence[Criterion], window: Window) -> tuple[Page, list[Resource]]:
        """The page that `Catalogue.search` finds, and its definitions as they are read."""
        found = self._catalogue.search(kind, criteria, window)
        return found, [self._all[one.kind, one.id] for one in found.matches]


def _versioned(resource: Resource) -> Resource:
    return resource | {"meta": resource["meta"] | {"versionId": content_hash(resource)[:16]}}
