"""Protocols as PlanDefinition, ActivityDefinition and ResearchStudy; our profiles, operations, forms and codes.

Made once and kept in memory: they change with a release, or with the protocols that a deployment names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from importlib.resources import files

from adapter.store.catalogue import Catalogue
from adapter.store.criteria import Criterion
from adapter.store.paging import Window
from adapter.store.resources import Page
from mappings.canonicals import DEFAULT_BASE, Canonicals
from mappings.plan.definition import definitions
from mappings.plan.study import study
from mappings.protocol import load, names
from mappings.r4.build import Resource
from mappings.r4.wire import content_hash

PLANS = ("PlanDefinition", "ActivityDefinition")
CONFORMANCE = (
    *("CodeSystem", "ConceptMap", "Library", "Measure", "NamingSystem", "OperationDefinition"),
    *("Questionnaire", "StructureDefinition", "ValueSet"),
)
"""What `profiles/` holds for others to read: what a `meta.profile`, a binding or an operation names."""

KINDS = (*PLANS, "ResearchStudy", *CONFORMANCE)


@dataclass(frozen=True)
class Definitions:
    """Every definition of every protocol, and every conformance resource, under one canonical base."""

    canonicals: Canonicals

    @cached_property
    def _all(self) -> dict[tuple[str, str], Resource]:
        plans = (made for name in names() for made in definitions(load(name), self.canonicals))
        studies = (study(load(name), self.canonicals) for name in names())
        made = (*plans, *studies, *_conformance(self.canonicals.base))
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


def _conformance(base: str) -> Iterator[Resource]:
    """The resources of `profiles/`, whose URLs are those of this deployment."""
    for file in files("profiles").iterdir():
        if file.name.startswith(tuple(f"{kind}-" for kind in CONFORMANCE)):
            yield json.loads(file.read_text("utf-8").replace(DEFAULT_BASE, base), parse_float=Decimal)


def _versioned(resource: Resource) -> Resource:
    return resource | {"meta": resource.get("meta", {}) | {"versionId": content_hash(resource)[:16]}}
