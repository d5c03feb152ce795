"""The patient, without a name: the centre's number, given identifiers, birth, sex, death."""

from __future__ import annotations

from mappings.facts import Enrolment, Identifier, Missing, PartialDate, Said, VitalStatus
from mappings.outcomes.chart import Chart, in_place, primitive, unknown
from mappings.r4.build import Element, Resource


def to_fhir(enrolment: Enrolment, death: VitalStatus | None, chart: Chart) -> Resource:
    """Patient of one enrolment; `death` as `facts.death` finds it."""
    out = chart.head("Patient", "engraft-patient", "patient")
    number = {"system": chart.canonicals.sid("patient"), "value": enrolment.key}
    out["identifier"] = [number, *_identifiers(enrolment.identifiers)]
    out |= _gender(enrolment.sex) | primitive("birthDate", enrolment.birth_date)
    return out | (_deceased(death) if death else {})


def _gender(said: Said[str]) -> Element:
    """R4 demands one of its four words, and `unknown` is the one for this; why it is not known stands beside it."""
    return primitive("gender", said) | ({"gender": "unknown"} if isinstance(said, Missing) else {})


def _identifiers(said: tuple[Identifier, ...] | Missing) -> list[Element]:
    if isinstance(said, Missing):
        return [in_place(said)]
    return [primitive("system", each.system) | primitive("value", each.value) for each in said]


def _deceased(death: VitalStatus) -> Element:
    """R4 has one place for death: a date, or, where the date is not known, that it happened."""
    if isinstance(death.date, PartialDate):
        return {"deceasedDateTime": str(death.date)}
    why = {"_deceasedBoolean": unknown(death.date)} if isinstance(death.date, Missing) else {}
    return {"deceasedBoolean": True} | why
