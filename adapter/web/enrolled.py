"""What is known of an enrolled patient that a plan needs, as `$apply` reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from adapter.flows.course import day_of, follow_ups_of
from adapter.flows.regimen import body_of, of_unknown_age, patient_of
from adapter.store import Tx
from mappings.canonicals import Canonicals
from mappings.facts import Transplant
from mappings.intake import schema
from mappings.plan import Body
from mappings.plan.inputs import NOTHING_KNOWN, Measurement, Patient
from mappings.r4.build import Ids
from mappings.r4.faults import Fault


@dataclass(frozen=True, slots=True)
class Facts:
    """`measured`: weight in kg and height in cm, by their names; `doubtful`: why one of them cannot be dosed by."""

    course: str
    protocol: str | None
    day_zero: date | None
    measured: dict[str, Measurement]
    patient: Patient
    doubtful: dict[str, Fault] = field(default_factory=dict)


def facts_of(tx: Tx, patient: str, centre: str, now: datetime, canonicals: Canonicals) -> Facts | None:
    """Facts of our Patient with this id; None where the centre has none."""
    stored = tx.resources.get("Patient", patient)
    if stored is None or stored.deleted or stored.centre != centre or stored.course is None:
        return None
    enrolments = tx.enrolments.of_course(stored.course)
    if not enrolments:
        return Facts(stored.course, None, None, {}, NOTHING_KNOWN)
    enrolment = schema.enrolment(enrolments[-1].content, day_of(now))
    day_zero = enrolment.transplant.day_zero if isinstance(enrolment.transplant, Transplant) else None
    body = body_of(enrolment, Ids(stored.course, canonicals))
    visits = follow_ups_of(tx, stored.course, day_of(now))
    patient_ = patient_of(enrolment, visits)
    return Facts(stored.course, enrolment.protocol, day_zero, _measured(body), patient_, of_unknown_age(enrolment))


def _measured(body: Body) -> dict[str, Measurement]:
    found = {
        "weight": (body.weight_kg, body.weight_date, body.weight_source),
        "height": (body.height_cm, body.height_date, body.height_source),
    }
    return {name: Measurement(value, day, at) for name, (value, day, at) in found.items() if value is not None}
