"""Measurements read back: counts, lymphocyte subsets, body measures; what was transfused, and how the graft took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from mappings.canonicals import Canonicals
from mappings.facts import Measured, Missing, PartialDate, Said, Word
from mappings.facts.recovery import THRESHOLDS, Recovered, recovered
from mappings.r4.build import Element, Resource
from mappings.registry.elements import answer, fact, gap, measured, moment, reference
from mappings.registry.pieces import Piece, Told
from mappings.terminology.codes import key_of

COUNTS = ("neutrophils", "platelets")
SUBSETS = ("cd4", "cd8", "treg", "nk", "b")
_MEASURES = {"weight": "weight", "height": "height", "weight-undated": "weight", "height-undated": "height"}
_RECOVERIES = {f"engraftment-{line}": line for line in COUNTS}

OBSERVED = frozenset({*COUNTS, *SUBSETS, *_MEASURES, *_RECOVERIES})
"""What Observations are read here."""


@dataclass(frozen=True, slots=True)
class Result:
    """One measured value; `of`: what was measured (`neutrophils`, `cd4`, `weight`)."""

    of: str
    date: Said[PartialDate]
    value: Said[Measured]


@dataclass(frozen=True, slots=True)
class Reported:
    """How one cell `line` recovered, as the centre reports it; `date` where engrafted or failed."""

    line: str
    status: Said[Word]
    date: Said[PartialDate] = None


@dataclass(frozen=True, slots=True)
class Transfusion:
    """Platelets were given (True), were not given (False), or nobody says (the reason)."""

    date: Said[PartialDate]
    given: Said[bool]


def of_observation(resource: Resource, observed: str, canonicals: Canonicals) -> Iterator[Piece]:
    """A count, a subset, a body measure, or a reported recovery."""
    source, when = reference(resource), moment(resource, "effective")
    if observed in COUNTS or observed in SUBSETS:
        yield Piece("count" if observed in COUNTS else "subset", source, Result(observed, when, measured(resource)))
    if observed in _MEASURES:
        yield Piece("measure", source, Result(_MEASURES[observed], when, measured(resource)))
    if observed in _RECOVERIES:
        said = Reported(_RECOVERIES[observed], answer(resource, "engraftment", canonicals), when)
        yield Piece("recovery", source, said)


def of_procedure(resource: Resource, canonicals: Canonicals) -> Iterator[Piece]:
    """A transfusion of platelets."""
    if key_of("procedures", resource.get("code", {}), canonicals) != "platelet-transfusion":
        return
    given = _given(resource)
    if given is not None:
        said = fact(Transfusion, date=moment(resource, "performed"), given=given)
        yield Piece("transfusion", reference(resource), said)


def shown_recovery(
    line: str, counts: Iterable[Told[Result]], transfusions: Iterable[Told[Transfusion]], day_zero: date
) -> Recovered | None:
    """Recovery of one cell line by the counts alone; values and transfusions without a day show nothing."""
    told = (one.fact for one in counts if one.fact.of == line)
    days = [
        (said.date.exact, said.value)
        for said in told
        if isinstance(said.date, PartialDate) and said.date.exact and isinstance(said.value, Measured)
    ]
    given = [one.fact.date for one in transfusions if line == "platelets" and one.fact.given is True]
    known = [day for day in given if isinstance(day, PartialDate)]
    return recovered(days, threshold=THRESHOLDS[line], day_zero=day_zero, transfusions=known)


def _given(resource: Element) -> Said[bool]:
    match resource.get("status"):
        case "completed" | "in-progress" | "stopped":
            return True
        case "not-done":
            return False
        case "unknown":
            return gap(resource.get("_performedDateTime")) or Missing("unknown")
    return None
