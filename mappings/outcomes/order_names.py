"""Which order of the regimen a dose or an infusion belongs to: named by the order's identifier, not by its place.

Orders are pulled by EHRs and never delivered to a hospital, so a literal reference would point to nothing there, and a
server that keeps referential integrity would refuse the dose (docs/adr/0016).
"""

from __future__ import annotations

from functools import lru_cache

from mappings.outcomes.chart import Chart
from mappings.protocol import Protocol, load
from mappings.protocol.model import Line
from mappings.r4.build import Element


def line_of(action: str, chart: Chart) -> Line | None:
    """The drug line of that key in the patient's protocol."""
    return _lines(load(chart.protocol)).get(action)


def of_dose(line: Line, day: str | None, chart: Chart) -> Element | None:
    """The order of a dose; None where neither the day (`D-13`) nor the line settles which of several it was.

    A dose is not matched by its date: day zero may have moved since it was given.
    """
    if line.days.until is not None or len(line.days.listed) == 1:
        return _order("MedicationRequest", chart, line.key, f"D{line.days.first}")
    known = day in {f"D{each}" for each in line.days.listed}
    return _order("MedicationRequest", chart, line.key, str(day)) if known else None


def of_infusion(number: int, chart: Chart) -> Element | None:
    """The order of the infusion of that number, where the protocol has so many."""
    planned = _infusions(load(chart.protocol))
    return _order("ServiceRequest", chart, planned[number - 1]) if 0 < number <= len(planned) else None


@lru_cache(maxsize=16)
def _lines(protocol: Protocol) -> dict[str, Line]:
    return {line.key: line for line in protocol.lines}


@lru_cache(maxsize=16)
def _infusions(protocol: Protocol) -> tuple[str, ...]:
    phases = protocol.phases
    return tuple(key for phase in phases for infusions in phase.infusions for key in infusions.numbered())


def _order(kind: str, chart: Chart, *name: str) -> Element:
    action, *day = name
    return {"type": kind, "identifier": chart.ids.identifier(action, *day, system="request")}
