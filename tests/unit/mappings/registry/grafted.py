"""Courses of made-up patients by days from the graft, for the tests of endpoints."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from mappings.facts import (
    AcuteGvhd,
    AcuteStep,
    Chimerism,
    ChronicGvhd,
    ChronicStep,
    Dli,
    DliWithheld,
    Immunosuppressant,
    Measured,
    Missing,
    PartialDate,
    Relapse,
    Response,
    VitalStatus,
    Word,
)
from mappings.registry.blood_facts import Reported, Result, Transfusion
from mappings.registry.course import Course, Dated
from mappings.registry.course_facts import CourseFacts
from mappings.registry.endpoints import analyse
from mappings.registry.gvhd_facts import GvhdAssessment
from mappings.registry.judged import Analysis, Found, Verdict
from mappings.registry.pieces import Told
from mappings.registry.treatment_facts import ImmunosuppressionAssessment

ZERO = date(2026, 3, 2)
FAR = date(2032, 1, 1)
UNKNOWN = Missing("unknown")


def day(number: int) -> str:
    return (ZERO + timedelta(days=number)).isoformat()


def on(when: Any) -> Any:
    """A day from the graft, a date as it would be written, or the reason why there is none."""
    return PartialDate(day(when)) if isinstance(when, int) else PartialDate(when) if isinstance(when, str) else when


def dated(when: int | str, source: str) -> Dated:
    written = day(when) if isinstance(when, int) else when
    return Dated(date.fromisoformat((written + "-15")[:10]), written, source)


def course(
    patient: str = "a",
    alive: int | None = None,
    died: int | str | None = None,
    *,
    zero: int | str | None = 0,
    undated_death: bool = False,
    grafts: tuple[int, ...] = (),
    **facts: Any,
) -> Course:
    """`alive`: last day known alive; the facts by their domain, each bare."""
    told = {
        name: tuple(Told(fact, f"Observation/{name.replace('_', '-')}-{n}") for n, fact in enumerate(those))
        for name, those in facts.items()
    }
    return Course(
        patient,
        None if zero is None else dated(zero, "Procedure/graft"),
        None if died is None else dated(died, "Patient/a"),
        "Patient/a" if undated_death else None,
        () if alive is None else (dated(alive, "Observation/seen"),),
        tuple(dated(each, f"Procedure/graft-{each}") for each in grafts),
        CourseFacts(**told),
    )


def judged(endpoint: str, of: Course, as_of: date = FAR) -> Verdict | Found:
    """What the endpoint says of one patient."""
    (subject,) = analyse(endpoint, [of], as_of).subjects
    return subject


def ended(endpoint: str, of: Course, as_of: date = FAR) -> tuple[int, int]:
    """(days, status): 0 censored, 1 the event, 2 what competes."""
    said = judged(endpoint, of, as_of)
    assert isinstance(said, Verdict)
    return said.days, said.status


def analysis_of(endpoint: str, *courses: Course, horizons: tuple[int, ...] = (), as_of: date = FAR) -> Analysis:
    return analyse(endpoint, courses, as_of, horizons)


def relapse(when: Any, kind: str | None = "haematological") -> Relapse:
    return Relapse(on(when), Word(kind) if kind else UNKNOWN)


def response(when: Any, category: str) -> Response:
    return Response(on(when), Word(category))


def acute(onset: Any, grade: str | None = "II", *steps: tuple[Any, str], **more: Any) -> AcuteGvhd:
    course_of_it = tuple(AcuteStep(on(when), Word(word)) for when, word in steps)
    return AcuteGvhd(on(onset), Word(grade) if grade else None, course=course_of_it, **more)


def chronic(onset: Any, severity: str | None = "mild", *steps: tuple[Any, str], **more: Any) -> ChronicGvhd:
    course_of_it = tuple(ChronicStep(on(when), Word(word)) for when, word in steps)
    return ChronicGvhd(on(onset), Word(severity) if severity else None, course=course_of_it, **more)


def looked(when: Any, acute: Any = False, chronic: Any = False) -> GvhdAssessment:
    return GvhdAssessment(on(when), acute, chronic)


def words(*keys: str) -> tuple[Word, ...]:
    return tuple(map(Word, keys))


def cells(which: str, when: Any, value: Any, unit: str = "10*9/L", comparator: str | None = None) -> Result:
    return Result(which, on(when), Measured(Decimal(str(value)), unit, comparator))


def reported(line: str, status: str, when: Any = None) -> Reported:
    return Reported(line, Word(status), on(when))


def drug(started: Any, stopped: Any, name: str = "ciclosporin") -> Immunosuppressant:
    return Immunosuppressant(Word(name), on(started), on(stopped))


def off_drugs(when: Any, ongoing: Any = False) -> ImmunosuppressionAssessment:
    return ImmunosuppressionAssessment(on(when), ongoing)


def dli(number: Any, when: Any) -> Dli:
    return Dli(number, on(when))


def withheld(number: int, when: Any, reason: str | None) -> DliWithheld:
    return DliWithheld(number, on(when), Word(reason) if reason else UNKNOWN)


def donor(when: Any, percent: Any, lineage: str | None = "whole-blood", sample: str = "blood") -> Chimerism:
    share = percent if isinstance(percent, Missing) else Decimal(str(percent))
    return Chimerism(on(when), share, Word(sample), Word(lineage) if lineage else None)


def transfused(when: Any, given: Any = True) -> Transfusion:
    return Transfusion(on(when), given)


def dead_of(cause: str | None, when: Any) -> VitalStatus:
    return VitalStatus(Word("dead"), on(when), Word(cause) if cause else None)
