"""Graft-versus-host disease, as a form: episodes whose grades must fit their organs and their course."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

from mappings.facts import AcuteGvhd, AcuteStep, ChronicGvhd, ChronicStep, Gvhd, Missing, PartialDate, Word
from mappings.intake import grading
from mappings.intake.fields import Chosen, Flag, Name, Text, When, Whole
from mappings.intake.form import Form, Items, Said, Section, known_by
from mappings.intake.scores import Organs
from mappings.intake.words import (
    ACUTE_GRADE,
    ACUTE_ORGANS,
    CHRONIC_ORGANS,
    CHRONIC_SEVERITY,
    GVHD_TREATMENT,
    UNKNOWN,
    WordList,
)
from mappings.r4.faults import Fault

_HIGHEST_SCORE = 3
_Step = TypeVar("_Step", AcuteStep, ChronicStep)


class _AcuteStepForm(Form):
    into = AcuteStep
    date = Said(When(), required=True)
    grade = Said(Chosen(ACUTE_GRADE), required=True)
    skin, liver, upper_gi, lower_gi = (Said(Whole(0, highest)) for highest in ACUTE_ORGANS.values())
    text = Said(Text())

    def contradictions(self, made: AcuteStep) -> Iterator[Fault]:
        yield from _against_stages(made)


class _AcuteForm(Form):
    into = AcuteGvhd
    id = Name()
    onset = Said(When(), required=True)
    grade = Said(Chosen(ACUTE_GRADE))
    skin, liver, upper_gi, lower_gi = (Said(Whole(0, highest)) for highest in ACUTE_ORGANS.values())
    resolved = Said(When())
    treatment = Said(Items(Said(Chosen(GVHD_TREATMENT))))
    steroid_refractory = Said(Flag())
    course = Said(Items(Section(_AcuteStepForm())))
    text = Said(Text())

    def contradictions(self, made: AcuteGvhd) -> Iterator[Fault]:
        yield from _against_stages(made)
        yield from _order(made)
        grades = [step.grade for step in _steps(made.course)]
        yield from _undated(_dates(made), grades)
        yield from _worst("grade", made.grade, grades, ACUTE_GRADE)
        yield from _worst_stages(made)


class _ChronicStepForm(Form):
    into = ChronicStep
    date = Said(When(), required=True)
    severity = Said(Chosen(CHRONIC_SEVERITY), required=True)
    organs = Said(Organs(CHRONIC_ORGANS, _HIGHEST_SCORE))
    text = Said(Text())

    def contradictions(self, made: ChronicStep) -> Iterator[Fault]:
        yield from _against_scores(made)


class _ChronicForm(Form):
    into = ChronicGvhd
    id = Name()
    onset = Said(When(), required=True)
    severity = Said(Chosen(CHRONIC_SEVERITY))
    organs = Said(Organs(CHRONIC_ORGANS, _HIGHEST_SCORE))
    resolved = Said(When())
    systemic_treatment = Said(Flag())
    treatment = Said(Items(Said(Chosen(GVHD_TREATMENT))))
    after_dli = Said(Whole(1))
    course = Said(Items(Section(_ChronicStepForm())))
    text = Said(Text())

    def contradictions(self, made: ChronicGvhd) -> Iterator[Fault]:
        yield from _against_scores(made)
        yield from _order(made)
        severities = [step.severity for step in _steps(made.course)]
        yield from _undated(_dates(made), severities)
        yield from _worst("severity", made.severity, severities, CHRONIC_SEVERITY)


class GvhdForm(Form):
    into = Gvhd
    assessed = Said(When())
    acute = Said(Items(Section(_AcuteForm()), known_by("onset")))
    chronic = Said(Items(Section(_ChronicForm()), known_by("onset")))


def _against_stages(made: AcuteGvhd | AcuteStep) -> Iterator[Fault]:
    stages = {organ: stage for organ in ACUTE_ORGANS if isinstance(stage := getattr(made, organ), int)}
    if isinstance(made.grade, Word) and made.grade.key in ACUTE_GRADE.words:
        possible = grading.possible_grades(stages)
        yield from _contradiction("grade", made.grade, stages, possible, ACUTE_GRADE, "MAGIC")


def _against_scores(made: ChronicGvhd | ChronicStep) -> Iterator[Fault]:
    told = () if isinstance(made.organs, Missing) else made.organs
    scores = {organ: score for organ, score in told if isinstance(score, int)}
    if isinstance(made.severity, Word) and made.severity.key in CHRONIC_SEVERITY.words:
        possible = grading.possible_severities(scores)
        yield from _contradiction("severity", made.severity, scores, possible, CHRONIC_SEVERITY, "NIH 2014")


def _contradiction(
    path: str, said: Word, organs: dict[str, int], possible: Collection[str], order: WordList, scale: str
) -> Iterator[Fault]:
    if said.key not in possible:
        shown = ", ".join(f"{organ} {score}" for organ, score in organs.items())
        fit = " or ".join(word for word in order.words if word in possible)
        yield Fault(path, f"{path} {said.key} contradicts {shown}: by {scale} these make {fit}", "invariant")


def _order(made: AcuteGvhd | ChronicGvhd) -> Iterator[Fault]:
    """The episode runs from its onset to its end, and its course in between."""
    onset = made.onset if isinstance(made.onset, PartialDate) else None
    end = made.resolved if isinstance(made.resolved, PartialDate) else None
    if onset and end and end.latest < onset.earliest:
        yield Fault("resolved", f"{end} is before the onset of {onset}", "invariant")
        end = None
    before: PartialDate | None = None
    for number, said in enumerate(_dates(made), 1):
        path = f"course.{number}.date"
        if isinstance(said, Missing):
            continue
        if onset and said.latest < onset.earliest:
            yield Fault(path, f"{said} is before the onset of {onset}", "invariant")
        if end and said.earliest > end.latest:
            yield Fault(path, f"{said} is after the end of {end}", "invariant")
        if before and (said == before or said.latest < before.earliest):
            yield Fault(path, f"{said} does not follow {before}: a course goes forward in time", "invariant")
        before = said


def _dates(made: AcuteGvhd | ChronicGvhd) -> list[PartialDate | Missing]:
    return [] if isinstance(made.course, Missing) else [step.date for step in made.course]


def _undated(dates: Sequence[PartialDate | Missing], heights: Sequence[Word | Missing]) -> Iterator[Fault]:
    """A step without a date is known by its height, since each is first reached once."""
    seen = set()
    for number, (date, height) in enumerate(zip(dates, heights, strict=True), 1):
        if isinstance(date, Missing):
            key = height.key if isinstance(height, Word) else UNKNOWN
            if key in seen:
                told = "is missing as in an earlier step of the same height: nothing tells the two apart"
                yield Fault(f"course.{number}.date", told, "duplicate")
            seen.add(key)


def _steps(course: tuple[_Step, ...] | Missing) -> tuple[_Step, ...]:
    return () if isinstance(course, Missing) else course


def _worst(path: str, said: object, course: Sequence[Word | Missing], order: WordList) -> Iterator[Fault]:
    """The episode's word is the worst of its course; a step of unknown height may have been the worst."""
    heights = [word.key for word in course if isinstance(word, Word) and word.key in order.words]
    if not isinstance(said, Word) or said.key not in order.words or not heights:
        return
    highest = grading.worst(heights, order.words)
    above, below = (order.words.index(word) for word in (said.key, highest))
    if above < below or (above > below and len(heights) == len(course)):
        told = f"{path} {said.key} is not the worst of the course, which is {highest}"
        yield Fault(path, told, "invariant")


def _worst_stages(made: AcuteGvhd) -> Iterator[Fault]:
    steps = _steps(made.course)
    for organ in ACUTE_ORGANS if steps else ():
        said = getattr(made, organ)
        reached = [stage for step in steps if isinstance(stage := getattr(step, organ), int)]
        if reached and isinstance(said, int) and max(reached) > said:
            yield Fault(organ, f"{organ} {said} is not the worst of the course, which is {max(reached)}", "invariant")
