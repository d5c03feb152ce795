"""What a centre says when it enrols a patient. Kept by centre + patient."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal

from mappings.facts.values import Measured, Missing, PartialDate, Said, Word


@dataclass(frozen=True, slots=True)
class Identifier:
    """A business identifier of the patient, e.g. the national one."""

    system: str | Missing
    value: str | Missing


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """`status`: active, inactive (withdrawn) or rejected; `registry`: may outcomes go to registries?

    A status that is said to be missing is no consent.
    """

    status: str | Missing
    date: Said[PartialDate] = None
    registry: Said[bool] = None


@dataclass(frozen=True, slots=True)
class Disease:
    """The leukaemia at enrolment; `status`: refractory or relapsed."""

    diagnosis: Word | Missing
    status: Said[Word] = None
    diagnosed: Said[PartialDate] = None
    blasts_percent: Said[Decimal] = None


@dataclass(frozen=True, slots=True)
class BodyMeasure:
    """Weight in kg or height in cm, with the day it was taken."""

    value: Measured | Missing
    date: Said[PartialDate] = None


@dataclass(frozen=True, slots=True)
class Measurements:
    """Body measures; Karnofsky in per cent, by tens."""

    weight: Said[BodyMeasure] = None
    height: Said[BodyMeasure] = None
    karnofsky: Said[int] = None


@dataclass(frozen=True, slots=True)
class Transplant:
    """The graft, planned or done (or not known which). `date` is day zero; donor, graft: words of the interface."""

    date: Said[datetime.date] = None
    planned: bool | Missing = True
    donor: Said[Word] = None
    graft: Said[Word] = None
    cd34_per_kg: Said[Measured] = None
    cd3_per_kg: Said[Measured] = None

    @property
    def day_zero(self) -> datetime.date | None:
        """The day of the graft, where it is known."""
        return None if isinstance(self.date, Missing) else self.date


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One patient in one protocol at one centre."""

    centre: str
    patient: str
    protocol: str
    birth_date: Said[PartialDate] = None
    sex: Said[str] = None
    hospital_patient: Said[str] = None
    identifiers: tuple[Identifier, ...] | Missing = ()
    consent: Said[ConsentGiven] = None
    disease: Said[Disease] = None
    measurements: Said[Measurements] = None
    transplant: Said[Transplant] = None

    @property
    def key(self) -> str:
        """What makes two enrolments the same one."""
        return f"{self.centre}/{self.patient}"
