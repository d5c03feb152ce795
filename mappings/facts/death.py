"""Which death holds, of all that visits tell of life and death."""

from __future__ import annotations

from collections.abc import Sequence

from mappings.facts.follow_up import FollowUp, VitalStatus
from mappings.facts.values import PartialDate, Word


def last_death(visits: Sequence[FollowUp]) -> tuple[FollowUp, VitalStatus] | None:
    """The death that holds and the visit that told of it; one with a date before one without. `visits`: oldest first.

    The later date counts, but a month does not undo the day in it that an earlier visit told.
    Only a later visit that saw the patient alive undoes a death: that contact was lost, or that nothing is known, does
    not, and neither does having been alive before it.
    """
    deaths: list[tuple[FollowUp, VitalStatus]] = []
    for visit in visits:
        said = visit.vital_status
        if not isinstance(said, VitalStatus) or not isinstance(said.status, Word):
            continue
        if said.status.key == "dead":
            deaths.append((visit, said))
        if said.status.key == "alive":
            deaths = [(told, death) for told, death in deaths if _before(said, death)]
    with_date = [(told, death) for told, death in deaths if isinstance(death.date, PartialDate)]
    holds = ([None, *deaths, *with_date[:1]])[-1]
    for told, death in with_date:
        if holds and not _tells_more(holds[1], death):
            holds = (told, death)
    return holds


def _tells_more(known: VitalStatus, later: VitalStatus) -> bool:
    """Does `known` tell the day that `later` leaves open?"""
    days = known.date, later.date
    return isinstance(days[0], PartialDate) and isinstance(days[1], PartialDate) and days[0].refines(days[1])


def _before(alive: VitalStatus, death: VitalStatus) -> bool:
    if isinstance(alive.date, PartialDate) and isinstance(death.date, PartialDate):
        return alive.date.latest < death.date.earliest
    return False
