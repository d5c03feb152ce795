"""Part of a resource, as `_summary` and `_elements` ask for it, marked SUBSETTED so that nobody stores it as the whole.

`elements.csv` names each type's elements: which are mandatory, which modify the meaning of the others, which belong to
the summary, as the structure definitions of R4 4.0.1 say. `value[x]` stands for every type of that choice.
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from mappings.canonicals import OBSERVATION_VALUE
from mappings.r4.build import Resource, coding

SUBSETTED = coding(OBSERVATION_VALUE, "SUBSETTED")

ALWAYS = frozenset({"resourceType", "id", "meta", "implicitRules", "modifierExtension"})
"""What every part has: who it is, and what would change the meaning of the rest."""

OF_EVERY_TYPE = frozenset({"id", "meta", "implicitRules", "language", "text", "contained", "extension"}) | {
    "modifierExtension"
}


@dataclass(frozen=True, slots=True)
class Outline:
    """The elements of a type. `kept`: mandatory ones and modifiers, which no part may lack."""

    kept: frozenset[str]
    summary: frozenset[str]
    elements: frozenset[str]


@cache
def outlines() -> dict[str, Outline]:
    """By type."""
    lines = files("mappings.r4").joinpath("elements.csv").read_text("ascii").splitlines()
    return {
        row["type"]: Outline(
            frozenset(row["mandatory"].split()) | frozenset(row["modifier"].split()),
            frozenset(row["summary"].split()),
            frozenset(row["elements"].split()) | OF_EVERY_TYPE,
        )
        for row in csv.DictReader(lines)
    }


def summary(resource: Resource) -> Resource:
    """The elements that R4 marks as summary."""
    outline = outlines()[resource["resourceType"]]
    return _part(resource, outline.summary | outline.kept)


def narrative(resource: Resource) -> Resource:
    """The text for a person, and what no part may lack."""
    return _part(resource, outlines()[resource["resourceType"]].kept | {"text"})


def data(resource: Resource) -> Resource:
    """Everything but the text."""
    return _marked({name: said for name, said in resource.items() if name != "text"})


def only(resource: Resource, names: Collection[str]) -> Resource:
    """The named elements, and what no part may lack."""
    outline = outlines()[resource["resourceType"]]
    return _part(resource, outline.kept | {_whole(name, outline) for name in names})


def knows(kind: str, name: str) -> bool:
    """Has this type such an element at its root? A choice is known by its stem, with or without `[x]` or its type."""
    outline = outlines()[kind]
    return _whole(name, outline) in outline.elements


def _part(resource: Resource, elements: Collection[str]) -> Resource:
    return _marked({key: said for key, said in resource.items() if key in ALWAYS or _belongs(key, elements)})


def _belongs(key: str, elements: Collection[str]) -> bool:
    name = key.removeprefix("_")
    return name in elements or any(_is_type_of(name, choice) for choice in elements)


def _is_type_of(name: str, choice: str) -> bool:
    """`medicationReference` is a type of `medication[x]`."""
    stem, bracket, _ = choice.partition("[")
    return bool(bracket) and name.startswith(stem) and name[len(stem) :][:1].isupper()


def _whole(name: str, outline: Outline) -> str:
    """The name of an element as the outline has it: `medication` and `medicationReference` are `medication[x]`."""
    if name in outline.elements:
        return name
    stems = (one for one in outline.elements if one == f"{name}[x]" or _is_type_of(name, one))
    return next(stems, name)


def _marked(resource: Resource) -> Resource:
    meta: dict[str, Any] = resource.get("meta", {})
    tags = [tag for tag in meta.get("tag", []) if tag != SUBSETTED]
    marked = {"meta": meta | {"tag": [*tags, SUBSETTED]}}
    head = {name: resource[name] for name in ("resourceType", "id") if name in resource}
    return head | marked | {name: said for name, said in resource.items() if name not in (*head, "meta")}
