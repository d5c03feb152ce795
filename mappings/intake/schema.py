"""The door for what centres send: a JSON document in, facts out, or a refusal that names every fault with its path."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, cast

from marshmallow import Schema, ValidationError

from mappings.facts import BodyMeasure, Enrolment, FollowUp, Measured, Measurements, PartialDate
from mappings.intake import document as documents
from mappings.intake import limits, paths
from mappings.intake.columns import FORMS, Kind, kind_by
from mappings.intake.document import to_document
from mappings.intake.enrolment_form import MeasurementsForm
from mappings.intake.swift import Reader, reader
from mappings.r4.faults import Fault, FaultyInput

__all__ = ["cross_check", "enrolment", "follow_up", "kind_of", "to_document", "weight"]

_DOORS = {
    "QuestionnaireResponse": "a QuestionnaireResponse goes to POST /follow-ups as application/fhir+json",
    "Bundle": "a transaction or batch goes to POST /fhir",
}


def enrolment(document: Any, as_of: date) -> Enrolment:
    """One enrolment. Raises FaultyInput with every fault; dates after `as_of` are faults, but for a planned graft."""
    _refuse_stranger(document)
    return cast("Enrolment", _load(FORMS["enrolment"], document, limits.of_enrolment(document, as_of)))


def follow_up(document: Any, as_of: date) -> FollowUp:
    """One follow-up. Raises FaultyInput with every fault; dates after `as_of` or after the visit are faults."""
    _refuse_stranger(document)
    return cast("FollowUp", _load(FORMS["follow-up"], document, limits.of_follow_up(document, as_of)))


def weight(document: Any, as_of: date) -> tuple[Decimal, date]:
    """One body weight by itself, `{"value": 66.5, "unit": "kg", "date": "2026-02-20"}`: kg and the day, both needed.

    Raises FaultyInput with every fault.
    """
    said = cast("Measurements", _load(_measures(), {"weight": document}, limits.Limits(as_of))).weight
    value, day = (said.value, said.date) if isinstance(said, BodyMeasure) else (None, None)
    if not isinstance(value, Measured):
        raise FaultyInput([Fault("weight.value", "missing: nobody is dosed by an unknown weight", "required")])
    if not isinstance(day, PartialDate) or day.exact is None:
        raise FaultyInput([Fault("weight.date", "missing: the day on which it was taken", "required")])
    return value.value, day.exact


def kind_of(document: Any) -> Kind:
    """`enrolment` or `follow-up`, told by the keys: `visit` makes a follow-up.

    A document without it that has only sections of a visit is one too, so that the fault is the missing `visit`.
    Raises FaultyInput (structure) for what is neither, e.g. a FHIR resource.
    """
    _refuse_stranger(document)
    return kind_by(document.keys())


def cross_check(follow_up: FollowUp, enrolment: Enrolment) -> list[Fault]:
    """Faults of a follow-up that only its enrolment shows: another patient, or a date before the birth."""
    out = [
        Fault(name, "is not that of the enrolment", "business-rule")
        for name in ("centre", "patient", "protocol")
        if getattr(follow_up, name) not in (None, getattr(enrolment, name))
    ]
    born = enrolment.birth_date
    if isinstance(born, PartialDate):
        day = born.earliest
        early = [(path, said) for path, said in documents.dates(follow_up) if said.latest < day]
        out += [Fault(path, f"{said} is before the birth of the patient", "invariant") for path, said in early]
    return out


@cache
def _measures() -> Schema:
    return MeasurementsForm()


@cache
def _reader(form: Schema) -> Reader:
    return reader(form)


def _load(form: Schema, document: Mapping[str, Any], bounds: limits.Limits) -> Any:
    with limits.holding(bounds):
        try:
            return _reader(form)(document)
        except ValidationError:
            return _explained(form, document)


def _explained(form: Schema, document: Mapping[str, Any]) -> Any:
    """The same reading by the form itself, which finds every fault and names it."""
    try:
        return form.load(document)
    except ValidationError as error:
        raise FaultyInput(list(paths.faults(error.messages))) from None


def _refuse_stranger(document: Any) -> None:
    if not isinstance(document, Mapping):
        raise FaultyInput([Fault(paths.DOCUMENT, "expected one JSON object: an enrolment or a follow-up", "structure")])
    kind = document.get("resourceType")
    if kind is not None:
        known = kind if isinstance(kind, str) and kind.isalpha() and len(kind) <= 64 else "resource"
        door = _DOORS.get(known, "FHIR resources go to /fhir/<type>")
        told = f"this is a FHIR {known}, no enrolment and no follow-up of the interface; {door}"
        raise FaultyInput([Fault("resourceType", told, "structure")])
