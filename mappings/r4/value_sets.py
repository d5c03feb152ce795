"""Our value sets, as far as a program can hold a code against them without a terminology server.

Listed codes, and every code of our own code system, are known one by one. Of other people's systems that a set takes
whole, or by a filter, only the system is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mappings.r4.artefacts import artefact, named

Pair = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Codes:
    """What belongs to a value set: (system, code) pairs, and systems that belong whole."""

    name: str
    listed: frozenset[Pair]
    whole: frozenset[str]
    bare: frozenset[str | None]
    """The listed codes without their systems, for elements that carry a code alone."""

    def hold(self, value: Any) -> bool:
        """Is it in the set? A CodeableConcept is when one of its codings is; a Quantity by its unit."""
        if isinstance(value, str):
            return value in self.bare or bool(self.whole)
        codings = value.get("coding", ()) if "system" not in value else (value,)
        for one in codings:
            system = one.get("system")
            if (system, one.get("code")) in self.listed or system in self.whole:
                return True
        return False


@lru_cache(maxsize=512)
def value_set(url: str, base: str) -> Codes | None:
    """A value set of ours by its canonical; None where it is somebody else's or takes in one that is."""
    name = named(url, "ValueSet", base)
    found = artefact("ValueSet", name, base) if name else None
    compose = (found or {}).get("compose")
    if name is None or compose is None:
        return None
    parts = [_part(include, base) for include in compose["include"]]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    barred = {pair for exclude in compose.get("exclude", ()) for pair in _pairs(exclude, base)}
    listed = frozenset(pair for pairs, _ in known for pair in pairs) - barred
    whole = frozenset(system for _, systems in known for system in systems)
    return Codes(name, listed, whole, frozenset(code for _, code in listed))


def _part(include: dict[str, Any], base: str) -> tuple[set[Pair], set[str]] | None:
    """The pairs and the whole systems of one include."""
    if "valueSet" in include:
        inner = [value_set(url, base) for url in include["valueSet"]]
        if "system" in include or len(inner) > 1 or inner[0] is None:
            return None  # an intersection; none of ours is one
        return set(inner[0].listed), set(inner[0].whole)
    pairs = set(_pairs(include, base))
    return (pairs, set()) if pairs else (set(), {include["system"]})


def _pairs(include: dict[str, Any], base: str) -> Iterator[Pair]:
    system = include["system"]
    if "concept" in include:
        yield from ((system, concept["code"]) for concept in include["concept"])
    elif "filter" not in include:
        name = named(system, "CodeSystem", base)
        ours = artefact("CodeSystem", name, base) if name else None
        yield from ((system, code) for code in _all((ours or {}).get("concept", ())))


def _all(concepts: Iterable[dict[str, Any]]) -> Iterator[str]:
    for concept in concepts:
        yield concept["code"]
        yield from _all(concept.get("concept", ()))
