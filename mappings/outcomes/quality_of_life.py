"""Quality of life: the scores of one questionnaire with its version. Its items are others' texts and never here.

A scale is named as the centre names it. The few that have a concept of their own carry its code, by which alone they
can leave for a registry; the others are words.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import FollowUp, Missing, PartialDate, QualityOfLife, Said, Word
from mappings.outcomes.chart import Chart, components, missing, notes_of, scored, together
from mappings.outcomes.retold import Key, known_as
from mappings.r4.build import Element, Resource, concept
from mappings.terminology import codes

SCALES = {("FACT-BMT", "total"): "fact-bmt", ("EQ-5D-5L", "index"): "eq-5d-index", ("EQ-5D-5L", "vas"): "eq-vas"}
"""(instrument, scale in lower case) to the observable that it is."""


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """One Observation, a component for each score; a section said to be missing has none, on the visit's date."""
    section = visit.quality_of_life
    if isinstance(section, Missing):
        yield _observation(visit.date, missing(section), ("not-told", visit.occasion), chart)
    if isinstance(section, QualityOfLife):
        why = missing(section.scores) if isinstance(section.scores, Missing) else {}
        out = _observation(section.date, why, known_as(section, visit), chart)
        out["method"] = chart.concept("instrument", section.instrument)
        yield together(out, notes_of(section.instrument), components(_parts(section, chart)))


def _observation(when: Said[PartialDate], value: Element, known: Key, chart: Chart) -> Resource:
    return chart.observation("engraft-quality-of-life", "quality-of-life", when, value, known, category="survey")


def _parts(said: QualityOfLife, chart: Chart) -> Iterator[Element]:
    version = said.version
    if version is not None:
        value = missing(version) if isinstance(version, Missing) else {"valueString": version}
        yield {"code": chart.code("instrument-version")} | value
    for scale, score in () if isinstance(said.scores, Missing) else said.scores:
        yield {"code": _scale(said, scale, chart)} | scored(score)


def _scale(said: QualityOfLife, scale: str, chart: Chart) -> Element:
    """A code where the scale has one; the words of the centre always."""
    instrument = said.instrument.key if isinstance(said.instrument, Word) else ""
    row = SCALES.get((instrument, scale.lower()))
    return codes.concept("observables", row, chart.canonicals, scale) if row else concept(text=scale)
