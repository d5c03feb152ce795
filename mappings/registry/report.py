"""The endpoint report: compiled once from courses, shown as JSON or as a table (as FHIR: `measure_report`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

from mappings.registry.course import Course
from mappings.registry.endpoints import Analysis, Excluded, Listed, Row, analyse, known, require_known
from mappings.registry.suppression import SMALLEST, small, suppress

COLUMNS = ("endpoint", "day", "n", "at risk", "events", "estimate", "95 % CI", "method")

_COUNTS = ("n", "at_risk", "events")


@dataclass(frozen=True, slots=True)
class Report:
    """`as_of`: the cut-off, None where there is no date at all. `since`: the first day zero.

    `release`: small counts are suppressed and nobody is named.
    """

    as_of: date | None
    since: date | None
    analyses: tuple[Analysis, ...]
    release: bool = False

    @property
    def rows(self) -> tuple[Row, ...]:
        return tuple(row for analysis in self.analyses for row in analysis.rows)

    @property
    def excluded(self) -> tuple[Excluded, ...]:
        """Each once, whatever the number of endpoints."""
        return tuple(dict.fromkeys(entry for analysis in self.analyses for entry in analysis.excluded))

    @property
    def listed(self) -> tuple[Listed, ...]:
        return tuple(dict.fromkeys(entry for analysis in self.analyses for entry in analysis.listed))

    def document(self) -> dict[str, Any]:
        """`{"as_of", "rows", "excluded", "listed"}` of the public interface; numbers in full, null for what is not."""
        return {
            "as_of": str(self.as_of) if self.as_of else None,
            "rows": [_row(row) for row in self.rows],
            "excluded": self._named(self.excluded, "reason"),
            "listed": self._named(self.listed, "rule"),
        }

    def table(self) -> list[tuple[str, ...]]:
        """Lines of text under COLUMNS."""
        return [_line(row) for row in self.rows]

    def _named(self, entries: Iterable[Excluded] | Iterable[Listed], word: str) -> list[dict[str, Any]]:
        """Who, by name; in a release only how many, without dates."""
        plain = [{field.name: getattr(entry, field.name) for field in fields(entry)} for entry in entries]
        if not self.release:
            return plain
        counts = Counter(_kind(entry[word]) for entry in plain)
        return [{word: said, "count": None if small(count) else count} for said, count in sorted(counts.items())]


def compile_report(
    courses: Sequence[Course],
    *,
    endpoints: Collection[str] = (),
    horizons: Collection[int] = (),
    as_of: date | None = None,
    release: bool = False,
) -> Report:
    """Every endpoint asked for (default: all that there are), at its main horizon and at `horizons` (days).

    `as_of` defaults to the last date in the data. Raises FaultyInput naming endpoints and horizons that do not exist.
    """
    wanted = tuple(dict.fromkeys(endpoints)) or known()
    require_known(wanted)
    cut = as_of or max((day for course in courses if (day := course.latest)), default=None)
    analyses = [analyse(endpoint, courses, cut or date.max, horizons) for endpoint in wanted]
    if release:
        analyses = [replace(analysis, rows=suppress(analysis.rows)) for analysis in analyses]
    zeros = [course.day_zero.day for course in courses if course.day_zero and course.day_zero.day <= (cut or date.max)]
    return Report(cut, min(zeros, default=None), tuple(analyses), release)


def _row(row: Row) -> dict[str, Any]:
    said = {field.name: getattr(row, field.name) for field in fields(row)}
    suppressed = said.pop("suppressed")
    return said | ({"suppressed": list(suppressed)} if suppressed else {})


def _kind(sentence: str) -> str:
    """A rule without whom and when it was applied to: everything after the colon or a bracket is one patient's."""
    return sentence.split(":")[0].split(" (")[0]


def _line(row: Row) -> tuple[str, ...]:
    hidden = f"<{SMALLEST}"
    n, at_risk, events = (hidden if name in row.suppressed else str(getattr(row, name)) for name in _COUNTS)
    estimate = "" if row.estimate is None else f"{row.estimate:.1%}"
    interval = "" if row.ci_low is None or row.ci_high is None else f"{row.ci_low:.1%} to {row.ci_high:.1%}"
    return (row.endpoint, str(row.horizon_days), n, at_risk, events, estimate, interval, row.method)
