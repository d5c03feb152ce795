"""Kaplan-Meier and Aalen-Johansen, with standard errors and log(-log) intervals; nothing but arithmetic.

Times are whole days. Patients censored on a day are still at risk for the events of that day. At risk on a day are all
whose time is that day or later.
Both agree with R's `survival` (see tests/data/survival_cases.json), including where it gives no number: the survival
curve has no standard error at 0, and no curve has an interval at 0 or 1.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95
"""Level of every interval; two-sided."""

_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


@dataclass(frozen=True, slots=True)
class Step:
    """The curve from `time` on, to the next step. `events` are those of interest on that very day.

    `closed`: nobody is left after this day and nobody was censored on it.
    """

    time: int
    at_risk: int
    events: int
    estimate: float
    se: float | None
    low: float | None
    high: float | None
    closed: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A curve on one day: `events` up to it, `at_risk` on it; None where follow-up does not reach that far."""

    at_risk: int
    events: int
    estimate: float | None
    se: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """A step function of `n` patients that starts at `start` (1 for survival, 0 for an incidence)."""

    n: int
    start: float
    steps: tuple[Step, ...]

    def at(self, day: int) -> Reading:
        """The curve on `day`: nothing is said past the last observed day unless events closed the curve there."""
        passed = [step for step in self.steps if step.time <= day]
        ahead = [step for step in self.steps if step.time >= day]
        events, at_risk = sum(step.events for step in passed), ahead[0].at_risk if ahead else 0
        if not ahead and not (passed and passed[-1].closed):
            return Reading(at_risk, events, None, None, None, None)
        if not passed:
            return Reading(at_risk, events, self.start, 0.0, None, None)
        last = passed[-1]
        return Reading(at_risk, events, last.estimate, last.se, last.low, last.high)


def kaplan_meier(observed: Iterable[tuple[int, int]]) -> Curve:
    """Probability of being free of the event; `observed` holds (day, 1 where it happened, else 0) of each patient.

    Greenwood's standard error. Source: Kaplan and Meier, J Am Stat Assoc 1958;53:457.
    """
    days = _days(observed)
    survival, spread, steps = 1.0, 0.0, []
    for day in days:
        survival *= (day.at_risk - day.events) / day.at_risk
        if day.events < day.at_risk:
            spread += day.events / (day.at_risk * (day.at_risk - day.events))
        se = survival * math.sqrt(spread) if survival else None
        steps.append(Step(day.time, day.at_risk, day.events, survival, se, *_interval(survival, se), day.closed))
    return Curve(days[0].at_risk if days else 0, 1.0, tuple(steps))


def aalen_johansen(observed: Iterable[tuple[int, int]]) -> Curve:
    """Cumulative incidence of the event of interest; `observed` holds (day, status) of each patient.

    Status 0 is censored, 1 the event of interest; every other is an event that makes it impossible, whatever the cause.
    The variance is Greenwood's for several states, carried from day to day.
    Source: Aalen and Johansen, Scand J Stat 1978;5:141; Andersen et al., Statistical Models Based on Counting
    Processes, section IV.4.1.
    """
    days = _days(observed)
    free, incidence, var_free, covariance, variance, competed, steps = 1.0, 0.0, 0.0, 0.0, 0.0, False, []
    for day in days:
        hazard, any_hazard, weight = day.events / day.at_risk, day.any_events / day.at_risk, free * free / day.at_risk
        variance += 2 * hazard * covariance + hazard * hazard * var_free + weight * hazard * (1 - hazard)
        covariance = (1 - any_hazard) * (covariance + hazard * var_free) - weight * hazard * (1 - any_hazard)
        var_free = (1 - any_hazard) ** 2 * var_free + weight * any_hazard * (1 - any_hazard)
        incidence += free * hazard
        free *= (day.at_risk - day.any_events) / day.at_risk
        competed = competed or day.any_events > day.events
        if not free and not competed:  # everyone had it: exactly 1, which a sum of binary fractions may miss
            incidence, variance = 1.0, 0.0
        se = math.sqrt(max(variance, 0.0))
        steps.append(Step(day.time, day.at_risk, day.events, incidence, se, *_interval(incidence, se), day.closed))
    return Curve(days[0].at_risk if days else 0, 0.0, tuple(steps))


@dataclass(frozen=True, slots=True)
class _Day:
    time: int
    at_risk: int
    events: int
    any_events: int

    @property
    def closed(self) -> bool:
        return self.any_events == self.at_risk


def _days(observed: Iterable[tuple[int, int]]) -> list[_Day]:
    """A Counter of (day, status) is taken as it is: then the cost is that of the days, not of the patients."""
    return list(_count_down(Counter(observed)))


def _count_down(counts: Counter[tuple[int, int]]) -> Iterator[_Day]:
    at_risk = counts.total()
    left, interest, other = Counter[int](), Counter[int](), Counter[int]()
    for (time, status), count in counts.items():
        left[time] += count
        (interest if status == 1 else other)[time] += count if status else 0
    for time in sorted(left):
        yield _Day(time, at_risk, interest[time], interest[time] + other[time])
        at_risk -= left[time]


def _interval(estimate: float, se: float | None) -> tuple[float | None, float | None]:
    """Interval on the scale log(-log(estimate)): it cannot leave 0 to 1, and does not exist at either end."""
    if se is None or not 0 < estimate < 1:
        return None, None
    reach = _Z * se / (estimate * abs(math.log(estimate)))
    return estimate ** math.exp(reach), estimate ** math.exp(-reach)
