"""Weight, height and performance status."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import BodyMeasure, Enrolment, FollowUp, Measurements, Missing, PartialDate, Said
from mappings.outcomes.chart import Chart, measured, missing
from mappings.r4.build import Resource


def of_enrolment(enrolment: Enrolment, chart: Chart) -> Iterator[Resource]:
    """Body measures of the enrolment."""
    yield from _to_fhir(enrolment.measurements, None, chart)


def of_visit(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """Body measures and performance status of a visit; what has no date of its own is of the visit's."""
    yield from _to_fhir(visit.measurements, visit.date, chart)


def _to_fhir(section: Measurements | Missing | None, visit: PartialDate | None, chart: Chart) -> Iterator[Resource]:
    if not isinstance(section, Measurements):
        return
    yield from _body("weight", section.weight, visit, chart)
    yield from _body("height", section.height, visit, chart)
    if section.karnofsky is not None:
        score = section.karnofsky
        value = missing(score) if isinstance(score, Missing) else {"valueInteger": score}
        occurrence = (visit,) if visit else ()
        yield chart.observation("engraft-performance", "karnofsky", visit, value, occurrence, category="survey")


def _body(item: str, said: Said[BodyMeasure], visit: PartialDate | None, chart: Chart) -> Iterator[Resource]:
    """A vital sign must be dated (R4 vital signs): what has no date at all stays untold."""
    when = said.date if isinstance(said, BodyMeasure) and said.date else visit
    if said is None or when is None:
        return
    value = missing(said) if isinstance(said, Missing) else measured(said.value)
    yield chart.observation("engraft-body-measure", item, when, value, (when,), category="vital-signs")
