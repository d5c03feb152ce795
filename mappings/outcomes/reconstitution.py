"""Immune reconstitution: absolute counts of lymphocyte subsets in blood, in the unit that the centre wrote."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import FollowUp, ImmuneReconstitution, Missing
from mappings.outcomes.chart import Chart, measured, occurrence
from mappings.r4.build import Resource

SUBSETS = ("cd4", "cd8", "treg", "nk", "b")


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """One Observation per subset; a panel said to be missing is missing for each subset, on the visit's date."""
    panel = visit.immune_reconstitution
    if panel is None:
        return
    when = visit.date if isinstance(panel, Missing) else panel.date
    known = occurrence(when, visit)
    for subset in SUBSETS:
        said = getattr(panel, subset) if isinstance(panel, ImmuneReconstitution) else panel
        if said is not None:
            yield chart.observation("engraft-immune-subset", subset, when, measured(said), known)
