"""What a centre says when it enrols a patient. Kept by centre + patient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from mappings.facts.values import Measured, Missing, PartialDate, Said, Word


@dataclass(frozen=True, slots=True)
class Identifier:
    """A business identifier of the patient, e.g. the national one."""

    system: str
    value: str


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """`status`: active, inactive (withdrawn) or rejected; `registry`: may outcomes go to registries?"""

    status: str
    date: PartialDate | None = None
    registry: bool | None = None


@dataclass(frozen=True, slots=True)
class Disease:
    """The leukaemia at enrolment; `status`: refractory or relapsed."""

    diagnosis: Word
    status: Said[Word] = None
    diagnosed: Said[PartialDate] = None
    blasts_percent: Said[Decimal] = None


@dataclass(frozen=True, slots=True)
class BodyMeasure:
    """Weight in kg or height in cm, with the day it was taken."""

    value: Measured
    date: PartialDate | None = None


@dataclass(frozen=True, slots=True)
class Measurements:
    """Body measures; Karnofsky in per cent, by tens."""

    weight: Said[BodyMeasure] = None
    height: Said[BodyMeasure] = None
    karnofsky: Said[int] = None


@dataclass(frozen=True, slots=True)
class Transplant:
    """The graft, planned or done. `date` is day zero; donor, graft: words of the interface."""

    date: date | None = None
    planned: bool = True
    donor: Said[Word] = None
    graft: Said[Word] = None
    cd34_per_kg: Said[Measured] = None
    cd3_per_kg: Said[Measured] = None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One patient in one protocol at one centre."""

    centre: str
    patient: str
    protocol: str
    birth_date: PartialDate | None = None
    sex: str | None = None
    hospital_patient: str | None = None
    identifiers: tuple[Identifier, ...] = ()
    consent: ConsentGiven | None = None
    disease: Disease | Missing | None = None
    measurements: Measurements | Missing | None = None
    transplant: Transplant | Missing | None = None

    @property
    def key(self) -> str:
        """What makes two enrolments the same one."""
        return f"{self.centre}/{self.patient}"
