"""Weight, height and performance status."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import BodyMeasure, Enrolment, FollowUp, Measurements, Missing, PartialDate, Said
from mappings.outcomes.chart import Chart, measured, missing, occurrence
from mappings.r4.build import Resource


def of_enrolment(enrolment: Enrolment, chart: Chart) -> Iterator[Resource]:
    """Body measures of the enrolment."""
    yield from _to_fhir(enrolment.measurements, None, chart)


def of_visit(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """Body measures and performance status of a visit; what has no date of its own is of the visit's."""
    yield from _to_fhir(visit.measurements, visit, chart)


def _to_fhir(section: Said[Measurements], visit: FollowUp | None, chart: Chart) -> Iterator[Resource]:
    if section is None:
        return
    said = Measurements(section, section, section) if isinstance(section, Missing) else section
    yield from _body("weight", said.weight, visit, chart)
    yield from _body("height", said.height, visit, chart)
    if said.karnofsky is not None:
        score = said.karnofsky
        value = missing(score) if isinstance(score, Missing) else {"valueInteger": score}
        when = visit.date if visit else None
        known = (when,) if when else ()
        yield chart.observation("engraft-performance", "karnofsky", when, value, known, category="survey")


def _body(item: str, said: Said[BodyMeasure], visit: FollowUp | None, chart: Chart) -> Iterator[Resource]:
    """R4 has the codes of vital signs with an exact day only (vs-1): without one the measure has a code of ours."""
    if said is None:
        return
    when = (said.date if isinstance(said, BodyMeasure) else None) or (visit.date if visit else None)
    value = missing(said) if isinstance(said, Missing) else measured(said.value)
    known = occurrence(when, visit) if visit else (when,) if isinstance(when, PartialDate) else ()
    if isinstance(when, PartialDate) and when.exact:
        yield chart.observation("engraft-body-measure", item, when, value, known, category="vital-signs")
    else:
        out = chart.observation("engraft-body-measure", item, when, value, known, category="exam")
        yield out | {"code": chart.code(f"{item}-undated")}
