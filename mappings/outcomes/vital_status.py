"""Vital status as a dated last contact, because R4's deceasedBoolean has no date; and the cause of a death."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import FollowUp, Missing, VitalStatus, Word
from mappings.outcomes.chart import Chart, answered, missing
from mappings.r4.build import Resource


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """One Observation a visit, dated by what was said (not by the visit, where a date was said to be missing)."""
    section = visit.vital_status
    if section is None:
        return
    known = (visit.occasion,)
    if isinstance(section, Missing):
        value, when = missing(section), visit.date
        yield chart.observation("engraft-vital-status", "vital-status", when, value, known, category="exam")
        return
    value = answered(chart, "vital-status", section.status)
    yield chart.observation("engraft-vital-status", "vital-status", section.date, value, known, category="exam")
    yield from _cause(section, chart)


def _cause(section: VitalStatus, chart: Chart) -> Iterator[Resource]:
    """A cause that is said to be missing where nobody says that the patient died tells of no death either."""
    dead = isinstance(section.status, Word) and section.status.key == "dead"
    if dead and section.cause is not None:
        value = answered(chart, "cause", section.cause)
        yield chart.observation("engraft-cause-of-death", "cause-of-death", section.date, value, (), category="exam")
