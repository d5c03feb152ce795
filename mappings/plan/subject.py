"""The patient of a plan that nobody named: a placeholder that cannot be mistaken for a person."""

from __future__ import annotations

import uuid
from datetime import date

from mappings.canonicals import ACT_REASON, DEFAULT, Canonicals
from mappings.plan.dosing import Body
from mappings.r4.build import Ids, Resource, coding, uuid5

NAME = "PLACEHOLDER, not a patient"


def course_of_inputs(
    protocol: str, day_zero: date | None, body: Body, formula: str, canonicals: Canonicals = DEFAULT
) -> str:
    """Course id of a plan without a subject: a hash of what went in, so that equal inputs give equal ids."""
    inputs = (protocol, day_zero, body.weight_kg, body.height_cm, body.weight_date, body.height_date, formula)
    return uuid5(uuid.uuid5(uuid.NAMESPACE_URL, canonicals.base), "/".join(map(str, inputs)))


def course_of_subject(protocol: str, subject: str, canonicals: Canonicals = DEFAULT) -> str:
    """Course id of a plan for a patient who is not enrolled: from the reference alone, so that re-applying updates."""
    return uuid5(uuid.uuid5(uuid.NAMESPACE_URL, canonicals.base), f"subject/{protocol}/{subject}")


def placeholder(
    course: str, *, sex: str | None = None, birth_date: str | None = None, canonicals: Canonicals = DEFAULT
) -> Resource:
    """Marked placeholder Patient for `course`."""
    ids = Ids(course, canonicals)
    meta = ids.meta("engraft-patient") | {"tag": [coding(ACT_REASON, "HTEST")]}
    patient: Resource = {
        "resourceType": "Patient",
        "id": ids("patient"),
        "meta": meta,
        "identifier": [ids.identifier("placeholder", system="patient")],
        "active": False,
        "name": [{"text": NAME}],
    }
    if sex:
        patient["gender"] = sex
    if birth_date:
        patient["birthDate"] = birth_date
    return patient
