"""GVHD read back: episodes with their grades, courses and treatment, and the days on which it was looked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.canonicals import Canonicals
from mappings.facts import AcuteGvhd, AcuteStep, ChronicGvhd, ChronicStep, Missing, PartialDate, Said
from mappings.r4.build import Element, Resource
from mappings.registry.elements import absence, answer, fact, moment, parts, plain, reference, targets, word
from mappings.registry.pieces import Piece, Pieces, Told, in_order
from mappings.terminology.codes import key_of

ACUTE, CHRONIC = "acute-gvhd", "chronic-gvhd"
_SCALES = {"agvhd-grade": ACUTE, "cgvhd-severity": CHRONIC}
OBSERVED = frozenset({*_SCALES, "gvhd-treatment", "gvhd-assessment"})
"""What Observations are read here."""

_ORGANS = {"agvhd-skin": "skin", "agvhd-liver": "liver", "agvhd-upper-gi": "upper_gi", "agvhd-lower-gi": "lower_gi"}
_SCORED = ("skin", "mouth", "eyes", "gi", "liver", "lungs", "joints", "genital")


@dataclass(frozen=True, slots=True)
class GvhdAssessment:
    """GVHD was looked for on that day: found (True), not found, said to be missing, or not reported (None)."""

    date: Said[PartialDate]
    acute: Said[bool] = None
    chronic: Said[bool] = None


def of_condition(resource: Resource, canonicals: Canonicals) -> Iterator[Piece]:
    """The episode that a Condition is."""
    kind = key_of("conditions", resource.get("code", {}), canonicals)
    if kind in (ACUTE, CHRONIC):
        said = {"onset": moment(resource, "onset"), "resolved": moment(resource, "abatement")}
        yield Piece(kind, reference(resource), said | _staged(kind, resource, canonicals))


def of_observation(resource: Resource, observed: str, canonicals: Canonicals) -> Iterator[Piece]:
    """A grade, the treatment of an episode, or an assessment."""
    source, about = reference(resource), targets(resource.get("focus"))
    if observed in _SCALES:
        read = _acute if observed == "agvhd-grade" else _chronic
        step = "effectiveDateTime" in resource or "_effectiveDateTime" in resource
        said = read(resource, canonicals) | ({"date": moment(resource, "effective")} if step else {})
        yield Piece(f"{_SCALES[observed]}-{'step' if step else 'worst'}", source, said, about)
    if observed == "gvhd-treatment":
        yield Piece("gvhd-treatment", source, _treatment(resource, canonicals), about)
    if observed == "gvhd-assessment":
        yield Piece("gvhd-assessment", source, _assessment(resource, canonicals))


def episodes(pieces: Pieces, kind: str) -> Iterator[Told[Any]]:
    """Every episode, put together from its Condition and what says something of it."""
    into, step = (AcuteGvhd, AcuteStep) if kind == ACUTE else (ChronicGvhd, ChronicStep)
    for piece in pieces.of(kind):
        said = dict(piece.said)
        for part in (f"{kind}-worst", "gvhd-treatment"):
            for one in pieces.about(piece.source, part):
                told = {name: value for name, value in one.said.items() if name in into.__dataclass_fields__}
                said |= {name: value for name, value in told.items() if value is not None or name not in said}
        steps = in_order(
            (Told(fact(step, **one.said), one.source) for one in pieces.about(piece.source, f"{kind}-step")), "date"
        )
        episode = fact(into, **said, course=tuple(one.fact for one in steps))
        yield Told(episode, piece.source, parts=tuple(one.source for one in steps))


def _staged(kind: str, resource: Resource, canonicals: Canonicals) -> dict[str, Any]:
    """The grade that a stage of the Condition names, for those who send no Observation of it."""
    name, scale = ("grade", "agvhd-grade") if kind == ACUTE else ("severity", "cgvhd-severity")
    stages = (word(stage.get("summary"), scale, canonicals) for stage in resource.get("stage", []))
    found = next((said for said in stages if said is not None), None)
    return {name: found} if found else {}


def _acute(resource: Resource, canonicals: Canonicals) -> dict[str, Any]:
    told = parts(resource, canonicals)
    stages = {organ: _height(told[key], "agvhd-stage", canonicals) for key, organ in _ORGANS.items() if key in told}
    return {"grade": answer(resource, "agvhd-grade", canonicals)} | stages


def _chronic(resource: Resource, canonicals: Canonicals) -> dict[str, Any]:
    told = parts(resource, canonicals)
    scored = [organ for organ in _SCORED if f"cgvhd-{organ}" in told]
    scores = tuple((organ, _height(told[f"cgvhd-{organ}"], "cgvhd-score", canonicals)) for organ in scored)
    return {"severity": answer(resource, "cgvhd-severity", canonicals), "organs": scores}


def _height(said: Sequence[Element], group: str, canonicals: Canonicals) -> Said[int]:
    value = answer(said[0], group, canonicals)
    return value if value is None or isinstance(value, Missing) else int(value.key)


def _treatment(resource: Resource, canonicals: Canonicals) -> dict[str, Any]:
    told = parts(resource, canonicals)
    words = [answer(part, "gvhd-treatment", canonicals) for part in told.get("gvhd-treatment", [])]
    missing = words[0] if len(words) == 1 and isinstance(words[0], Missing) else None
    out: dict[str, Any] = {"treatment": missing or tuple(words) or None}
    for key, name, value in (
        ("agvhd-steroid-refractory", "steroid_refractory", "valueBoolean"),
        ("cgvhd-systemic-treatment", "systemic_treatment", "valueBoolean"),
        ("cgvhd-after-dli", "after_dli", "valueInteger"),
    ):
        if key in told:
            out[name] = plain(told[key][0], value)
    return out


def _assessment(resource: Resource, canonicals: Canonicals) -> GvhdAssessment:
    kinds = {key_of("conditions", part.get("code", {}), canonicals): part for part in resource.get("component", [])}
    found = {kind: plain(kinds[kind], "valueBoolean") if kind in kinds else None for kind in (ACUTE, CHRONIC)}
    if not kinds:
        found = dict.fromkeys(found, absence(resource.get("dataAbsentReason")))
    return GvhdAssessment(moment(resource, "effective"), found[ACUTE], found[CHRONIC])
