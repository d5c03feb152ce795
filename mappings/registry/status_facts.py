"""How patient and leukaemia stood, read back: vital status, performance, response to treatment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mappings.canonicals import Canonicals
from mappings.facts import MinimalResidualDisease, PartialDate, Response, Said, VitalStatus, Word
from mappings.r4.build import Resource
from mappings.registry.elements import answer, fact, moment, number, plain, reference, targets, word
from mappings.registry.pieces import Piece, Pieces, Told

OBSERVED = frozenset({"response", "marrow-blasts", "mrd", "vital-status", "cause-of-death", "karnofsky"})
"""What Observations are read here."""


@dataclass(frozen=True, slots=True)
class Performance:
    """Karnofsky in per cent."""

    date: Said[PartialDate]
    karnofsky: Said[int]


def of_observation(resource: Resource, observed: str, canonicals: Canonicals) -> Iterator[Piece]:
    """A response or what it rests on, a vital status or its cause, a performance status."""
    source, when = reference(resource), moment(resource, "effective")
    match observed:
        case "response":
            said = {"date": when, "category": answer(resource, "response", canonicals)}
            yield Piece("response", source, said, targets(resource.get("derivedFrom")))
        case "marrow-blasts":
            yield Piece("response-part", source, {"date": when, "marrow_blasts_percent": number(resource)})
        case "mrd":
            yield Piece("response-part", source, {"date": when, "mrd": _residual(resource, canonicals)})
        case "vital-status":
            said = {"date": when, "status": answer(resource, "vital-status", canonicals)}
            yield Piece("vital-status", source, said)
        case "cause-of-death":
            yield Piece("cause", source, {"date": when, "cause": answer(resource, "cause", canonicals)})
        case "karnofsky":
            score = _whole(resource) if "valueQuantity" in resource else plain(resource, "valueInteger")
            yield Piece("performance", source, Performance(when, score))


def responses(pieces: Pieces) -> Iterator[Told[Response]]:
    """Each response with the blasts and the residual disease that it names, or else those of its day.

    Blasts or residual disease of a day without a response are one without a category.
    """
    free = list(pieces.of("response-part"))
    for piece in pieces.of("response"):
        own = [part for part in free if part.source in piece.about]
        own += [part for part in free if part not in own and not piece.about and _same_day(part, piece)]
        free = [part for part in free if part not in own]
        yield Told(fact(Response, **_joined(own), **piece.said), piece.source)
    while free:
        own = [part for part in free if part is free[0] or _same_day(part, free[0])]
        yield Told(fact(Response, category=None, **_joined(own), date=free[0].said["date"]), free[0].source)
        free = [part for part in free if part not in own]


def vital_statuses(pieces: Pieces) -> Iterator[Told[VitalStatus]]:
    """Each as it was told; the cause of death beside the death of its day, or else beside every death."""
    causes = [piece.said for piece in pieces.of("cause")]
    for piece in pieces.of("vital-status"):
        status, cause = piece.said["status"], None
        if isinstance(status, Word) and status.key == "dead":
            own = [said for said in causes if said["date"] == piece.said["date"]] or causes
            cause = own[-1]["cause"] if own else None
        yield Told(fact(VitalStatus, status=status, date=piece.said["date"], cause=cause), piece.source)


def _same_day(one: Piece, other: Piece) -> bool:
    day = one.said["date"]
    return isinstance(day, PartialDate) and day == other.said["date"]


def _joined(parts: list[Piece]) -> dict[str, Any]:
    return {name: said for part in parts for name, said in part.said.items() if name != "date"}


def _residual(resource: Resource, canonicals: Canonicals) -> MinimalResidualDisease:
    method = word(resource.get("method"), "mrd-method", canonicals)
    return fact(MinimalResidualDisease, result=answer(resource, "mrd", canonicals), method=method)


def _whole(resource: Resource) -> Said[int]:
    """Elsewhere the score is a Quantity."""
    value = number(resource)
    return int(value) if isinstance(value, Decimal) and value == int(value) else None
