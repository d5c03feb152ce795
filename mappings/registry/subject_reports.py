"""One patient's part in an endpoint as an individual MeasureReport, and all of them as a subject list.

They lead from a number to the very resources it rests on, so they are the centre's own and are never released.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from mappings.canonicals import DEFAULT, MEASURE_POPULATION, Canonicals
from mappings.r4.build import Element, Resource, coding, concept, quantity, reference, uuid5
from mappings.registry.endpoints import ENDPOINTS
from mappings.registry.judged import (
    CENSORED,
    COMPETING,
    EVENT,
    Analysis,
    AnyRow,
    CountRow,
    Found,
    Row,
    SpreadRow,
    Verdict,
)
from mappings.registry.measure_report import period
from mappings.registry.pdli_endpoints import Lymphocytes
from mappings.registry.report import Report
from mappings.registry.response_endpoints import RESPONDED
from mappings.registry.tallies import Counted

STATUSES = {CENSORED: "censored", EVENT: "event", COMPETING: "competing event"}
_WHOLE, _PART = "initial-population", "numerator"


def individual(
    subject: Verdict | Found, analysis: Analysis, report: Report, at: datetime, canonicals: Canonicals = DEFAULT
) -> Resource:
    """What the endpoint says of one patient; a time is the score, in days from the origin."""
    identity = uuid5(
        uuid.NAMESPACE_URL,
        f"{canonicals.base}/subject/{analysis.endpoint}/{report.start}/{report.as_of}/{subject.patient}",
    )
    group = _of_time(subject, analysis) if isinstance(subject, Verdict) else _of_dates(subject, analysis)
    return {
        "resourceType": "MeasureReport",
        "id": identity,
        "meta": {"source": canonicals.source},
        "identifier": [{"system": canonicals.sid("measure-report"), "value": identity}],
        "status": "complete",
        "type": "individual",
        "measure": canonicals.pinned("Measure", analysis.endpoint),
        "subject": reference(f"Patient/{subject.patient}"),
        "date": at.isoformat(timespec="seconds"),
        "period": period(report, at.date()),
        "group": [group],
        "evaluatedResource": [reference(source) for source in subject.sources],
    }


def subject_list(
    summary: Resource, analysis: Analysis, report: Report, at: datetime, canonicals: Canonicals = DEFAULT
) -> Resource:
    """The summary with the patients of each population, as contained lists of their individual reports."""
    made = [
        _held(individual(one, analysis, report, at, canonicals), _name(n)) for n, one in enumerate(analysis.subjects)
    ]
    lists = _Lists()
    whole = [Part(one, _counts(one, analysis.main)) for one in analysis.subjects]
    group = summary["group"][0] | {"population": lists.populations(whole, (_WHOLE, _PART))}
    (stratifier,) = group["stratifier"]
    strata = zip(stratifier["stratum"], analysis.rows, strict=True)
    group["stratifier"] = [stratifier | {"stratum": [_stratum(said, row, analysis, lists) for said, row in strata]}]
    contained = [*made, *lists.made()]
    return summary | {"type": "subject-list", "group": [group]} | ({"contained": contained} if contained else {})


class Part(NamedTuple):
    """Is a patient among those of whom a row tells, and among those that it counts?"""

    whole: object
    counted: bool


class _Lists:
    """Contained lists of individual reports; two of the same patients are one."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], str] = {}

    def populations(self, parts: Sequence[Part], codes: Sequence[str]) -> list[Element]:
        """`codes` in the order of a Part's fields."""
        return [self._population(code, [bool(part[place]) for part in parts]) for place, code in enumerate(codes)]

    def made(self) -> Iterator[Resource]:
        for members, name in self._known.items():
            entries = [{"item": reference(f"#{member}")} for member in members]
            yield {"resourceType": "List", "id": name, "status": "current", "mode": "snapshot", "entry": entries}

    def _population(self, code: str, belong: Sequence[bool]) -> Element:
        members = tuple(_name(number) for number, belongs in enumerate(belong) if belongs)
        said: Element = {"code": concept(coding(MEASURE_POPULATION, code)), "count": len(members)}
        if not members:
            return said
        name = code if code not in self._known.values() else f"{code}-{len(self._known) + 1}"
        return said | {"subjectResults": reference(f"#{self._known.setdefault(members, name)}")}


def _name(number: int) -> str:
    return f"s{number + 1}"


def _held(made: Resource, name: str) -> Resource:
    """As it is contained: R4 allows no `meta` of its own there."""
    return {key: value for key, value in made.items() if key not in ("meta", "identifier")} | {"id": name}


def _stratum(said: Element, row: AnyRow, analysis: Analysis, lists: _Lists) -> Element:
    codes = [part["code"]["coding"][0]["code"] for part in said["population"]]
    return said | {"population": lists.populations(_parts(row, analysis), codes)}


def _parts(row: AnyRow, analysis: Analysis) -> list[Part]:
    """Of each patient; for a share by what the row of that patient alone would say."""
    if isinstance(row, Row):
        return [Part(one, _counts(one, row)) for one in analysis.subjects]
    values = [one.values[row.horizon_days] for one in analysis.subjects if isinstance(one, Found)]
    if isinstance(row, SpreadRow):
        return [Part(value is not None, counted=False) for value in values]
    alone = {value: _alone(row, value) for value in set(values)}
    return [alone[value] for value in values]


def _alone(row: CountRow, value: object) -> Part:
    definition = ENDPOINTS[row.endpoint]
    rows = definition.rows(row.endpoint, row.horizon_days, Counter([value])) if isinstance(definition, Counted) else ()
    same = [one for one in rows if isinstance(one, CountRow) and _kind(one) == _kind(row)]
    return Part(any(one.of for one in same), any(one.count for one in same))


def _kind(row: CountRow) -> tuple[object, ...]:
    return row.among, row.category, row.more.get("lineage")


def _of_time(said: Verdict, analysis: Analysis) -> Element:
    return {
        "code": {"text": f"{analysis.title}: {STATUSES[said.status]}"},
        "population": _populations(happened=said.happened),
        "measureScore": quantity(Decimal(said.days), "d"),
    }


def _of_dates(said: Found, analysis: Analysis) -> Element:
    strata = [{"value": {"text": f"{_day(day)}: {_word(value)}"}} for day, value in said.values.items()]
    stratifier = [{"code": [{"text": "finding"}], "stratum": strata}]
    return {
        "code": {"text": analysis.title},
        "population": _populations(happened=_counts(said)),
        "stratifier": stratifier,
    }


def _populations(*, happened: bool) -> list[Element]:
    counts = {_WHOLE: 1, _PART: int(happened)}
    return [{"code": concept(coding(MEASURE_POPULATION, code)), "count": count} for code, count in counts.items()]


def _counts(said: Verdict | Found, main: AnyRow | None = None) -> bool:
    """Is the patient in the numerator: had the event, by the day of `main`; or was found something at any date?"""
    if isinstance(said, Found):
        return any(_has(value) for value in said.values.values())
    return said.happened and (main is None or said.days <= (main.horizon_days or 0))


def _has(value: object) -> bool:
    if isinstance(value, Lymphocytes):
        return bool(value.given)
    return value in RESPONDED if isinstance(value, str) else value not in (None, (), False)


def _day(day: int | None) -> str:
    return "to the cut-off" if day is None else f"day {day}"


def _word(value: object) -> str:
    if isinstance(value, Lymphocytes):
        return f"{value.given} given"
    if isinstance(value, tuple):
        return ", ".join(f"{cells} {donor}".strip() for cells, donor in value) or "not assessed"
    return "not assessed" if value is None else str(value)
