"""What a centre says at a visit. Kept by centre + patient + visit (and date, for unscheduled visits).

Every section and every value may be None (not reported) or Missing (said to be missing); the two are never confused.
`id` is the centre's own id of a list item; without it an item is known by its kind and its first date.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from mappings.facts.enrolment import Measurements
from mappings.facts.values import Measured, Missing, PartialDate, Said, Word


@dataclass(frozen=True, slots=True)
class VitalStatus:
    """`status`: alive, dead or lost; `date`: seen alive, died, or last seen alive; `cause` when dead."""

    status: Word
    date: Said[PartialDate] = None
    cause: Said[Word] = None


@dataclass(frozen=True, slots=True)
class Recovery:
    """Recovery of one cell line; `date` where engrafted or failed."""

    status: Word
    date: Said[PartialDate] = None


@dataclass(frozen=True, slots=True)
class BloodCount:
    """One day's counts."""

    date: PartialDate
    neutrophils: Said[Measured] = None
    platelets: Said[Measured] = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Engraftment:
    neutrophils: Said[Recovery] = None
    platelets: Said[Recovery] = None
    counts: tuple[BloodCount, ...] = ()
    platelet_transfusions: tuple[PartialDate, ...] = ()


@dataclass(frozen=True, slots=True)
class MinimalResidualDisease:
    result: Word
    method: Word | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """ELN 2022 category at one assessment."""

    date: PartialDate
    category: Word
    marrow_blasts_percent: Said[Decimal] = None
    mrd: Said[MinimalResidualDisease] = None


@dataclass(frozen=True, slots=True)
class Relapse:
    date: PartialDate
    kind: Word


@dataclass(frozen=True, slots=True)
class ImmuneReconstitution:
    """Absolute counts per volume of blood."""

    date: PartialDate
    cd4: Said[Measured] = None
    cd8: Said[Measured] = None
    treg: Said[Measured] = None
    nk: Said[Measured] = None
    b: Said[Measured] = None


@dataclass(frozen=True, slots=True)
class Chimerism:
    """The donor's share in per cent."""

    date: PartialDate
    donor_percent: Said[Decimal]
    sample: Word | None = None
    lineage: Word | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class AcuteStep:
    """When a grade was first reached; stages where known."""

    date: PartialDate
    grade: Word
    skin: Said[int] = None
    liver: Said[int] = None
    upper_gi: Said[int] = None
    lower_gi: Said[int] = None


@dataclass(frozen=True, slots=True)
class AcuteGvhd:
    """One episode; `grade` and stages are the worst (MAGIC)."""

    onset: PartialDate
    grade: Said[Word] = None
    skin: Said[int] = None
    liver: Said[int] = None
    upper_gi: Said[int] = None
    lower_gi: Said[int] = None
    resolved: Said[PartialDate] = None
    treatment: tuple[Word, ...] | Missing | None = None
    steroid_refractory: Said[bool] = None
    course: tuple[AcuteStep, ...] = ()
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ChronicStep:
    date: PartialDate
    severity: Word
    organs: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ChronicGvhd:
    """One episode; `severity` and organ scores are the worst (NIH 2014)."""

    onset: PartialDate
    severity: Said[Word] = None
    organs: tuple[tuple[str, int], ...] = ()
    resolved: Said[PartialDate] = None
    systemic_treatment: Said[bool] = None
    treatment: tuple[Word, ...] | Missing | None = None
    after_dli: Said[int] = None
    course: tuple[ChronicStep, ...] = ()
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Gvhd:
    """`assessed` with empty lists says 'looked, none'; a list that is None was not reported."""

    assessed: Said[PartialDate] = None
    acute: tuple[AcuteGvhd, ...] | Missing | None = None
    chronic: tuple[ChronicGvhd, ...] | Missing | None = None


@dataclass(frozen=True, slots=True)
class Infection:
    onset: PartialDate
    kind: Word
    agent: Word | Missing | None = None
    site: Word | Missing | None = None
    severity: Word | Missing | None = None
    resolved: Said[PartialDate] = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class QualityOfLife:
    date: PartialDate
    instrument: Word
    version: str | None = None
    scores: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Immunosuppressant:
    drug: Word
    started: Said[PartialDate] = None
    stopped: Said[PartialDate] = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Immunosuppression:
    assessed: Said[PartialDate] = None
    drugs: tuple[Immunosuppressant, ...] | Missing | None = None


@dataclass(frozen=True, slots=True)
class Administration:
    """One dose given; `action` and `day` name the order (`thiotepa`, `D-13`)."""

    action: str
    date: date
    day: str | None = None
    given: Said[Measured] = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Dli:
    number: int
    date: PartialDate
    cd3_per_kg: Said[Measured] = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class DliWithheld:
    number: int
    date: PartialDate
    reason: Word
    id: str | None = None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One visit of one patient; None = the section was not reported."""

    centre: str
    patient: str
    visit: str
    date: PartialDate
    protocol: str | None = None
    vital_status: VitalStatus | Missing | None = None
    measurements: Measurements | Missing | None = None
    engraftment: Engraftment | Missing | None = None
    response: Response | Missing | None = None
    relapse: Relapse | Missing | None = None
    immune_reconstitution: ImmuneReconstitution | Missing | None = None
    chimerism: tuple[Chimerism, ...] | Missing | None = None
    gvhd: Gvhd | Missing | None = None
    infections: tuple[Infection, ...] | Missing | None = None
    quality_of_life: QualityOfLife | Missing | None = None
    immunosuppression: Immunosuppression | Missing | None = None
    administrations: tuple[Administration, ...] | Missing | None = None
    dli: tuple[Dli, ...] | Missing | None = None
    dli_withheld: tuple[DliWithheld, ...] | Missing | None = None

    @property
    def key(self) -> str:
        """What makes two follow-ups the same one."""
        visit = f"{self.visit}/{self.date}" if self.visit == "unscheduled" else self.visit
        return f"{self.centre}/{self.patient}/{visit}"
