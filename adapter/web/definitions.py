"""The protocols as PlanDefinition and ActivityDefinition, made once and kept in memory: they change with a release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from mappings.canonicals import Canonicals
from mappings.plan.definition import definitions
from mappings.protocol import load, names
from mappings.r4.build import Resource
from mappings.r4.wire import content_hash

KINDS = ("PlanDefinition", "ActivityDefinition")
PARAMETERS = ("_id", "identifier", "name", "status", "url", "version")


@dataclass(frozen=True)
class Definitions:
    """Every definition of every shipped protocol under one canonical base."""

    canonicals: Canonicals

    @cached_property
    def _all(self) -> dict[tuple[str, str], Resource]:
        made = [made for name in names() for made in definitions(load(name), self.canonicals)]
        return {(resource["resourceType"], resource["id"]): _versioned(resource) for resource in made}

    def get(self, kind: str, id_: str) -> Resource | None:
        """One definition; its `meta.versionId` is a hash of what it says."""
        return self._all.get((kind, id_))

    def search(self, kind: str, parameters: Sequence[tuple[str, str]]) -> list[Resource]:
        """Definitions that meet every parameter, by id."""
        found = [resource for (of, _), resource in sorted(self._all.items()) if of == kind]
        return [one for one in found if all(_meets(one, name, value) for name, value in parameters)]


def _versioned(resource: Resource) -> Resource:
    return resource | {"meta": resource["meta"] | {"versionId": content_hash(resource)[:16]}}


def _meets(resource: Resource, name: str, value: str) -> bool:
    return any(_is(resource, name, choice) for choice in value.split(","))


def _is(resource: Resource, name: str, value: str) -> bool:
    match name:
        case "_id":
            return bool(resource["id"] == value)
        case "identifier":
            system, bar, code = value.rpartition("|")
            return any(i["value"] == code and (not bar or i["system"] == system) for i in resource["identifier"])
        case "name":
            return bool(resource["name"].lower().startswith(value.lower()))
        case _:
            return bool(resource[name] == value.rpartition("|")[2] if name == "status" else resource[name] == value)
