"""What one resource contributes to the facts of a course, and how the pieces of one fact find each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from mappings.facts import PartialDate, Said
from mappings.r4.build import Resource

T = TypeVar("T")

_TOOK_PLACE = {
    "Procedure": {"completed", "in-progress", "stopped"},
    "Observation": {"final", "amended", "corrected", "preliminary"},
    "Encounter": {"arrived", "triaged", "in-progress", "onleave", "finished"},
    "MedicationAdministration": {"completed", "in-progress", "stopped", "on-hold"},
    "MedicationStatement": {"active", "completed", "stopped", "on-hold", "unknown"},
}
_NO_CONDITION = {"refuted", "entered-in-error"}


def holds(resource: Resource) -> bool:
    """Did it happen, and was it not taken back?"""
    if resource["resourceType"] == "Condition":
        said = resource.get("verificationStatus", {}).get("coding", [])
        return not any(coding.get("code") in _NO_CONDITION for coding in said)
    return resource.get("status") in _TOOK_PLACE[resource["resourceType"]]


@dataclass(frozen=True, slots=True)
class Piece:
    """`kind`: of which part of which fact; `about`: the resources that it says something of; `on`: when it was told."""

    kind: str
    source: str
    said: Any
    about: tuple[str, ...] = ()
    on: Said[PartialDate] = None


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """A fact, the resource that says it (`Type/id`), and, where it says so, the day on which it was told.

    `parts`: the resources that tell its steps, in the order of the steps, where they are resources of their own.
    """

    fact: T
    source: str
    on: Said[PartialDate] = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pieces:
    """Every piece of one patient, by kind."""

    by_kind: Mapping[str, Sequence[Piece]]

    @classmethod
    def sorted_out(cls, said: Iterable[Piece]) -> Pieces:
        """The pieces of one patient, in the order in which they were read."""
        found: dict[str, list[Piece]] = {}
        for piece in said:
            found.setdefault(piece.kind, []).append(piece)
        return cls(found)

    def of(self, kind: str) -> Iterator[Piece]:
        """Pieces of one kind."""
        return iter(self.by_kind.get(kind, ()))

    def about(self, source: str, kind: str) -> list[Piece]:
        """Pieces of one kind that say something of that resource."""
        return [piece for piece in self.of(kind) if source in piece.about]

    def told(self, kind: str) -> Iterator[Told[Any]]:
        """Facts that are one piece each."""
        return (Told(piece.said, piece.source, piece.on) for piece in self.of(kind))


def in_order(told: Iterable[Told[T]], when: str) -> tuple[Told[T], ...]:
    """By the first day that the date `when` of each can mean; what has none comes last."""

    def place(one: Told[T]) -> tuple[date, str]:
        said = getattr(one.fact, when)
        first = said.earliest if isinstance(said, PartialDate) else said
        return first if isinstance(first, date) else date.max, one.source

    return tuple(sorted(told, key=place))
