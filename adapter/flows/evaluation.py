"""`$evaluate-measure`: one endpoint of one period, for the centre itself or for a registry.

The period is of transplants and of knowledge: who was transplanted in it counts, and what is dated after its end is not
known. A registry gets numbers of who agrees today, with small counts suppressed, of whole calendar years: results of
periods that differ by a day could be subtracted from each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from adapter.errors import NotFound
from adapter.flows import courses
from mappings.canonicals import DEFAULT, Canonicals
from mappings.r4.build import Resource
from mappings.registry import course, report
from mappings.registry.consent import permits
from mappings.registry.course import Course
from mappings.registry.endpoints import ENDPOINTS
from mappings.registry.measure_report import measure_reports
from mappings.registry.subject_reports import individual, subject_list

if TYPE_CHECKING:
    from adapter.store import Store


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`kind`: subject, subject-list or population. `subject`: id of the Patient, for `subject` alone."""

    measure: str
    start: date
    end: date
    kind: str = "population"
    subject: str | None = None

    def of_whole_years(self) -> Evaluation:
        """From the first day of its first year to the last of its last."""
        return replace(self, start=date(self.start.year, 1, 1), end=date(self.end.year, 12, 31))


def require_measure(measure: str) -> None:
    """Raises NotFound for what is no endpoint."""
    if measure not in ENDPOINTS:
        raise NotFound("no Measure with this id")


def for_centre(
    store: Store, asked: Evaluation, centre: str, now: datetime, *, canonicals: Canonicals = DEFAULT
) -> Resource:
    """A centre's own patients, by name. Raises NotFound for a Measure or subject that is not there."""
    require_measure(asked.measure)
    with courses.in_store(store, [centre], canonicals) as found:
        wanted = (each for each in found if asked.kind != "subject" or each.patient == asked.subject)
        made = _report(wanted, asked, release=False)
    (analysis,) = made.analyses
    if asked.kind == "subject":
        if not analysis.subjects:
            raise NotFound("no such patient, or none of this analysis")
        return individual(analysis.subjects[0], analysis, made, now, canonicals)
    (summary,) = measure_reports(made, now, canonicals)
    if asked.kind == "subject-list":
        return subject_list(summary, analysis, made, now, canonicals)
    return summary


def for_registry(store: Store, asked: Evaluation, now: datetime, *, canonicals: Canonicals = DEFAULT) -> Resource:
    """Who agrees today, of every centre, in numbers that may leave. Raises NotFound for a Measure that is not there."""
    require_measure(asked.measure)
    (summary,) = measure_reports(
        _report(_agreeing(store, now.date(), canonicals), asked.of_whole_years(), release=True), now, canonicals
    )
    return summary


def _report(found: Iterable[Course], asked: Evaluation, *, release: bool) -> report.Report:
    of_period = (each for each in found if each.day_zero and each.day_zero.day >= asked.start)
    made = report.compile_report(of_period, endpoints=[asked.measure], as_of=asked.end, release=release)
    return replace(made, start=asked.start)


def _agreeing(store: Store, today: date, canonicals: Canonicals) -> Iterator[Course]:
    with store.reading() as tx:
        consents = tx.resources.stream(centres=None, kinds=["Consent"])
        names = sorted({stored.course for stored in consents if stored.course})
    for name in names:
        with store.reading() as tx:
            resources = [stored.content for stored in tx.resources.of_course(name)]
        if permits((each for each in resources if each["resourceType"] == "Consent"), today):
            yield from course.read(resources, canonicals)
