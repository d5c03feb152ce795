"""Endpoints of the protocol, from courses to rows. Who counts by a special rule is named with the rule.

Days are whole days from day zero, the calendar date of the first transplant. Follow-up ends on the last day that the
patient is known alive, on death, or at the cut-off, whichever is first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from mappings.r4.faults import Fault, FaultyInput
from mappings.registry.course import Course, Dated
from mappings.registry.estimators import Curve, kaplan_meier

KAPLAN_MEIER = "kaplan-meier"

NOT_BUILT = (
    *("lfs", "relapse", "nrm", "disease-death", "agvhd-2-4", "agvhd-3-4", "cgvhd", "cgvhd-moderate-severe", "grfs"),
    *("neutrophil-engraftment", "platelet-engraftment", "response", "chimerism", "pdli-feasibility", "pdli-gvhd"),
    *("immune-cd4", "immune-cd8", "immune-treg", "immune-nk", "immune-b"),
)
"""Endpoint ids of the public interface that are refused as not yet supported."""


@dataclass(frozen=True, slots=True)
class Row:
    """An endpoint at one horizon. None stands for what does not exist, or (named in `suppressed`) is not shown.

    `events` counts to the horizon, `at_risk` those still followed on that day; the estimate is a probability.
    """

    endpoint: str
    horizon_days: int
    n: int | None
    at_risk: int | None
    events: int | None
    estimate: float | None
    se: float | None
    ci_low: float | None
    ci_high: float | None
    method: str
    suppressed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Excluded:
    """`what`: the whole `patient`, or only an `event` of a patient who stays in the analysis."""

    patient: str
    reason: str
    what: str = "patient"


@dataclass(frozen=True, slots=True)
class Listed:
    """A patient who counts by a special rule."""

    patient: str
    rule: str


@dataclass(frozen=True, slots=True)
class Subject:
    """One patient in one analysis: `happened` after `days`, or not until then. `sources`: where that stands."""

    patient: str
    days: int
    happened: bool
    sources: tuple[str, ...]
    excluded: tuple[Excluded, ...] = ()
    listed: tuple[Listed, ...] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """One endpoint of one cohort."""

    endpoint: str
    main_horizon: int
    rows: tuple[Row, ...]
    curve: Curve
    subjects: tuple[Subject, ...]
    excluded: tuple[Excluded, ...]
    listed: tuple[Listed, ...]


@dataclass(frozen=True, slots=True)
class _Endpoint:
    title: str
    main_horizon: int
    judge: Callable[[Course, Dated, date], Subject]


def known() -> tuple[str, ...]:
    """Ids of the endpoints that can be computed."""
    return tuple(_ENDPOINTS)


def title(endpoint: str) -> str:
    """The endpoint in words."""
    return _ENDPOINTS[endpoint].title


def require_known(endpoints: Iterable[str]) -> None:
    """Raises FaultyInput for each id that cannot be computed, naming those that can."""
    faults = [_unknown(endpoint) for endpoint in endpoints if endpoint not in _ENDPOINTS]
    if faults:
        raise FaultyInput(faults)


def analyse(endpoint: str, courses: Sequence[Course], as_of: date, horizons: Collection[int] = ()) -> Analysis:
    """Rows at the endpoint's main horizon and at those asked for, in days. Raises FaultyInput."""
    require_known([endpoint])
    if impossible := sorted(day for day in horizons if day < 0):
        raise FaultyInput([Fault("horizons", f"{day} is no day after the transplant") for day in impossible])
    definition = _ENDPOINTS[endpoint]
    judged = [_judge(course, as_of, definition) for course in courses]
    subjects = tuple(each for each in judged if isinstance(each, Subject))
    left_out = [each for each in judged if isinstance(each, Excluded)]
    curve = kaplan_meier((subject.days, subject.happened) for subject in subjects)
    return Analysis(
        endpoint,
        definition.main_horizon,
        tuple(_row(endpoint, curve, day) for day in sorted({definition.main_horizon, *horizons})),
        curve,
        subjects,
        tuple(left_out + [entry for subject in subjects for entry in subject.excluded]),
        tuple(entry for subject in subjects for entry in subject.listed),
    )


def _unknown(endpoint: str) -> Fault:
    names = ", ".join(_ENDPOINTS)
    if endpoint in NOT_BUILT:
        return Fault("endpoint", f"{endpoint} is not yet supported; supported: {names}", "not-supported")
    return Fault("endpoint", f"no endpoint is called {endpoint}; known: {names}", "not-found")


def _judge(course: Course, as_of: date, definition: _Endpoint) -> Subject | Excluded:
    zero = course.day_zero
    if zero is None:
        return Excluded(course.patient, "no transplant with a date")
    if zero.day > as_of:
        return Excluded(course.patient, "transplant after the cut-off")
    subject = definition.judge(course, zero, as_of)
    if zero.imputed:
        rule = f"transplant known to the month ({zero.written}): counted from {zero.day}"
        return replace(subject, listed=(Listed(course.patient, rule), *subject.listed))
    return subject


def _row(endpoint: str, curve: Curve, day: int) -> Row:
    found = curve.at(day)
    between = found.estimate is not None and 0 < found.estimate < 1
    se = found.se if between else None  # where nobody, or everybody, had the event there is no uncertainty to state
    return Row(
        endpoint, day, curve.n, found.at_risk, found.events, found.estimate, se, found.low, found.high, KAPLAN_MEIER
    )


def _overall_survival(course: Course, zero: Dated, as_of: date) -> Subject:
    """Death of any cause; nothing competes."""
    death = course.death
    if course.death_undated:
        return _censored(course, zero, as_of, "death without a date", course.death_undated)
    if death is None:
        return _censored(course, zero, as_of)
    died = _day_of_death(course, zero, death)
    if died < zero.day:
        return _censored(course, zero, as_of, "death before the transplant", death.source)
    if died > as_of:
        return _censored(replace(course, contacts=(*course.contacts, death)), zero, as_of)
    listed = []
    if death.imputed:
        listed.append(Listed(course.patient, f"death known to the month ({death.written}): counted on {died}"))
    if any(contact.day > died for contact in course.contacts):
        listed.append(Listed(course.patient, "facts dated after death: the date of death holds"))
    sources = tuple(dict.fromkeys((zero.source, death.source)))
    return Subject(course.patient, (died - zero.day).days, True, sources, listed=tuple(listed))


def _censored(course: Course, zero: Dated, as_of: date, reason: str = "", source: str = "") -> Subject:
    """Followed to the last day known alive or the cut-off; `reason` is why a death cannot count."""
    last = max((zero, *course.contacts), key=lambda fact: fact.day)
    end = min(last.day, as_of)
    listed = [Listed(course.patient, f"{reason}: counted as alive until {end}")] if reason else []
    if last.imputed and last is not zero and last.day <= as_of:
        listed.append(Listed(course.patient, f"last contact known to the month ({last.written}): counted on {end}"))
    excluded = (Excluded(course.patient, reason, "event"),) if reason else ()
    sources = tuple(dict.fromkeys(filter(None, (zero.source, last.source, source))))
    return Subject(course.patient, (end - zero.day).days, False, sources, excluded, tuple(listed))


def _day_of_death(course: Course, zero: Dated, death: Dated) -> date:
    """The middle of a month of which the day is not known, moved on to the last day known alive in that month."""
    if not death.imputed:
        return death.day
    alive = [fact.day for fact in (zero, *course.contacts) if f"{fact.day:%Y-%m}" == death.written]
    return max([death.day, *alive])


_ENDPOINTS = {"os": _Endpoint("Overall survival", 730, _overall_survival)}
