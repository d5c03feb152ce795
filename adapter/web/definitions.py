"""What describes protocols and forms and no patient, made once and kept in memory: it changes with a release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from mappings.r4 import wire
from mappings.r4.build import Resource
from mappings.r4.wire import content_hash

KINDS = ("PlanDefinition", "ActivityDefinition", "Questionnaire", "ResearchStudy")


@dataclass(frozen=True)
class Definitions:
    """Every definition of every shipped protocol, its study and the forms, under one canonical base."""

    canonicals: Canonicals

    @cached_property
    def _all(self) -> dict[tuple[str, str], Resource]:
        made = [made for name in names() for made in definitions(load(name), self.canonicals)]
        made += [study(load(name), self.canonicals) for name in names()]
        made += _questionnaires(self.canonicals)
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


def _questionnaires(canonicals: Canonicals) -> list[Resource]:
    """The forms of intake, under this deployment's base."""
    found = sorted(file.name for file in files("profiles").iterdir() if file.name.startswith("Questionnaire-"))
    texts = (files("profiles").joinpath(name).read_text("utf-8") for name in found)
    return [wire.decode(text.replace(DEFAULT_BASE, canonicals.base).encode()) for text in texts]


def _versioned(resource: Resource) -> Resource:
    return resource | {"meta": resource.get("meta", {}) | {"versionId": content_hash(resource)[:16]}}
