"""Recovery of neutrophils and platelets as an endpoint: by their counts, else as the centre reports it.

The counts are judged by the rule of `facts.recovery`. Where they show another day than the one reported the counts
hold, because the endpoint is defined by them; both are kept, and the patient is listed.
"""

from __future__ import annotations

from mappings.facts import PartialDate, Word
from mappings.registry.blood_facts import shown_recovery
from mappings.registry.day_axis import Notes, Placed
from mappings.registry.followed import Followed, Happened
from mappings.registry.judged import Excluded, Verdict


def neutrophil_engraftment(followed: Followed) -> Verdict | Excluded:
    """Event: recovery of neutrophils. Death and a second graft compete."""
    return _engraftment(followed, "neutrophils")


def platelet_engraftment(followed: Followed) -> Verdict | Excluded:
    """Event: recovery of platelets. Death and a second graft compete."""
    return _engraftment(followed, "platelets")


def _engraftment(followed: Followed, line: str) -> Verdict | Excluded:
    notes = Notes()
    reported, status = _reported(followed, line, notes)
    counted = _counted(followed, line, notes)
    if status == "never-below" and counted is None:
        return Excluded(followed.axis.patient, f"{line} never below the threshold: there is no day of recovery")
    if counted and reported and counted.day != reported.day:
        notes.listed.append(f"{line} recovered by the counts on another day than reported: the counts hold")
    if counted and not reported and status and status != "engrafted":
        notes.listed.append(f"{line} recovered by the counts, though reported as {status}: the counts hold")
    event = Happened(counted or reported, tuple(notes.excluded), tuple(dict.fromkeys(notes.listed)))
    grafts = (followed.axis.day_of(graft.day) for graft in followed.course.later_grafts)
    again = min((day for day in grafts if day <= followed.axis.end), default=None)
    note = Happened(listed=("second transplant: competes with engraftment",) if again is not None else ())
    return followed.verdict(event, (again, followed.died), note)


def _reported(followed: Followed, line: str, notes: Notes) -> tuple[Placed | None, str | None]:
    """The first engraftment that the centre dates, and the status that it gives; a later loss does not undo it."""
    facts = (one for one in followed.facts.recoveries if one.fact.line == line)
    told = [(one, one.fact.status.key) for one in facts if isinstance(one.fact.status, Word)]
    places = [
        followed.axis.place(one.fact.date, f"{line} engraftment", one.source, notes)
        for one, status in told
        if status == "engrafted"
    ]
    statuses = [status for _, status in told]
    status = "engrafted" if "engrafted" in statuses else next(iter(statuses), None)
    return min((place for place in places if place), default=None), status


def _counted(followed: Followed, line: str, notes: Notes) -> Placed | None:
    """By the counts from the graft to the cut-off; those after death are excluded."""
    axis, known = followed.axis, []
    for one in followed.facts.counts:
        when = one.fact.date
        if one.fact.of == line and isinstance(when, PartialDate) and when.exact and when.exact >= axis.zero:
            known += [one] if axis.place(when, f"count of {line}", one.source, notes) else []
    found = shown_recovery(line, known, followed.facts.transfusions, axis.zero)
    if found is None:
        return None
    shown = (one.source for one in known if isinstance(one.fact.date, PartialDate) and one.fact.date.exact == found.day)
    return Placed(axis.day_of(found.day), next(shown))
