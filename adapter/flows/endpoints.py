"""Endpoints of a cohort: the report, and the analysis table that each of its numbers can be reproduced from.

Both are the centre's own and count every patient; what leaves is asked for with `release`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from adapter.errors import Invalid
from adapter.flows import courses
from mappings.canonicals import DEFAULT, Canonicals
from mappings.r4.faults import FaultyInput
from mappings.registry import analysis_table, report
from mappings.registry.course import Course
from mappings.registry.followed import follow
from mappings.registry.judged import Excluded

if TYPE_CHECKING:
    from adapter.store import Store


@dataclass(frozen=True, slots=True)
class Question:
    """What a report is asked for; empty endpoints are all that there are. `release`: it leaves the centre.

    `trail`: the resources that each patient was counted by are kept as well, which costs memory by patient.
    """

    endpoints: Collection[str] = ()
    horizons: Collection[int] = ()
    as_of: date | None = None
    release: bool = False
    trail: bool = True


def report_from_store(
    store: Store, question: Question, *, centres: Collection[str] | None = None, canonicals: Canonicals = DEFAULT
) -> report.Report:
    """Endpoints of everything stored. Raises Invalid naming an endpoint or horizon that does not exist."""
    with courses.in_store(store, centres, canonicals) as found:
        return _compile(found, question)


def report_from_directory(path: Path, question: Question, *, canonicals: Canonicals = DEFAULT) -> report.Report:
    """Endpoints of the NDJSON files of a folder or of one file. Raises Refused, Invalid."""
    with courses.in_directory(path, canonicals) as found:
        return _compile(found, question)


def table_from_store(
    store: Store, as_of: date | None = None, *, centres: Collection[str] | None = None, canonicals: Canonicals = DEFAULT
) -> Iterator[list[str]]:
    """The analysis table of everything stored, a line a grafted patient, names of the columns first."""
    with courses.in_store(store, centres, canonicals) as found:
        yield from _table(found, as_of)


def table_from_directory(
    path: Path, as_of: date | None = None, *, canonicals: Canonicals = DEFAULT
) -> Iterator[list[str]]:
    """The analysis table of a folder or of one file. Raises Refused, Invalid."""
    with courses.in_directory(path, canonicals) as found:
        yield from _table(found, as_of)


def _compile(found: Iterable[Course], question: Question) -> report.Report:
    try:
        return report.compile_report(
            found,
            endpoints=question.endpoints,
            horizons=question.horizons,
            as_of=question.as_of,
            release=question.release,
            keep=question.trail,
        )
    except FaultyInput as error:
        raise Invalid(error.faults) from error


def _table(found: Iterable[Course], as_of: date | None) -> Iterator[list[str]]:
    yield analysis_table.header()
    for each in found:
        followed = follow(each, as_of or date.max)
        if not isinstance(followed, Excluded):
            yield analysis_table.line(followed)
