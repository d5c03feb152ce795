"""The endpoint report: compiled once from courses, shown as JSON or as a table (as FHIR: `measure_report`)."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from mappings.registry.course import Course
from mappings.registry.endpoints import Cohort, known, require_known
from mappings.registry.estimators import Curve
from mappings.registry.judged import Analysis, AnyRow, CountRow, Excluded, Listed, Row
from mappings.registry.suppression import small, suppress

COLUMNS = ("endpoint", "day", "n", "at risk", "events", "estimate", "95 % CI", "method")

_COUNTS = ("n", "at_risk", "events")


@dataclass(frozen=True, slots=True)
class Report:
    """`as_of`: the cut-off, None where there is no date at all. `since`: the first day zero.

    `release`: small counts are suppressed and nobody is named. `start`: of the period that was asked for, if any.
    """

    as_of: date | None
    since: date | None
    analyses: tuple[Analysis, ...]
    release: bool = False
    start: date | None = None
    patients: int = 0
    """Courses that were looked at, grafted or not."""

    @property
    def rows(self) -> tuple[AnyRow, ...]:
        return tuple(row for analysis in self.analyses for row in analysis.rows)

    @property
    def excluded(self) -> dict[Excluded, list[str]]:
        """Each once, with the endpoints that it concerns."""
        return _by_endpoint((entry, each.endpoint) for each in self.analyses for entry in each.excluded)

    @property
    def listed(self) -> dict[Listed, list[str]]:
        return _by_endpoint((entry, each.endpoint) for each in self.analyses for entry in each.listed)

    def document(self, *, curves: bool = False) -> dict[str, Any]:
        """`{"as_of", "rows", "excluded", "listed"}` of the public interface; numbers in full, null for what is not.

        `curves`: every step of each time to an event as well, which no release shows.
        """
        said = {
            "as_of": str(self.as_of) if self.as_of else None,
            "rows": [row_document(row) for row in self.rows],
            "excluded": self._named(self.excluded, "reason"),
            "listed": self._named(self.listed, "rule"),
        }
        steps = {each.endpoint: each.curve for each in self.analyses if each.curve}
        return said | ({"curves": [_curve(name, curve) for name, curve in steps.items()]} if curves else {})

    def table(self) -> list[tuple[str, ...]]:
        """Lines of text under COLUMNS."""
        return [_line(row) for row in self.rows]

    def _named(self, entries: dict[Any, list[str]], word: str) -> list[dict[str, Any]]:
        """Who, by name; in a release only how many, without dates."""
        plain = [
            {field.name: getattr(entry, field.name) for field in fields(entry)} | {"endpoints": endpoints}
            for entry, endpoints in entries.items()
        ]
        if not self.release:
            return plain
        whom: dict[str, set[str]] = {}
        for entry in plain:
            whom.setdefault(_kind(entry[word]), set()).add(entry["patient"])
        return [{word: said, "count": self._count(len(who))} for said, who in sorted(whom.items())]

    def _count(self, number: int) -> int | None:
        """None where it, or the rest of all patients, is few."""
        return None if small(number) or small(self.patients - number) else number


def compile_report(
    courses: Iterable[Course],
    *,
    endpoints: Collection[str] = (),
    horizons: Collection[int] = (),
    as_of: date | None = None,
    release: bool = False,
    keep: bool = True,
) -> Report:
    """Every endpoint asked for (default: all that there are), at its own horizons or at `horizons` (days).

    `as_of` defaults to the last date in the data, beyond which nothing is to be cut. `keep`: the subjects too. Courses
    are taken one by one. What is hidden in a release is hidden for all endpoints together, whichever are asked for: who
    asks for them one by one learns no more. Its cut-off, where none is asked for, is the end of the month of the last
    date, which is somebody's. Raises FaultyInput naming endpoints and horizons that do not exist.
    """
    found = cohort(endpoints=endpoints, horizons=horizons, as_of=as_of, release=release, keep=keep)
    for course in courses:
        found.add(course)
    return of_cohort(found, as_of, endpoints=endpoints, release=release)


def cohort(
    *,
    endpoints: Collection[str] = (),
    horizons: Collection[int] = (),
    as_of: date | None = None,
    release: bool = False,
    keep: bool = True,
) -> Cohort:
    """Nobody yet, asked what `compile_report` asks; for a release, everything. Raises FaultyInput as it does."""
    wanted = chosen(endpoints)
    return Cohort(known() if release else wanted, as_of or date.max, horizons, keep=keep and not release)


def of_cohort(found: Cohort, as_of: date | None, *, endpoints: Collection[str] = (), release: bool) -> Report:
    """What came of a cohort; `as_of` defaults to the last date in the data."""
    analyses, until = found.analyses(), as_of or found.latest
    if release:
        wanted = chosen(endpoints)
        analyses = tuple(each for each in suppress(analyses) if each.endpoint in wanted)
        until = as_of or (_end_of_month(until) if until else None)
    return Report(until, found.since, analyses, release, patients=found.patients)


def chosen(endpoints: Iterable[str]) -> tuple[str, ...]:
    """Those asked for, each once; all where none is. Raises FaultyInput for what is no endpoint."""
    wanted = tuple(dict.fromkeys(endpoints)) or known()
    require_known(wanted)
    return wanted


def row_document(row: AnyRow) -> dict[str, Any]:
    """One row of the public interface, with what it counts beside."""
    said: dict[str, Any] = {field.name: getattr(row, field.name) for field in fields(row)}
    suppressed, more = said.pop("suppressed"), said.pop("more")
    return said | dict(more) | ({"suppressed": list(suppressed)} if suppressed else {})


def _end_of_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _by_endpoint(entries: Iterable[tuple[Any, str]]) -> dict[Any, list[str]]:
    found: dict[Any, dict[str, None]] = {}
    for entry, endpoint in entries:
        found.setdefault(entry, {})[endpoint] = None
    return {entry: list(endpoints) for entry, endpoints in found.items()}


def _curve(endpoint: str, curve: Curve) -> dict[str, Any]:
    points = [
        {
            "day": step.time,
            "at_risk": step.at_risk,
            "events": step.events,
            "estimate": step.estimate,
            "se": step.se,
            "ci_low": step.low,
            "ci_high": step.high,
        }
        for step in curve.steps
    ]
    return {"endpoint": endpoint, "n": curve.n, "start": curve.start, "points": points}


def _kind(sentence: str) -> str:
    """A rule without whom and when it was applied to: everything after the colon or a bracket is one patient's."""
    return sentence.split(":")[0].split(" (")[0]


