"""What endpoints say: of one patient, of all, and of whom they leave out. Days are whole days from the origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mappings.registry.estimators import Curve

CENSORED, EVENT, COMPETING = 0, 1, 2

BY_ONSET = "dated_by_onset"
"""Mark of an event that is dated by the onset of its episode; rows count them."""

MARKS = {BY_ONSET: "GVHD dated by its onset: the day on which the grade was reached is not told"}
"""What is listed of a patient whose event bears a mark."""


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
class Row:
    """A time to an event, at one horizon. None stands for what does not exist, or (in `suppressed`) is not shown.

    `events` counts to the horizon, `at_risk` those whose time is the horizon or later; the estimate is a probability.
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
    more: Mapping[str, Any] = field(default_factory=dict)
    suppressed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CountRow:
    """`count` of `of` patients, who are those of `among`. `horizon_days` is None where no day is meant."""

    endpoint: str
    horizon_days: int | None
    count: int | None
    of: int | None
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    method: str
    among: str
    category: str
    more: Mapping[str, Any] = field(default_factory=dict)
    suppressed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpreadRow:
    """Measured values of `n` patients, in `unit`."""

    endpoint: str
    horizon_days: int
    n: int | None
    median: float | None
    q1: float | None
    q3: float | None
    min: float | None
    max: float | None
    method: str
    unit: str
    more: Mapping[str, Any] = field(default_factory=dict)
    suppressed: tuple[str, ...] = ()


AnyRow = Row | CountRow | SpreadRow


@dataclass(frozen=True, slots=True)
class Verdict:
    """One patient in one analysis of a time: what ended it after `days`, and where that stands (`Type/id`).

    `excluded` and `listed` are sentences. `marks`: what a row counts beside its events, such as `dated_by_onset`.
    """

    patient: str
    days: int
    status: int
    sources: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    @property
    def happened(self) -> bool:
        return self.status == EVENT


@dataclass(frozen=True, slots=True)
class Found:
    """One patient in one analysis of counts or values: what was found, by horizon (None: by no day), and where."""

    patient: str
    values: Mapping[int | None, Any]
    sources: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """One endpoint of one cohort. `main`: the row that stands for the whole, where there is one."""

    endpoint: str
    title: str
    rows: tuple[AnyRow, ...]
    main: AnyRow | None
    curve: Curve | None
    subjects: tuple[Verdict | Found, ...]
    excluded: tuple[Excluded, ...]
    listed: tuple[Listed, ...]
