"""Relapse, chimerism, infections and quality of life read back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mappings.canonicals import Canonicals
from mappings.facts import Chimerism, Infection, QualityOfLife, Relapse, Word
from mappings.r4.build import Resource
from mappings.registry.elements import (
    absence,
    answer,
    fact,
    gap,
    moment,
    number,
    parts,
    plain,
    reference,
    targets,
    word,
)
from mappings.registry.pieces import Piece, Pieces, Told
from mappings.terminology.codes import key_of

OBSERVED = frozenset({"relapse-kind", "infection-agent", "chimerism", "quality-of-life"})
"""What Observations are read here."""

_KINDS = {"infection/bacterial", "infection/viral", "infection/fungal", "infection/parasitic"}
_SCALES = {"fact-bmt": "total", "eq-5d-index": "index", "eq-vas": "VAS"}
"""What a scale is called that has lost its words."""


def of_condition(resource: Resource, canonicals: Canonicals) -> Iterator[Piece]:
    """A relapse or an infection."""
    code, source = resource.get("code", {}), reference(resource)
    kind = key_of("conditions", code, canonicals) or ""
    if kind in ("relapse", "relapse-marrow"):
        evidence = [detail for each in resource.get("evidence", []) for detail in each.get("detail", [])]
        yield Piece("relapse", source, {"date": moment(resource, "onset")}, targets(evidence))
    elif infection := _infection(resource, canonicals):
        yield Piece("infection", source, infection)


def of_observation(resource: Resource, observed: str, canonicals: Canonicals) -> Iterator[Piece]:
    """A kind of relapse, the agent of an infection, a share of the donor, scores."""
    source, when = reference(resource), moment(resource, "effective")
    value = "valueQuantity" in resource or "component" in resource
    if observed == "relapse-kind":
        kind = answer(resource, "relapse", canonicals)
        yield Piece("relapse-kind", source, {"date": when, "kind": kind})
    if observed == "infection-agent":
        agent = answer(resource, "infection-agent", canonicals)
        yield Piece("infection-agent", source, agent, targets(resource.get("focus")))
    if observed == "chimerism" and value:
        yield Piece("chimerism", source, _chimerism(resource, canonicals))
    if observed == "quality-of-life" and (value or "method" in resource):
        yield Piece("quality-of-life", source, _scores(resource, canonicals))


def relapses(pieces: Pieces) -> Iterator[Told[Relapse]]:
    """Each relapse by its Observation, and Conditions of relapse that rest on none.

    An Observation without a value is one only where a Condition rests on it: else it says that nothing is known.
    """
    conditions = {about for piece in pieces.of("relapse") for about in piece.about}
    seen = {piece.source for piece in pieces.of("relapse-kind")}
    for piece in pieces.of("relapse-kind"):
        if isinstance(piece.said["kind"], Word) or piece.source in conditions:
            yield Told(fact(Relapse, **piece.said), piece.source)
    for piece in pieces.of("relapse"):
        if not seen & set(piece.about):
            yield Told(fact(Relapse, date=piece.said["date"], kind=None), piece.source)


def infections(pieces: Pieces) -> Iterator[Told[Infection]]:
    """Each infection with its agent, where one was told."""
    for piece in pieces.of("infection"):
        agents = [one.said for one in pieces.about(piece.source, "infection-agent")]
        said = piece.said | ({"agent": agents[0]} if agents else {})
        yield Told(fact(Infection, **said), piece.source)


def _infection(resource: Resource, canonicals: Canonicals) -> dict[str, Any] | None:
    """The closest code names the agent where no Observation does, the widest the kind."""
    code = resource.get("code", {})
    meant = (key_of("conditions", {"coding": [coding]}, canonicals) for coding in code.get("coding", []))
    known = {key for key in meant if key and key.partition("/")[0] == "infection"}
    kind = word(code, "infection-kind", canonicals) or gap(code)
    if not known and kind is None:
        return None
    agents = sorted(known - _KINDS - {"infection"})
    kinds = sorted(known & _KINDS)
    sites = resource.get("bodySite", [])
    return {
        "onset": moment(resource, "onset"),
        "kind": kind or (Word(kinds[0].partition("/")[2]) if kinds else None),
        "agent": Word(agents[0].partition("/")[2]) if agents else None,
        "site": word(sites[0], "infection-site", canonicals) if sites else None,
        "severity": word(resource.get("severity"), "infection-severity", canonicals),
        "resolved": moment(resource, "abatement"),
    }


def _chimerism(resource: Resource, canonicals: Canonicals) -> Chimerism:
    told = parts(resource, canonicals)
    said = {
        part: answer(told[f"chimerism-{part}"][0], part, canonicals)
        for part in ("sample", "lineage")
        if f"chimerism-{part}" in told
    }
    return fact(Chimerism, date=moment(resource, "effective"), donor_percent=number(resource), **said)


def _scores(resource: Resource, canonicals: Canonicals) -> QualityOfLife:
    versions = parts(resource, canonicals).get("instrument-version", [])
    scales = [part for part in resource.get("component", []) if part not in versions]
    named = ((_scale(part.get("code", {}), canonicals), number(part)) for part in scales)
    return fact(
        QualityOfLife,
        date=moment(resource, "effective"),
        instrument=word(resource.get("method"), "instrument", canonicals),
        version=plain(versions[0], "valueString") if versions else None,
        scores=absence(resource.get("dataAbsentReason")) or tuple((name, score) for name, score in named if name),
    )


def _scale(code: Resource, canonicals: Canonicals) -> str:
    key = key_of("observables", code, canonicals) or ""
    name: str = code.get("text") or _SCALES.get(key, "")
    return name
