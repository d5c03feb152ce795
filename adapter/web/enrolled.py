"""What is known of an enrolled patient that a plan needs, as `$apply` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from adapter.flows.course import day_of
from adapter.flows.regimen import body_of
from adapter.store import Tx
from adapter.web.apply_operation import Known
from mappings.facts import Enrolment, PartialDate, Transplant
from mappings.intake import schema


@dataclass(frozen=True, slots=True)
class Facts:
    """`measured`: weight in kg and height in cm, by their names."""

    course: str
    protocol: str | None
    born: PartialDate | None
    day_zero: date | None
    measured: dict[str, Known]


def facts_of(tx: Tx, patient: str, centre: str, now: datetime) -> Facts | None:
    """Facts of our Patient with this id; None where the centre has none."""
    stored = tx.resources.get("Patient", patient)
    if stored is None or stored.deleted or stored.centre != centre or stored.course is None:
        return None
    enrolments = tx.enrolments.of_course(stored.course)
    if not enrolments:
        return Facts(stored.course, None, None, None, {})
    enrolment = schema.enrolment(enrolments[-1].content, day_of(now))
    born = enrolment.birth_date if isinstance(enrolment.birth_date, PartialDate) else None
    day_zero = enrolment.transplant.date if isinstance(enrolment.transplant, Transplant) else None
    return Facts(stored.course, enrolment.protocol, born, day_zero, _measured(enrolment))


def _measured(enrolment: Enrolment) -> dict[str, Known]:
    body = body_of(enrolment)
    found = {"weight": (body.weight_kg, body.weight_date), "height": (body.height_cm, body.height_date)}
    return {name: Known(value, day) for name, (value, day) in found.items() if value is not None}
