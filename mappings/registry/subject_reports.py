"""One patient's part in an endpoint as an individual MeasureReport, and all of them as a subject list.

They lead from a number to the very resources it rests on, so they are the centre's own and are never released.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal

from mappings.canonicals import DEFAULT, MEASURE_POPULATION, Canonicals
from mappings.r4.build import Element, Resource, coding, concept, quantity, reference, uuid5
from mappings.registry.judged import CENSORED, COMPETING, EVENT, Analysis, Found, Verdict
from mappings.registry.measure_report import period
from mappings.registry.pdli_endpoints import Lymphocytes
from mappings.registry.report import Report

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


def subject_list(summary: Resource, analysis: Analysis, report: Report, at: datetime) -> Resource:
    """The summary with the patients of each population, as contained lists of their individual reports."""
    made = []
    for number, subject in enumerate(analysis.subjects, 1):
        one = individual(subject, analysis, report, at)
        made.append(
            {key: value for key, value in one.items() if key not in ("meta", "identifier")} | {"id": f"s{number}"}
        )
    happened = [f"#s{number}" for number, one in enumerate(analysis.subjects, 1) if _counts(one)]
    lists = {_WHOLE: [f"#{one['id']}" for one in made], _PART: happened}
    group = dict(summary["group"][0])
    group["population"] = [
        {
            "code": concept(coding(MEASURE_POPULATION, code)),
            "count": len(members),
            **({"subjectResults": reference(f"#{code}")} if members else {}),
        }
        for code, members in lists.items()
    ]
    contained = [*made, *(_list(code, members) for code, members in lists.items() if members)]
    return summary | {"type": "subject-list", "group": [group]} | ({"contained": contained} if contained else {})


def _list(name: str, members: list[str]) -> Resource:
    entries = [{"item": reference(member)} for member in members]
    return {"resourceType": "List", "id": name, "status": "current", "mode": "snapshot", "entry": entries}


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


def _counts(said: Verdict | Found) -> bool:
    """Is the patient in the numerator: had the event, or was found something at any date?"""
    return said.happened if isinstance(said, Verdict) else any(_has(value) for value in said.values.values())


def _has(value: object) -> bool:
    return bool(value.given) if isinstance(value, Lymphocytes) else value not in (None, (), False)


def _day(day: int | None) -> str:
    return "to the cut-off" if day is None else f"day {day}"


def _word(value: object) -> str:
    if isinstance(value, Lymphocytes):
        return f"{value.given} given"
    if isinstance(value, tuple):
        return ", ".join(f"{cells} {donor}".strip() for cells, donor in value) or "not assessed"
    return "not assessed" if value is None else str(value)
