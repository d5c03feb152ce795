"""Donor chimerism: the donor's share in per cent, with its sample and cell fraction.

LOINC has no code for it that could be used: 103154-1 reports the *recipient's* share and would turn the result round.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import Chimerism, FollowUp, Missing
from mappings.outcomes.chart import Chart, answered, components, missing, percent, together
from mappings.outcomes.retold import known_as, name_of
from mappings.r4.build import Resource


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """An Observation for each result; a section said to be missing becomes one without a value on the visit's date."""
    section = visit.chimerism
    if isinstance(section, Missing):
        yield chart.observation("engraft-chimerism", "chimerism", visit.date, missing(section), (name_of(visit),))
    for said in section if isinstance(section, tuple) else ():
        yield _result(said, known_as(said, visit), chart)


def _result(said: Chimerism, known: str, chart: Chart) -> Resource:
    out = chart.observation("engraft-chimerism", "chimerism", said.date, percent(said.donor_percent), (known,))
    told = (("sample", said.sample), ("lineage", said.lineage))
    parts = ((chart.code(f"chimerism-{part}"), answered(chart, part, word)) for part, word in told if word is not None)
    return together(out, components(parts))
