"""Endpoints of a cohort: the report, and the analysis table that each of its numbers can be reproduced from.

Both are the centre's own and count every patient; what leaves is asked for with `release`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from adapter.errors import Invalid, Refused
from adapter.flows import courses
from mappings.canonicals import DEFAULT, Canonicals
from mappings.r4.faults import Fault, FaultyInput
from mappings.registry import analysis_table, report
from mappings.registry.course import Course
from mappings.registry.endpoints import Cohort
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


def report_from_directory(
    path: Path, question: Question, *, jobs: int = 1, canonicals: Canonicals = DEFAULT
) -> report.Report:
    """Endpoints of the NDJSON files of a folder or of one file. Raises Refused, Invalid.

    `jobs`: processes that read; a folder that is small is read by one.
    """
    if jobs == 1 or courses.is_small(path):
        with courses.in_directory(path, canonicals) as found:
            return _compile(found, question)
    whole = _cohort(question)
    with courses.shares_of(path) as shares, ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        try:
            for one in pool.map(partial(_of_share, question, canonicals), shares):
                if not isinstance(one, Cohort):
                    raise Invalid(one)
                whole.take_over(one)
        except BrokenProcessPool as error:
            raise Refused("one of the processes that read was ended: there may be too little memory") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return report.of_cohort(whole, question.as_of, endpoints=question.endpoints, release=question.release)


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
    whole = _cohort(question)
    for one in found:
        whole.add(one)
    return report.of_cohort(whole, question.as_of, endpoints=question.endpoints, release=question.release)


def _cohort(question: Question) -> Cohort:
    """Raises Invalid naming an endpoint or horizon that does not exist."""
    try:
        return report.cohort(
            endpoints=question.endpoints,
            horizons=question.horizons,
            as_of=question.as_of,
            release=question.release,
            keep=question.trail,
        )
    except FaultyInput as error:
        raise Invalid(error.faults) from error


def _of_share(question: Question, canonicals: Canonicals, share: courses.Share) -> Cohort | tuple[Fault, ...]:
    """In a process of its own; or what is wrong, for an error of ours does not pass from one to another."""
    found = _cohort(question)
    try:
        for one in share.courses(canonicals):
            found.add(one)
    except Invalid as error:
        return error.faults
    return found


def _table(found: Iterable[Course], as_of: date | None) -> Iterator[list[str]]:
    yield analysis_table.header()
    for each in found:
        followed = follow(each, as_of or date.max)
        if not isinstance(followed, Excluded):
            yield analysis_table.line(followed)
