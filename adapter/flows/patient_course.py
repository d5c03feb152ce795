"""The course of one patient for the people of the centre: visits done, due and overdue; what was found over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from adapter.config import Settings
from adapter.flows import course, gates, ward
from adapter.flows.visit import name_of
from adapter.overlays import overlay_of
from mappings.intake import schema
from mappings.outcomes.course_plots import Plot, plots
from mappings.plan.attendance import Attendance, attendances

if TYPE_CHECKING:
    from adapter.store import Store


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit and its form's name in an address; `draft`: somebody has begun the form."""

    attendance: Attendance
    name: str
    draft: bool


@dataclass(frozen=True, slots=True)
class PatientCourse:
    """`plots` are empty where no graft is known to count the days from."""

    visits: tuple[Visit, ...]
    unscheduled_begun: bool
    plots: tuple[Plot, ...]


def told(id_: str, *, centre: str, store: Store, settings: Settings, now: datetime) -> PatientCourse:
    """The course, by the id of the Patient. Raises NotFound, also for another centre's."""
    today = course.day_of(now)
    with store.reading() as tx:
        enrolment = schema.enrolment(ward.enrolled(tx, id_, centre).content, today)
        ids = course.ids_of(enrolment, settings)
        visits = course.follow_ups_of(tx, ids.course, today)
        record = gates.record_of(tx, enrolment, visits, ids)
        begun = set(tx.drafts.visits(ids.course))
    overlay = overlay_of(settings, enrolment.centre, enrolment.protocol)
    found = attendances(record, overlay, today)
    named = [(one, name_of(one.visit, one.told)) for one in found]
    return PatientCourse(
        tuple(Visit(one, name, name in begun) for one, name in named),
        "unscheduled" in begun,
        plots(visits, record.day_zero) if record.day_zero else (),
    )
