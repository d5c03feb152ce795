"""Who told what, as a folder of resources says it: centre and number of each patient, the documents behind facts.

A patient's number stands in our identifier; a document in the Provenance that `engraft export` writes with the rest.
What `engraft map` wrote has no Provenance, and a de-identified folder has neither.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapter.flows.courses import files_of
from mappings.canonicals import Canonicals
from mappings.r4 import wire
from mappings.r4.build import Element, Resource
from mappings.r4.faults import FaultyInput
from mappings.registry.elements import targets

_TYPE = re.compile(rb'"resourceType"\s*:\s*"(Patient|Provenance)"')

VISIT_PARTS = 3
"""Of the key of a follow-up: centre, patient, visit (and the date of an unscheduled one)."""


@dataclass(slots=True)
class Origins:
    """`numbers`: (centre, number) by id of the Patient. `visits`: how many visits of each centre were told.

    `documents`: keys of the documents behind each resource asked for, newest last. `known`: are documents told at all?
    """

    numbers: dict[str, tuple[str, str]] = field(default_factory=dict)
    visits: Counter[str] = field(default_factory=Counter)
    documents: dict[str, list[str]] = field(default_factory=dict)
    known: bool = False


def numbers_in(path: Path, canonicals: Canonicals) -> dict[str, tuple[str, str]]:
    """Centre and number of each patient who has our identifier."""
    found = {}
    for one in _read(path, "Patient"):
        values = _values(one.get("identifier", []), canonicals.sid("patient"))
        centre, slash, number = next(values, "").partition("/")
        if slash and isinstance(one.get("id"), str):
            found[one["id"]] = centre, number
    return found


def origins_in(path: Path, sources: Collection[str], canonicals: Canonicals) -> Origins:
    """Documents that are told of, and which of them tell `sources` (`Type/id`)."""
    found = Origins()
    for one in _read(path, "Provenance"):
        keys = [key for entity in one.get("entity", []) for key in _keys(entity, canonicals)]
        retracted = any(each.get("code") == "NULLIFY" for each in one.get("activity", {}).get("coding", []))
        for key in keys:
            found.known = True
            parts = key.split("/")
            found.visits[parts[0]] += len(parts) >= VISIT_PARTS and not retracted
            for target in set(targets(one.get("target"))) & set(sources):
                found.documents.setdefault(target, []).append(key)
    return found


def _keys(entity: Mapping[str, Any], canonicals: Canonicals) -> Iterator[str]:
    return _values([entity.get("what", {}).get("identifier", {})], canonicals.sid("document"))


def _values(identifiers: Iterable[Element], system: str) -> Iterator[str]:
    return (one["value"] for one in identifiers if one.get("system") == system and isinstance(one.get("value"), str))


def _read(path: Path, kind: str) -> Iterator[Resource]:
    """Resources of one type; a line that is none of ours was refused by who read the courses."""
    for file in files_of(path):
        with file.open("rb") as lines:
            for line in lines:
                match = _TYPE.search(line)
                if match and match[1].decode() == kind:
                    yield from _resource(line, kind)


def _resource(line: bytes, kind: str) -> Iterator[Resource]:
    try:
        said: Any = wire.decode(line)
    except FaultyInput:
        return
    if isinstance(said, dict) and said.get("resourceType") == kind:
        yield said
