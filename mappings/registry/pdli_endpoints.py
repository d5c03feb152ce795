"""Prophylactic donor lymphocytes (pDLI): for how many they were possible and given, how often, and GVHD after them.

Possible: the protocol's gate was met on some day. Feasible: at least one was given. Of all grafted, and of those alive
and relapse-free on day 120. An infusion after a relapse is none, unless the centre gives it a number of the protocol.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.facts import ChronicGvhd, Word
from mappings.registry.day_axis import Notes, Placed
from mappings.registry.followed import Followed, Happened
from mappings.registry.gvhd_endpoints import ACUTE, CHRONIC, not_looked, worst
from mappings.registry.judged import AnyRow, Found, Verdict
from mappings.registry.pdli_gate import FIRST_DAY, gate
from mappings.registry.pieces import Told
from mappings.registry.scheduled import GRAFTED, found, share

ON_DAY_120 = f"alive and relapse-free on day {FIRST_DAY}"
POSSIBLE_ONES = "pDLI possible"
PLANNED = 3
"""Injections of the protocol."""


@dataclass(frozen=True, slots=True)
class Lymphocytes:
    """`given`: infusions; `reasons`: why others were withheld."""

    given: int
    possible: bool
    on_day_120: bool
    reasons: tuple[str, ...]


def feasibility(followed: Followed, _: Sequence[int | None]) -> Found:
    """What was possible, what was given, and why not."""
    notes, axis = Notes(), followed.axis
    given, way = infusions(followed, notes), gate(followed)
    if given and way.met_on is None:
        notes.listed.append("pDLI given though its gate is not known to have been met: counted as given")
    if way.unknown:
        notes.listed.append("pDLI not taken to have been possible: " + "; ".join(way.unknown))
    alive = axis.end >= FIRST_DAY and (axis.died is None or axis.died > FIRST_DAY)
    free = followed.relapsed is None or followed.relapsed > FIRST_DAY
    said = Lymphocytes(len(given), way.met_on is not None, alive and free, tuple(sorted(set(_reasons(followed)))))
    return found(followed, {None: said}, [(place, None) for place in given], notes)


def feasibility_rows(endpoint: str, _: int | None, seen: Counter[Lymphocytes]) -> Iterator[AnyRow]:
    """Given and possible, of each denominator; infusions per patient, and reasons, beside each."""
    on_120 = Counter({one: count for one, count in seen.items() if one.on_day_120})
    possible = Counter({one: count for one, count in seen.items() if one.possible})
    for among, of in ((GRAFTED, seen), (ON_DAY_120, on_120), (POSSIBLE_ONES, possible)):
        given = sum(count for one, count in of.items() if one.given)
        yield share(endpoint, None, given, of.total(), among, "given", _beside(of))
    for among, of in ((GRAFTED, seen), (ON_DAY_120, on_120)):
        yield share(endpoint, None, sum(n for one, n in of.items() if one.possible), of.total(), among, "possible")


def gvhd_after(followed: Followed) -> Verdict | None:
    """Event: the first GVHD, acute or chronic, after the first pDLI, from whose day it counts. Relapse, death compete.

    None of patients who had no pDLI, and of those who had relapsed before it.
    """
    notes = Notes()
    given = infusions(followed, notes)
    if not given or (followed.relapsed is not None and followed.relapsed < given[0].day):
        return None
    first = given[0].day
    event = first_episode_after(followed, first, notes)[0]
    looked = tuple(text for kind in ("acute", "chronic") for text in not_looked(followed, kind).listed)
    happened = Happened(event, tuple(notes.excluded), (*notes.listed, *looked))
    rivals = (followed.relapsed, followed.died)
    return followed.verdict(happened, rivals, followed.relapse, Happened(given[0]), origin=first)


def first_episode_after(followed: Followed, day: int, notes: Notes) -> tuple[Placed | None, list[Told[Any]]]:
    """The first onset of GVHD after a day, and all such episodes; on that day, where they are said to be due to it."""
    after: list[tuple[Placed, Told[Any]]] = []
    episodes: list[Told[Any]] = [*followed.facts.acute_gvhd, *followed.facts.chronic_gvhd]
    for one in episodes:
        if worst(one.fact) == 0:
            continue
        place = followed.axis.place(one.fact.onset, "GVHD", one.source, notes)
        named = isinstance(one.fact, ChronicGvhd) and isinstance(one.fact.after_dli, int)
        if place and (place.day > day or (named and place.day == day)):
            after.append((place, one))
    return min((place for place, _ in after), default=None), [one for _, one in after]


def severity_after(followed: Followed) -> Iterator[tuple[str, str]]:
    """(`worst_acute`, `worst_chronic` or `treatment`, word) of the GVHD after the first pDLI of one patient."""
    given = infusions(followed, Notes())
    _, episodes = first_episode_after(followed, given[0].day, Notes())
    acute = [
        place for one in episodes if not isinstance(one.fact, ChronicGvhd) if (place := worst(one.fact)) is not None
    ]
    chronic = [place for one in episodes if isinstance(one.fact, ChronicGvhd) if (place := worst(one.fact)) is not None]
    if acute:
        yield "worst_acute", ACUTE[max(acute)]
    if chronic:
        yield "worst_chronic", CHRONIC[max(chronic)]
    for word in sorted({word for one in episodes for word in _treatments(one.fact.treatment)}):
        yield "treatment", word


def infusions(followed: Followed, notes: Notes) -> list[Placed]:
    """Prophylactic infusions in order; the same number told twice is one."""
    known: dict[object, Placed] = {}
    for one in followed.facts.infusions:
        place = followed.axis.place(one.fact.date, "pDLI", one.source, notes)
        numbered = isinstance(one.fact.number, int)
        if place is None:
            continue
        if followed.relapsed is not None and place.day > followed.relapsed:
            if not numbered:
                notes.listed.append("donor lymphocytes after a relapse: not prophylactic, not counted")
                continue
            notes.listed.append("pDLI after a relapse: counted, because it has a number of the protocol")
        known.setdefault(one.fact.number if numbered else place.day, place)
    return sorted(known.values())


def _reasons(followed: Followed) -> Iterator[str]:
    """Of those known by the cut-off; one of a day that nobody knows is."""
    axis = followed.axis
    for one in followed.facts.withheld:
        if (axis.day_or_middle(one.fact.date) or axis.zero) > axis.as_of:
            continue
        yield one.fact.reason.key if isinstance(one.fact.reason, Word) else "not told"


def _beside(of: Counter[Lymphocytes]) -> dict[str, Any]:
    """Infusions per patient as 0 to 3 (more where there were more), and reasons."""
    most = max([PLANNED, *(one.given for one in of)])
    per_patient = {str(given): sum(n for one, n in of.items() if one.given == given) for given in range(most + 1)}
    reasons = Counter(reason for one, n in of.items() for reason in one.reasons for _ in range(n))
    return {"infusions": per_patient, "reasons_not_given": dict(sorted(reasons.items()))}


def _treatments(said: object) -> Iterator[str]:
    if isinstance(said, tuple):
        yield from (word.key for word in said if isinstance(word, Word))