def _line(row: AnyRow) -> tuple[str, ...]:
    day = "" if row.horizon_days is None else str(row.horizon_days)
    if isinstance(row, Row):
        n, at_risk, events = (_shown(row, name) for name in _COUNTS)
        return (row.endpoint, day, n, at_risk, events, _share(row.estimate), _interval(row), row.method)
    if isinstance(row, CountRow):
        said = f"{row.method}: {row.category}, of {row.among}"
        return (
            row.endpoint,
            day,
            _shown(row, "of"),
            "",
            _shown(row, "count"),
            _share(row.estimate),
            _interval(row),
            said,
        )
    median = "" if row.median is None else f"{row.median:g} {row.unit}"
    quartiles = "" if row.q1 is None or row.q3 is None else f"{row.q1:g} to {row.q3:g} (quartiles)"
    return (row.endpoint, day, _shown(row, "n"), "", "", median, quartiles, row.method)


def _shown(row: AnyRow, name: str) -> str:
    said = getattr(row, name)
    if name in row.suppressed:
        return "hidden"
    return "" if said is None else str(said)


def _share(estimate: float | None) -> str:
    return "" if estimate is None else f"{estimate:.1%}"


def _interval(row: Row | CountRow) -> str:
    return "" if row.ci_low is None or row.ci_high is None else f"{row.ci_low:.1%} to {row.ci_high:.1%}"
