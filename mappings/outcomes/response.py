"""Response of the leukaemia at one assessment: ELN 2022 category, marrow blasts, measurable residual disease."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mappings.facts import FollowUp, MinimalResidualDisease, Missing, Response
from mappings.outcomes.chart import Chart, answered, missing, noted, occurrence, percent, together
from mappings.r4.build import Element, Resource, reference


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """An Observation each; a section said to be missing becomes a response without a value on the visit's date.

    Blasts and residual disease are what the category is derived from; told elsewhere they may stand alone.
    """
    section = visit.response
    if isinstance(section, Missing):
        section = Response(visit.date, section)
    if section is None:
        return
    when, known = section.date, occurrence(section.date, visit)
    parts = list(_parts(section, known, chart))
    if section.category is not None:
        out = chart.observation(
            "engraft-response", "response", when, answered(chart, "response", section.category), known, category="exam"
        )
        out |= {"focus": [chart.disease]} if chart.disease else {}
        yield out | ({"derivedFrom": [reference(f"Observation/{one['id']}") for one in parts]} if parts else {})
    yield from parts


def _parts(section: Response, known: Sequence[object], chart: Chart) -> Iterator[Resource]:
    if section.marrow_blasts_percent is not None:
        value = percent(section.marrow_blasts_percent)
        yield chart.observation("engraft-marrow-blasts", "marrow-blasts", section.date, value, known)
    if section.mrd is not None:
        head = chart.observation("engraft-residual-disease", "mrd", section.date, {}, known)
        yield together(head, _residual(section.mrd, chart))


def _residual(mrd: MinimalResidualDisease | Missing, chart: Chart) -> Element:
    if isinstance(mrd, Missing):
        return missing(mrd)
    method = {} if mrd.method is None else {"method": chart.concept("mrd-method", mrd.method)}
    why = noted(mrd.method) if isinstance(mrd.method, Missing) else {}
    return together(answered(chart, "mrd", mrd.result), method, why)
