"""Response of the leukaemia at one assessment: ELN 2022 category, marrow blasts, measurable residual disease."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import FollowUp, MinimalResidualDisease, Missing, PartialDate, Response
from mappings.outcomes.chart import Chart, answered, missing, percent
from mappings.r4.build import Element, Resource


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """An Observation each; a section said to be missing becomes a response without a value on the visit's date."""
    section = visit.response
    if isinstance(section, Missing):
        yield _response(visit.date, missing(section), chart)
    if not isinstance(section, Response):
        return
    yield _response(section.date, answered(chart, "response", section.category), chart)
    if section.marrow_blasts_percent is not None:
        value, when = percent(section.marrow_blasts_percent), section.date
        yield chart.observation("engraft-marrow-blasts", "marrow-blasts", when, value, (when,))
    if section.mrd is not None:
        yield _residual(section, section.mrd, chart)


def _response(when: PartialDate, value: Element, chart: Chart) -> Resource:
    out = chart.observation("engraft-response", "response", when, value, (when,), category="exam")
    return out | ({"focus": [chart.disease]} if chart.disease else {})


def _residual(section: Response, mrd: MinimalResidualDisease | Missing, chart: Chart) -> Resource:
    value = missing(mrd) if isinstance(mrd, Missing) else answered(chart, "mrd", mrd.result)
    out = chart.observation("engraft-residual-disease", "mrd", section.date, value, (section.date,))
    if isinstance(mrd, MinimalResidualDisease) and mrd.method:
        out["method"] = chart.answer("mrd-method", mrd.method)
    return out
