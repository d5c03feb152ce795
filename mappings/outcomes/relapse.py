"""Relapse: an Observation of its kind, and a Condition of its own, so that a second one does not overwrite the first.

A molecular relapse is no relapse of the disease that one sees: it is observed, and nobody's leukaemia is said to have
come back. The Condition's code is that of any relapse; what is known to be haematological bears the code of a relapse
in the transplanted marrow as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mappings.canonicals import CONDITION_CLINICAL, CONDITION_VER_STATUS
from mappings.facts import FollowUp, Missing, PartialDate, Relapse, Said, Word
from mappings.outcomes.chart import Chart, answered, dated, missing, together
from mappings.outcomes.retold import Key, known_as
from mappings.r4.build import Element, Resource, fixed, reference
from mappings.terminology import codes


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """A section said to be missing becomes an Observation without a value on the visit's date."""
    section = visit.relapse
    if isinstance(section, Missing):
        yield _observation(visit.date, missing(section), ("not-told", visit.occasion), chart)
    if isinstance(section, Relapse):
        known = known_as(section, visit)
        found = [
            _observation(section.date, answered(chart, "relapse", kind), known, chart)
            for kind in (section.kind,)
            if kind is not None
        ]
        if not is_molecular(section):
            yield _condition(section, found, known, chart)
        yield from found


def is_molecular(said: Relapse) -> bool:
    """Is it known to be one that only the residual disease shows?"""
    return isinstance(said.kind, Word) and said.kind.key == "molecular"


def _observation(when: Said[PartialDate], value: Element, known: Key, chart: Chart) -> Resource:
    out = chart.observation("engraft-relapse-kind", "relapse-kind", when, value, known, category="exam")
    return out | ({"focus": [chart.disease]} if chart.disease else {})


def _condition(said: Relapse, found: Sequence[Resource], known: Key, chart: Chart) -> Resource:
    return together(
        chart.head("Condition", "engraft-relapse", "relapse", *known),
        {
            "clinicalStatus": fixed(CONDITION_CLINICAL, "remission" if _over(said, chart) else "recurrence"),
            "verificationStatus": fixed(CONDITION_VER_STATUS, "confirmed"),
            "code": _code(said, chart),
            "subject": chart.subject,
        },
        dated("onsetDateTime", said.date),
        {"evidence": [{"detail": [reference(f"Observation/{one['id']}")]} for one in found]} if found else {},
    )


def _code(said: Relapse, chart: Chart) -> Element:
    in_marrow = isinstance(said.kind, Word) and said.kind.key == "haematological"
    rows = ("relapse", "relapse-marrow") if in_marrow else ("relapse",)
    return codes.together(tuple(("conditions", row) for row in rows), chart.canonicals)


def _over(said: Relapse, chart: Chart) -> bool:
    """Did a remission follow for certain? One on a day that may lie before it says nothing of it."""
    when = said.date
    return isinstance(when, PartialDate) and any(day.earliest > when.latest for day in chart.remissions)
