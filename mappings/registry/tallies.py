"""Patients one by one into the rows of an endpoint.

What is kept of a patient is a number in a count, and who is excluded or listed; subjects are kept only where somebody
will ask for them. So a cohort costs the days and values that occur in it, not its patients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mappings.registry.estimators import Curve, aalen_johansen, kaplan_meier
from mappings.registry.followed import Followed
from mappings.registry.judged import EVENT, Analysis, AnyRow, Excluded, Found, Listed, Row, Verdict

KAPLAN_MEIER, AALEN_JOHANSEN = "kaplan-meier", "aalen-johansen"
Horizons = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class TimeToEvent:
    """An endpoint that is a time. `judge` answers None for who is not meant. `more`: what rows count beside."""

    title: str
    horizons: tuple[int, ...]
    method: str
    judge: Callable[[Followed], Verdict | Excluded | None]
    marks: tuple[str, ...] = ()
    more: Callable[[Followed], Iterable[tuple[str, str]]] | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """An endpoint that is a count or a value at dates."""

    title: str
    horizons: Horizons
    judge: Callable[[Followed, Sequence[int | None]], Found]
    rows: Callable[[str, int | None, Counter[Any]], Iterator[AnyRow]]
    fixed: bool = False
    """Its dates are its own: horizons that are asked for do not change them."""


Endpoint = TimeToEvent | Counted


class Tally(Protocol):
    """Takes patients, gives an analysis."""

    def add(self, followed: Followed) -> None: ...

    def take_over(self, other: Any) -> None:
        """The patients of another of the same endpoint, after its own."""

    def analysis(self, left_out: Sequence[Excluded]) -> Analysis: ...


@dataclass(slots=True)
class _Kept:
    keep: bool
    subjects: list[Verdict | Found] = field(default_factory=list)
    excluded: list[Excluded] = field(default_factory=list)
    listed: list[Listed] = field(default_factory=list)

    def take(self, one: Verdict | Found) -> None:
        self.excluded += [Excluded(one.patient, reason, "event") for reason in one.excluded]
        self.listed += [Listed(one.patient, rule) for rule in one.listed]
        if self.keep:
            self.subjects.append(one)

    def take_over(self, other: _Kept) -> None:
        self.subjects += other.subjects
        self.excluded += other.excluded
        self.listed += other.listed


def tally(endpoint: str, definition: Endpoint, horizons: Sequence[int], *, keep: bool) -> Tally:
    """`horizons` instead of the endpoint's own; `keep`: the subjects too."""
    if isinstance(definition, TimeToEvent):
        return TimeTally(endpoint, definition, tuple(sorted(set(horizons))) or definition.horizons, keep)
    days: Horizons = tuple(sorted(set(horizons))) if horizons and not definition.fixed else definition.horizons
    return CountTally(endpoint, definition, days, keep)


class TimeTally:
    """Counts of (day, status), and of marks by day."""

    def __init__(self, endpoint: str, definition: TimeToEvent, horizons: tuple[int, ...], keep: bool) -> None:
        self.endpoint, self.definition, self.horizons = endpoint, definition, horizons
        self.counts: Counter[tuple[int, int]] = Counter()
        self.marks: Counter[tuple[str, int]] = Counter()
        self.more: Counter[tuple[str, str, int]] = Counter()
        self.kept = _Kept(keep)

    def add(self, followed: Followed) -> None:
        said = self.definition.judge(followed)
        if isinstance(said, Excluded):
            self.kept.excluded.append(said)
        elif said:
            self.counts[said.days, said.status] += 1
            self.marks.update((mark, said.days) for mark in said.marks)
            if said.status == EVENT and self.definition.more:
                self.more.update((name, word, said.days) for name, word in self.definition.more(followed))
            self.kept.take(said)

    def take_over(self, other: TimeTally) -> None:
        """The patients of another of the same endpoint."""
        self.counts += other.counts
        self.marks += other.marks
        self.more += other.more
        self.kept.take_over(other.kept)

    def analysis(self, left_out: Sequence[Excluded]) -> Analysis:
        curve = (kaplan_meier if self.definition.method == KAPLAN_MEIER else aalen_johansen)(self.counts)
        main = self.definition.horizons[-1]
        return Analysis(
            self.endpoint,
            self.definition.title,
            tuple(self._row(curve, day) for day in self.horizons),
            self._row(curve, main),
            curve,
            tuple(self.kept.subjects),
            (*left_out, *self.kept.excluded),
            tuple(self.kept.listed),
        )

    def _row(self, curve: Curve, day: int) -> Row:
        found, method = curve.at(day), self.definition.method
        certain = method == KAPLAN_MEIER and found.estimate in (0, 1)
        # where nobody, or everybody, had the event Greenwood's formula states no uncertainty
        se = None if certain else found.se
        bounds = (found.low, found.high)
        return Row(
            self.endpoint,
            day,
            curve.n,
            found.at_risk,
            found.events,
            found.estimate,
            se,
            *bounds,
            method,
            self._more(day),
        )

    def _more(self, day: int) -> dict[str, Any]:
        said: dict[str, Any] = {
            mark: sum(n for (name, on), n in self.marks.items() if name == mark and on <= day)
            for mark in self.definition.marks
        }
        if self.definition.method == AALEN_JOHANSEN:
            said["competing"] = sum(n for (on, status), n in self.counts.items() if status > EVENT and on <= day)
        for (name, word, on), n in sorted(self.more.items()):
            if on <= day:
                words = said.setdefault(name, {})
                words[word] = words.get(word, 0) + n
        return said


class CountTally:
    """Counts of values by horizon."""

    def __init__(self, endpoint: str, definition: Counted, horizons: Horizons, keep: bool) -> None:
        self.endpoint, self.definition, self.horizons = endpoint, definition, horizons
        self.counts: dict[int | None, Counter[Any]] = {day: Counter() for day in horizons}
        self.kept = _Kept(keep)

    def add(self, followed: Followed) -> None:
        said = self.definition.judge(followed, self.horizons)
        for day, value in said.values.items():
            self.counts[day][value] += 1
        self.kept.take(said)

    def take_over(self, other: CountTally) -> None:
        """The patients of another of the same endpoint."""
        for day, counted in other.counts.items():
            self.counts[day] += counted
        self.kept.take_over(other.kept)

    def analysis(self, left_out: Sequence[Excluded]) -> Analysis:
        rows = tuple(row for day in self.horizons for row in self.definition.rows(self.endpoint, day, self.counts[day]))
        return Analysis(
            self.endpoint,
            self.definition.title,
            rows,
            None,
            None,
            tuple(self.kept.subjects),
            (*left_out, *self.kept.excluded),
            tuple(self.kept.listed),
        )
