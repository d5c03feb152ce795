"""What stands where: the types of all elements of a resource, read from its packaged schema.

So the invariants of a data type are looked for where that type stands, and never guessed from an element's keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from mappings.r4 import (
    bundle_rules,
    clinical_rules,
    codes,
    datatype_rules,
    definition_rules,
    structure_rules,
    units,
    wire,
)
from mappings.r4.primitives import INTEGERS
from mappings.r4.rule import Rule
from mappings.r4.typenames import RESOURCE_TYPES

COMPANION = "FHIRPrimitiveExtension"
"""The type of `_name`: the value, if any, stands in `name`."""

_TABLES = (
    datatype_rules.RULES,
    clinical_rules.RULES,
    definition_rules.RULES,
    structure_rules.RULES,
    bundle_rules.RULES,
    {"Coding": (codes.RULE,), **dict.fromkeys(("Quantity", "Age", "Count", "Distance", "Duration"), (units.RULE,))},
)


@dataclass(slots=True)
class Shape:
    """One type: its rules, the shapes of its children, and which of its elements are whole numbers."""

    name: str
    rules: tuple[Rule, ...]
    children: dict[str, tuple[Shape, frozenset[str]]] = field(default_factory=dict)
    """With the types that a Reference may refer to there."""
    integers: frozenset[str] = frozenset()


@cache
def schema(resource_type: str) -> dict[str, Any] | None:
    """The packaged JSON Schema of a resource type, None where we have none."""
    file = files("mappings.r4.schemas").joinpath(f"{resource_type}.json")
    return wire.decode(file.read_bytes()) if file.is_file() else None


def rules_of(name: str) -> tuple[Rule, ...]:
    """The rules of a type, wherever it stands."""
    return tuple(rule for table in _TABLES for rule in table.get(name, ()))


def definitions(name: str) -> dict[str, Any]:
    """Every type that the schema of a resource type knows; of a data type, those of a schema that has it."""
    document = schema(name if name in RESOURCE_TYPES else "Observation")
    if document is None:
        raise LookupError(name)
    found: dict[str, Any] = document["$defs"]
    return found


@cache
def shape(resource_type: str) -> Shape:
    """The shape of a resource type that has a schema."""
    return _Reader(definitions(resource_type)).read(resource_type)


class _Reader:
    def __init__(self, definitions: dict[str, Any]) -> None:
        self.definitions = definitions
        self.known: dict[str, Shape] = {}

    def read(self, name: str) -> Shape:
        if name not in self.known:
            out = self.known[name] = Shape(name, rules_of(name))
            self._fill(out, self.definitions[name]["properties"])
        return self.known[name]

    def _fill(self, out: Shape, properties: dict[str, Any]) -> None:
        integers = set()
        for key, item in properties.items():
            name, targets = type_of(item)
            if name.startswith("p-"):
                integers |= {key} if name.removeprefix("p-") in INTEGERS else set()
            elif name:
                out.children[key] = (self.read(name), targets)
        out.integers = frozenset(integers)


def type_of(item: Any) -> tuple[str, frozenset[str]]:
    """Name of the definition of an element ("" where there is none) and what it may refer to."""
    item = item.get("items", item)
    item = item.get("anyOf", [item])[0]
    first, *more = item.get("allOf", [item])
    said = more[0].get("$comment", "Resource") if more else "Resource"
    return first.get("$ref", "").rpartition("/")[2], frozenset(said.split("|"))
