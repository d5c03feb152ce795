"""Donor chimerism: the donor's share in per cent, with its sample and cell fraction.

LOINC has no code for it that could be used: 103154-1 reports the *recipient's* share and would turn the result round.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import Chimerism, FollowUp, Missing, PartialDate
from mappings.outcomes.chart import Chart, components, missing, percent, together
from mappings.outcomes.retold import Key, known_as
from mappings.r4.build import Element, Resource


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """An Observation for each result; a section said to be missing becomes one without a value on the visit's date."""
    section = visit.chimerism
    if isinstance(section, Missing):
        yield _observation(visit.date, missing(section), ("not-told", visit.occasion), chart)
    for said in section if isinstance(section, tuple) else ():
        out = _observation(said.date, percent(said.donor_percent), known_as(said, visit), chart)
        yield together(out, components(_parts(said, chart)))


def _observation(when: PartialDate | Missing, value: Element, known: Key, chart: Chart) -> Resource:
    return chart.observation("engraft-chimerism", "chimerism", when, value, known)


def _parts(said: Chimerism, chart: Chart) -> Iterator[Element]:
    for part, word in (("sample", said.sample), ("lineage", said.lineage)):
        if word is not None:
            yield chart.part(f"chimerism-{part}", part, word)
