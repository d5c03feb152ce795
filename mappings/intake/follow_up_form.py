"""The follow-up, as a form: one visit of one patient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mappings.facts import (
    Administration,
    BloodCount,
    Chimerism,
    Dli,
    DliWithheld,
    Engraftment,
    FollowUp,
    ImmuneReconstitution,
    Immunosuppressant,
    Immunosuppression,
    Infection,
    Measured,
    MinimalResidualDisease,
    PartialDate,
    QualityOfLife,
    Recovery,
    Relapse,
    Response,
    VitalStatus,
    Word,
)
from mappings.intake import words
from mappings.intake.enrolment_form import MeasurementsForm, ProtocolName
from mappings.intake.fields import Chosen, Name, Number, OneOf, Text, When, Whole
from mappings.intake.form import Form, Items, Said, Section, known_by, quantity
from mappings.intake.gvhd_form import GvhdForm
from mappings.intake.scores import Scores
from mappings.r4.faults import Fault

_COUNT, _CELLS, _DOSE = "10*9/L", "10*6/kg", "mg"


class DayName(Name):
    """A day of the protocol as the identifiers of orders write it: `D-13`, `D0`, `D3`; `D+3` is taken too."""

    def read(self, value: Any) -> str:
        return super().read(value).replace("+", "")


class _VitalStatusForm(Form):
    into = VitalStatus
    status = Said(Chosen(words.VITAL_STATUS), required=True)
    date = Said(When(death=False))
    cause = Said(Chosen(words.CAUSE))
    text = Said(Text())

    def contradictions(self, made: VitalStatus) -> Iterator[Fault]:
        status = made.status.key if isinstance(made.status, Word) else "said to be missing"
        if isinstance(made.cause, Word) and status != "dead":
            yield Fault("cause", f"belongs to a death, and the status is {status}", "invariant")
        if made.date is None and status == "lost":
            yield Fault("date", 'missing: say the date last seen alive, or {"not_done": "unknown"}', "required")


class _RecoveryForm(Form):
    into = Recovery
    status = Said(Chosen(words.ENGRAFTMENT), required=True)
    date = Said(When())
    text = Said(Text())


class _BloodCountForm(Form):
    into = BloodCount
    id = Name()
    date = Said(When(), required=True)
    neutrophils = quantity(_COUNT)
    platelets = quantity(_COUNT)


class _EngraftmentForm(Form):
    into = Engraftment
    neutrophils = Said(Section(_RecoveryForm()))
    platelets = Said(Section(_RecoveryForm()))
    counts = Said(Items(Section(_BloodCountForm()), known_by("date")))
    platelet_transfusions = Said(Items(Said(When())))


class _MrdForm(Form):
    into = MinimalResidualDisease
    result = Said(Chosen(words.MRD), required=True)
    method = Said(Chosen(words.MRD_METHOD))
    text = Said(Text())


class _ResponseForm(Form):
    into = Response
    date = Said(When())
    category = Said(Chosen(words.RESPONSE))
    marrow_blasts_percent = Said(Number(0, 100))
    mrd = Said(Section(_MrdForm()))
    text = Said(Text())


class _RelapseForm(Form):
    into = Relapse
    date = Said(When())
    kind = Said(Chosen(words.RELAPSE))
    text = Said(Text())

    def contradictions(self, made: Relapse) -> Iterator[Fault]:
        if made.date is None and not isinstance(made.kind, Word):
            yield Fault("date", "missing: neither a date nor a kind tells of a relapse", "required")


class _ImmuneForm(Form):
    into = ImmuneReconstitution
    date = Said(When())
    cd4, cd8, treg, nk, b = (quantity(_COUNT) for _ in range(5))


class _ChimerismForm(Form):
    into = Chimerism
    id = Name()
    date = Said(When(), required=True)
    sample = Said(Chosen(words.SAMPLE))
    lineage = Said(Chosen(words.LINEAGE))
    donor_percent = Said(Number(0, 100), required=True)
    text = Said(Text())


class _InfectionForm(Form):
    into = Infection
    id = Name()
    onset = Said(When(), required=True)
    kind = Said(Chosen(words.INFECTION_KIND), required=True)
    agent = Said(Chosen(words.INFECTION_AGENT))
    site = Said(Chosen(words.INFECTION_SITE))
    severity = Said(Chosen(words.INFECTION_SEVERITY))
    resolved = Said(When())
    text = Said(Text())

    def contradictions(self, made: Infection) -> Iterator[Fault]:
        yield from _ended("resolved", made.onset, made.resolved)


class _QualityOfLifeForm(Form):
    into = QualityOfLife
    date = Said(When())
    instrument = Said(Chosen(words.INSTRUMENT), required=True)
    version = Said(Text())
    scores = Said(Scores())
    text = Said(Text())


class _ImmunosuppressantForm(Form):
    into = Immunosuppressant
    id = Name()
    drug = Said(Chosen(words.IMMUNOSUPPRESSANT), required=True)
    started = Said(When())
    stopped = Said(When())
    text = Said(Text())

    def contradictions(self, made: Immunosuppressant) -> Iterator[Fault]:
        yield from _ended("stopped", made.started, made.stopped)


class _ImmunosuppressionForm(Form):
    into = Immunosuppression
    assessed = Said(When())
    drugs = Said(Items(Section(_ImmunosuppressantForm()), known_by("drug", "started")))


class _AdministrationForm(Form):
    into = Administration
    id = Name()
    action = Said(OneOf(words.ACTIONS), required=True)
    day = Said(DayName(form=r"D(0|[+-]?[1-9][0-9]{0,3})", told="a day of the protocol such as D-13, D0 or D+3"))
    date = Said(When(), required=True)
    given = quantity(_DOSE)

    def contradictions(self, made: Administration) -> Iterator[Fault]:
        yield from _given_at_all("given", made.given)


class _DliForm(Form):
    into = Dli
    id = Name()
    number = Said(Whole(1), required=True)
    date = Said(When(), required=True)
    cd3_per_kg = quantity(_CELLS)

    def contradictions(self, made: Dli) -> Iterator[Fault]:
        yield from _given_at_all("cd3_per_kg", made.cd3_per_kg)


class _DliWithheldForm(Form):
    """Withheld because the patient died: its date may lie after the death."""

    into = DliWithheld
    id = Name()
    number = Said(Whole(1), required=True)
    date = Said(When(death=False), required=True)
    reason = Said(Chosen(words.WITHHELD))
    text = Said(Text())


class FollowUpForm(Form):
    into = FollowUp
    centre = Name(required=True)
    patient = Name(required=True)
    protocol = ProtocolName()
    visit = OneOf(words.VISITS, required=True)
    date = When(required=True, visit=False, death=False)
    vital_status = Said(Section(_VitalStatusForm()))
    measurements = Said(Section(MeasurementsForm()))
    engraftment = Said(Section(_EngraftmentForm()))
    response = Said(Section(_ResponseForm()))
    relapse = Said(Section(_RelapseForm()))
    immune_reconstitution = Said(Section(_ImmuneForm()))
    chimerism = Said(Items(Section(_ChimerismForm()), known_by("sample", "lineage", "date")))
    gvhd = Said(Section(GvhdForm()))
    infections = Said(Items(Section(_InfectionForm()), known_by("kind", "onset")))
    quality_of_life = Said(Section(_QualityOfLifeForm()))
    immunosuppression = Said(Section(_ImmunosuppressionForm()))
    administrations = Said(Items(Section(_AdministrationForm()), known_by("action", "known_day")))
    dli = Said(Items(Section(_DliForm()), known_by("number")))
    dli_withheld = Said(Items(Section(_DliWithheldForm()), known_by("number", "date")))


def _given_at_all(path: str, amount: Any) -> Iterator[Fault]:
    """What was not given is no dose: it would make its order done."""
    if isinstance(amount, Measured) and not amount.value:
        yield Fault(
            path, "nothing was given: leave this entry out, or say not_done where the amount is not known", "invariant"
        )


def _ended(path: str, start: Any, end: Any) -> Iterator[Fault]:
    if isinstance(start, PartialDate) and isinstance(end, PartialDate) and end.latest < start.earliest:
        yield Fault(path, f"{end} is before the start of {start}", "invariant")
