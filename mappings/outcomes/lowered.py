"""GVHD of which a later visit tells less at its worst than an earlier one did.

The resources keep the worse one; only the visits show that the two do not go together. A grade that was told too high
is mended in the form that told it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mappings.facts import AcuteGvhd, ChronicGvhd, FollowUp, Gvhd, PartialDate, Said, Word
from mappings.outcomes.retold import Key, known_as

Episode = AcuteGvhd | ChronicGvhd
KINDS = {"acute": ("0", "I", "II", "III", "IV"), "chronic": ("none", "mild", "moderate", "severe")}
"""Lists of a form, each with its grades from the least."""


@dataclass(frozen=True, slots=True)
class Lowered:
    """`before` and `after`: the keys of the visits, each with what it told. `resolved`: is an end told by then?"""

    kind: str
    onset: str
    before: tuple[str, str]
    after: tuple[str, str]
    resolved: bool


def lowered(visits: Sequence[FollowUp]) -> Iterator[Lowered]:
    """Each fall from the worst that was told before, in the order of the visits (oldest first)."""
    for kind, scale in KINDS.items():
        worst: dict[Key, tuple[str, str]] = {}
        resolved: set[Key] = set()
        for visit in visits:
            for one in _episodes(visit, kind):
                key, grade = known_as(one, visit), _word(one.grade if isinstance(one, AcuteGvhd) else one.severity)
                resolved |= {key} if isinstance(one.resolved, PartialDate) else set()
                if grade not in scale:
                    continue
                before = worst.setdefault(key, (visit.key, grade))
                if scale.index(grade) < scale.index(before[1]):
                    yield Lowered(kind, _onset(one), before, (visit.key, grade), key in resolved)
                else:
                    worst[key] = (visit.key, grade)


def _episodes(visit: FollowUp, kind: str) -> tuple[Episode, ...]:
    told = getattr(visit.gvhd, kind) if isinstance(visit.gvhd, Gvhd) else None
    return told if isinstance(told, tuple) else ()


def _word(said: Said[Word]) -> str | None:
    return said.key if isinstance(said, Word) else None


def _onset(one: Episode) -> str:
    return str(one.onset) if isinstance(one.onset, PartialDate) else "a day that is not told"
