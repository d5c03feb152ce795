"""Assessments read back: response, engraftment as reported, blood counts, lymphocyte subsets, platelet transfusions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mappings.canonicals import Canonicals
from mappings.facts import Measured, Missing, PartialDate, Response, Said, Word
from mappings.r4.build import Resource
from mappings.registry.elements import answer, measured, moment, reference
from mappings.registry.pieces import Piece
from mappings.terminology.codes import key_of

LINES = ("neutrophils", "platelets")
SUBSETS = ("cd4", "cd8", "treg", "nk", "b")


@dataclass(frozen=True, slots=True)
class CellCount:
    """One count of `cells`: a line of LINES or a subset of SUBSETS, in the unit that was written."""

    cells: str
    date: Said[PartialDate]
    value: Measured


@dataclass(frozen=True, slots=True)
class ReportedRecovery:
    """What the centre says of one line: `engrafted` and the others of the interface, with their date."""

    line: str
    status: Word
    date: Said[PartialDate]


def of_observation(resource: Resource, observed: str, canonicals: Canonicals) -> Iterator[Piece]:
    """A response, a recovery or a count; one without a value says nothing here."""
    source, when = reference(resource), moment(resource, "effective")
    if observed == "response":
        category = answer(resource, "response", canonicals)
        if isinstance(category, Word):
            yield Piece("response", source, Response(_date(when), category))
    elif observed in (*LINES, *SUBSETS):
        value = measured(resource)
        if isinstance(value, Measured):
            yield Piece("count", source, CellCount(observed, when, value))
    elif observed.removeprefix("engraftment-") in LINES:
        status = answer(resource, "engraftment", canonicals)
        if isinstance(status, Word):
            yield Piece("recovery", source, ReportedRecovery(observed.removeprefix("engraftment-"), status, when))


def of_procedure(resource: Resource, canonicals: Canonicals) -> Iterator[Piece]:
    """A platelet transfusion that took place."""
    if key_of("procedures", resource.get("code", {}), canonicals) == "platelet-transfusion":
        yield Piece("transfusion", reference(resource), moment(resource, "performed"))


def _date(when: Said[PartialDate]) -> PartialDate | Missing:
    return when if when is not None else Missing("unknown")
