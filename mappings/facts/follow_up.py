"""What a centre says at a visit. Kept by centre + patient + visit (and date, for unscheduled visits).

Every section and every value may be None (not reported) or Missing (said to be missing); the two are never confused.
What nothing can do without (`X | Missing`) is never None. `id` is the centre's own id of a list item; without it an
item is known by its kind and its first date.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from mappings.facts.enrolment import Measurements
from mappings.facts.values import NOT_PERFORMED, Measured, Missing, PartialDate, Said, Word


@dataclass(frozen=True, slots=True)
class VitalStatus:
    """`status`: alive, dead or lost; `date`: seen alive, died, or last seen alive; `cause` when dead."""

    status: Word | Missing
    date: Said[PartialDate] = None
    cause: Said[Word] = None


@dataclass(frozen=True, slots=True)
class Recovery:
    """Recovery of one cell line; `date` where engrafted or failed."""

    status: Word | Missing
    date: Said[PartialDate] = None


@dataclass(frozen=True, slots=True)
class BloodCount:
    """One day's counts."""

    date: PartialDate | Missing
    neutrophils: Said[Measured] = None
    platelets: Said[Measured] = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Engraftment:
    neutrophils: Said[Recovery] = None
    platelets: Said[Recovery] = None
    counts: tuple[BloodCount, ...] | Missing = ()
    platelet_transfusions: tuple[PartialDate | Missing, ...] | Missing = ()


@dataclass(frozen=True, slots=True)
class MinimalResidualDisease:
    result: Word | Missing
    method: Said[Word] = None


@dataclass(frozen=True, slots=True)
class Response:
    """ELN 2022 category at one assessment, and what it rests on; either may stand alone."""

    date: Said[PartialDate] = None
    category: Said[Word] = None
    marrow_blasts_percent: Said[Decimal] = None
    mrd: Said[MinimalResidualDisease] = None


@dataclass(frozen=True, slots=True)
class Relapse:
    date: Said[PartialDate] = None
    kind: Said[Word] = None


@dataclass(frozen=True, slots=True)
class ImmuneReconstitution:
    """Absolute counts per volume of blood."""

    date: Said[PartialDate] = None
    cd4: Said[Measured] = None
    cd8: Said[Measured] = None
    treg: Said[Measured] = None
    nk: Said[Measured] = None
    b: Said[Measured] = None


@dataclass(frozen=True, slots=True)
class Chimerism:
    """The donor's share in per cent."""

    date: PartialDate | Missing
    donor_percent: Decimal | Missing
    sample: Said[Word] = None
    lineage: Said[Word] = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class AcuteStep:
    """When a grade was first reached; stages where known."""

    date: PartialDate | Missing
    grade: Word | Missing
    skin: Said[int] = None
    liver: Said[int] = None
    upper_gi: Said[int] = None
    lower_gi: Said[int] = None


@dataclass(frozen=True, slots=True)
class AcuteGvhd:
    """One episode; `grade` and stages are the worst (MAGIC)."""

    onset: PartialDate | Missing
    grade: Said[Word] = None
    skin: Said[int] = None
    liver: Said[int] = None
    upper_gi: Said[int] = None
    lower_gi: Said[int] = None
    resolved: Said[PartialDate] = None
    treatment: Said[tuple[Word | Missing, ...]] = None
    steroid_refractory: Said[bool] = None
    course: tuple[AcuteStep, ...] | Missing = ()
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ChronicStep:
    date: PartialDate | Missing
    severity: Word | Missing
    organs: tuple[tuple[str, int | Missing], ...] | Missing = ()


@dataclass(frozen=True, slots=True)
class ChronicGvhd:
    """One episode; `severity` and organ scores are the worst (NIH 2014)."""

    onset: PartialDate | Missing
    severity: Said[Word] = None
    organs: tuple[tuple[str, int | Missing], ...] | Missing = ()
    resolved: Said[PartialDate] = None
    systemic_treatment: Said[bool] = None
    treatment: Said[tuple[Word | Missing, ...]] = None
    after_dli: Said[int] = None
    course: tuple[ChronicStep, ...] | Missing = ()
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Gvhd:
    """`assessed` with empty lists says 'looked, none'; a list that is None was not reported."""

    assessed: Said[PartialDate] = None
    acute: Said[tuple[AcuteGvhd, ...]] = None
    chronic: Said[tuple[ChronicGvhd, ...]] = None


@dataclass(frozen=True, slots=True)
class Infection:
    onset: PartialDate | Missing
    kind: Word | Missing
    agent: Said[Word] = None
    site: Said[Word] = None
    severity: Said[Word] = None
    resolved: Said[PartialDate] = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class QualityOfLife:
    instrument: Word | Missing
    date: Said[PartialDate] = None
    version: Said[str] = None
    scores: tuple[tuple[str, Decimal | Missing], ...] | Missing = ()


@dataclass(frozen=True, slots=True)
class Immunosuppressant:
    drug: Word | Missing
    started: Said[PartialDate] = None
    stopped: Said[PartialDate] = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Immunosuppression:
    assessed: Said[PartialDate] = None
    drugs: Said[tuple[Immunosuppressant, ...]] = None


@dataclass(frozen=True, slots=True)
class Administration:
    """One dose; `action` and `day` name the order (`thiotepa`, `D-13`)."""

    action: str | Missing
    date: PartialDate | Missing
    day: Said[str] = None
    given: Said[Measured] = None
    id: str | None = None

    @property
    def known_day(self) -> PartialDate | str | None:
        """What tells it from other doses of its action: its date, or where that is no day the protocol's day."""
        when = self.date if isinstance(self.date, PartialDate) else None
        named = self.day if isinstance(self.day, str) else None
        return when if when and when.exact else named or when

    @property
    def performed(self) -> bool:
        """Was it given? No, where its amount is said to be missing because it was not performed."""
        return not (isinstance(self.given, Missing) and self.given.reason == NOT_PERFORMED)


@dataclass(frozen=True, slots=True)
class Dli:
    number: int | Missing
    date: PartialDate | Missing
    cd3_per_kg: Said[Measured] = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class DliWithheld:
    number: int | Missing
    date: PartialDate | Missing
    reason: Said[Word] = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One visit of one patient; None = the section was not reported."""

    centre: str
    patient: str
    visit: str
    date: PartialDate
    protocol: str | None = None
    vital_status: Said[VitalStatus] = None
    measurements: Said[Measurements] = None
    engraftment: Said[Engraftment] = None
    response: Said[Response] = None
    relapse: Said[Relapse] = None
    immune_reconstitution: Said[ImmuneReconstitution] = None
    chimerism: Said[tuple[Chimerism, ...]] = None
    gvhd: Said[Gvhd] = None
    infections: Said[tuple[Infection, ...]] = None
    quality_of_life: Said[QualityOfLife] = None
    immunosuppression: Said[Immunosuppression] = None
    administrations: Said[tuple[Administration, ...]] = None
    dli: Said[tuple[Dli, ...]] = None
    dli_withheld: Said[tuple[DliWithheld, ...]] = None

    @property
    def occasion(self) -> str:
        """What tells this visit from the patient's others."""
        return f"{self.visit}/{self.date}" if self.visit == "unscheduled" else self.visit

    @property
    def key(self) -> str:
        """What makes two follow-ups the same one."""
        return f"{self.centre}/{self.patient}/{self.occasion}"
