"""The patient, without a name: the centre's number, given identifiers, birth, sex, death."""

from __future__ import annotations

from mappings.canonicals import EXT_DATA_ABSENT_REASON
from mappings.facts import Enrolment, Missing, PartialDate, VitalStatus
from mappings.outcomes.chart import Chart
from mappings.r4.build import Element, Resource


def to_fhir(enrolment: Enrolment, vital: VitalStatus | None, chart: Chart) -> Resource:
    """Patient of one enrolment; `vital` is the latest vital status that a follow-up told."""
    out = chart.head("Patient", "engraft-patient", "patient")
    number = {"system": chart.canonicals.sid("patient"), "value": enrolment.key}
    out["identifier"] = [number, *({"system": i.system, "value": i.value} for i in enrolment.identifiers)]
    if enrolment.sex:
        out["gender"] = enrolment.sex
    if enrolment.birth_date:
        out["birthDate"] = str(enrolment.birth_date)
    return out | (_deceased(vital) if vital and vital.status.key == "dead" else {})


def _deceased(vital: VitalStatus) -> Element:
    """R4 has one place for death: a date, or, where the date is not known, that it happened."""
    if isinstance(vital.date, PartialDate):
        return {"deceasedDateTime": str(vital.date)}
    if isinstance(vital.date, Missing):
        why = [{"url": EXT_DATA_ABSENT_REASON, "valueCode": vital.date.reason}]
        return {"deceasedBoolean": True, "_deceasedBoolean": {"extension": why}}
    return {"deceasedBoolean": True}
