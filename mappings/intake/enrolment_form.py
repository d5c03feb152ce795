"""The enrolment, as a form."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from mappings.facts import (
    BodyMeasure,
    ConsentGiven,
    Disease,
    Enrolment,
    Identifier,
    Measured,
    Measurements,
    Missing,
    PartialDate,
    Transplant,
)
from mappings.facts.plausible import HEIGHT, WEIGHT, Range
from mappings.intake.fields import Chosen, DayZero, Flag, Name, Number, OneOf, Text, When, Whole, refusal, shown
from mappings.intake.form import Form, Items, Said, Section, quantity
from mappings.intake.words import CONSENTS, DIAGNOSIS, DISEASE_STATUS, DONOR, GRAFT, SEXES
from mappings.protocol import names
from mappings.r4.faults import Fault


class ProtocolName(Name):
    """Key of a protocol that Engraft knows."""

    def read(self, value: Any) -> str:
        name = super().read(value)
        if name not in names():
            raise refusal(f"no protocol is called {shown(name)}; known: {', '.join(names())}", "not-found")
        return name


class _BodyForm(Form):
    """Weight or height in its one unit, checked for a slip of the pen."""

    value = Said(Number(), required=True)
    date = Said(When())
    told: str
    plausible: Range

    @staticmethod
    def into(value: Decimal | Missing, unit: str, date: PartialDate | Missing | None = None) -> BodyMeasure | Missing:
        """Without value and day there is no measure, and the unit alone says nothing."""
        if isinstance(value, Missing):
            return value if date is None else BodyMeasure(value, date)
        return BodyMeasure(Measured(value, unit), date)

    def contradictions(self, made: BodyMeasure | Missing) -> Iterator[Fault]:
        low, high, unit = self.plausible
        if (
            isinstance(made, BodyMeasure)
            and isinstance(made.value, Measured)
            and not self.plausible.admits(said := made.value.value)
        ):
            told = f"{shown(said)} {unit} is no plausible {self.told}; from {low} to {high} {unit} are taken"
            yield Fault("value", told)


class _WeightForm(_BodyForm):
    unit = OneOf((WEIGHT.unit,), required=True)
    told, plausible = "weight", WEIGHT


class _HeightForm(_BodyForm):
    unit = OneOf((HEIGHT.unit,), required=True)
    told, plausible = "height", HEIGHT


class MeasurementsForm(Form):
    into = Measurements
    weight = Said(Section(_WeightForm()))
    height = Said(Section(_HeightForm()))
    karnofsky = Said(Whole(0, 100, step=10))


class _IdentifierForm(Form):
    into = Identifier
    system = Said(Name(form=r"[A-Za-z][A-Za-z0-9+.-]*:\S+", told="a URI such as urn:oid:1.2.3"), required=True)
    value = Said(Name(), required=True)


class _ConsentForm(Form):
    into = ConsentGiven
    status = Said(OneOf(CONSENTS), required=True)
    date = Said(When())
    registry = Said(Flag())


class _DiseaseForm(Form):
    into = Disease
    diagnosis = Said(Chosen(DIAGNOSIS), required=True)
    status = Said(Chosen(DISEASE_STATUS))
    diagnosed = Said(When())
    blasts_percent = Said(Number(0, 100))
    text = Said(Text())


class _TransplantForm(Form):
    date = Said(DayZero())
    planned = Said(Flag())
    donor = Said(Chosen(DONOR))
    graft = Said(Chosen(GRAFT))
    cd34_per_kg = quantity("10*6/kg")
    cd3_per_kg = quantity("10*6/kg")
    text = Said(Text())

    @staticmethod
    def into(**said: Any) -> Transplant:
        """`planned` not said: a date makes it done, no date a plan; a date that nobody knows leaves that open too."""
        day = said.get("date")
        return Transplant(**{"planned": Missing(day.reason) if isinstance(day, Missing) else day is None, **said})

    def contradictions(self, made: Transplant) -> Iterator[Fault]:
        if made.date is None and not made.planned:
            yield Fault("date", "missing: a graft that was given has its day", "required")


class EnrolmentForm(Form):
    into = Enrolment
    centre = Name(required=True)
    patient = Name(required=True)
    protocol = ProtocolName(required=True)
    birth_date = Said(When())
    sex = Said(OneOf(SEXES))
    hospital_patient = Said(Name(form=r"Patient/[A-Za-z0-9.-]{1,64}", told="Patient/<id>"))
    identifiers = Said(Items(Section(_IdentifierForm())))
    consent = Said(Section(_ConsentForm()))
    disease = Said(Section(_DiseaseForm()))
    measurements = Said(Section(MeasurementsForm()))
    transplant = Said(Section(_TransplantForm()))
