"""Treatment read back: immunosuppression, doses given, donor lymphocytes given and withheld."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mappings.canonicals import Canonicals
from mappings.facts import Administration, Dli, DliWithheld, Immunosuppressant, Missing, PartialDate, Said
from mappings.facts.values import NOT_PERFORMED
from mappings.protocol import names
from mappings.r4.build import Element, Resource
from mappings.registry.elements import (
    absence,
    amount,
    day,
    fact,
    measured,
    moment,
    plain,
    reference,
    targets,
    word,
)
from mappings.registry.pieces import Piece, Pieces, Told
from mappings.terminology.codes import key_of

_LYMPHOCYTES = ("dli", "prophylactic-dli")

OBSERVED = frozenset({"dli-cd3", "immunosuppression"})
"""What Observations are read here."""


@dataclass(frozen=True, slots=True)
class ImmunosuppressionAssessment:
    """Systemic immunosuppression was looked at on that day: ongoing, not ongoing, or said to be missing."""

    date: Said[PartialDate]
    ongoing: Said[bool]


def of_statement(resource: Resource, canonicals: Canonicals) -> Iterator[Piece]:
    """A course of one drug; other drugs than immunosuppressants are none of these facts."""
    if resource.get("status") not in ("active", "completed", "stopped", "unknown", "on-hold"):
        return
    drug = word(resource.get("medicationCodeableConcept"), "immunosuppressant", canonicals)
    if drug is None:
        return
    period: Element = resource.get("effectivePeriod", {})
    stopped = day(period.get("end"), period.get("_end"))
    if stopped is None and resource["status"] != "active":
        stopped = Missing("unknown")
    said = {"drug": drug, "started": day(period.get("start"), period.get("_start")), "stopped": stopped}
    asserted = day(resource.get("dateAsserted"))
    yield Piece("immunosuppressant", reference(resource), fact(Immunosuppressant, **said), on=asserted)


def of_administration(resource: Resource, canonicals: Canonicals) -> Iterator[Piece]:
    """A dose; one that was not given is a dose whose amount is said to be missing."""
    drug, status = resource.get("medicationCodeableConcept", {}), resource.get("status")
    action, on = order_of(resource.get("request", {}), canonicals)
    reasons = [absence(reason) for reason in resource.get("statusReason", [])]
    given = amount(resource.get("dosage", {}).get("dose"))
    if status == "not-done":
        given = next((reason for reason in reasons if reason), Missing(NOT_PERFORMED))
    action = action or _line(resource.get("instantiates", []), canonicals)
    said = {"action": action or absence(drug) or key_of("drugs", drug, canonicals), "day": on, "given": given}
    if said["action"]:
        yield Piece("dose", reference(resource), fact(Administration, date=moment(resource, "effective"), **said))


def of_procedure(resource: Resource, canonicals: Canonicals) -> Iterator[Piece]:
    """An infusion of donor lymphocytes, given or withheld."""
    status, source = resource.get("status"), reference(resource)
    if not is_infusion(resource.get("code", {}), canonicals):
        return
    said = {"number": _number(resource, canonicals), "date": moment(resource, "performed")}
    if status in ("completed", "in-progress", "stopped"):
        yield Piece("dli", source, said)
    if status == "not-done":
        reason = word(resource.get("statusReason"), "dli-withheld", canonicals)
        yield Piece("dli-withheld", source, fact(DliWithheld, **said, reason=reason))


def of_observation(resource: Resource, observed: str, _: Canonicals) -> Iterator[Piece]:
    """A cell dose, or an assessment of immunosuppression."""
    source = reference(resource)
    if observed == "dli-cd3":
        yield Piece("dli-cells", source, measured(resource), targets(resource.get("partOf")))
    if observed == "immunosuppression":
        said = ImmunosuppressionAssessment(moment(resource, "effective"), plain(resource, "valueBoolean"))
        yield Piece("immunosuppression", source, said)


def is_infusion(code: Element, canonicals: Canonicals) -> bool:
    """Is it the code of an infusion of donor lymphocytes?"""
    return key_of("procedures", code, canonicals) in _LYMPHOCYTES


def infusions(pieces: Pieces) -> Iterator[Told[Dli]]:
    """Each infusion with its cell dose, where one was told."""
    for piece in pieces.of("dli"):
        doses = [one.said for one in pieces.about(piece.source, "dli-cells")]
        yield Told(fact(Dli, **piece.said, cd3_per_kg=doses[0] if doses else None), piece.source)


def order_of(request: Element, canonicals: Canonicals) -> tuple[str | None, str | None]:
    """Action and day by the identifier of our order, `<course>/<action>/<day>`."""
    named = request.get("identifier", {})
    if named.get("system") != canonicals.sid("request"):
        return None, None
    said: list[str] = named.get("value", "").split("/")
    action, on, *_ = [*said[1:], "", ""]
    return action or None, on or None


def _line(instantiates: Sequence[str], canonicals: Canonicals) -> str | None:
    """The drug line of a protocol of ours whose definition was followed."""
    # of two keys that begin alike the longer one first
    heads = [canonicals.url("ActivityDefinition", f"{name}-") for name in sorted(names(), key=len, reverse=True)]
    found = (url.partition("|")[0].removeprefix(head) for url in instantiates for head in heads if url.startswith(head))
    return next(found, None)


def _number(resource: Resource, canonicals: Canonicals) -> int | None:
    url = canonicals.extension("dli-number")
    return next((one.get("valueInteger") for one in resource.get("extension", []) if one.get("url") == url), None)
