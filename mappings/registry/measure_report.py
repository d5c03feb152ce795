"""The endpoint report as FHIR: one summary MeasureReport for each endpoint.

R4 has no place for censoring or competing risks. The estimate at the endpoint's main horizon is the group's score and
every horizon a stratum; how sure the estimate is stands in our extension `statistic-uncertainty` on the score.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal

from mappings.canonicals import (
    DEFAULT,
    EXT_DATA_ABSENT_REASON,
    MEASURE_IMPROVEMENT,
    MEASURE_POPULATION,
    OBSERVATION_VALUE,
    Canonicals,
)
from mappings.r4.build import Element, Resource, coding, concept, quantity, reference, uuid5
from mappings.registry.estimators import CONFIDENCE
from mappings.registry.judged import Analysis, AnyRow, CountRow, Row
from mappings.registry.report import Report

UNCERTAINTY = "statistic-uncertainty"
TIME_POINT = "time point"
DIGITS = 12

_LESS_IS_BETTER = ("relapse", "disease-death", "nrm", "agvhd", "cgvhd", "pdli-gvhd")


def measure_reports(report: Report, at: datetime, canonicals: Canonicals = DEFAULT) -> tuple[Resource, ...]:
    """`at`: when the report is made, an aware time. A released report refers to no patient's resources."""
    return tuple(_measure_report(analysis, report, at, canonicals) for analysis in report.analyses)


def _measure_report(analysis: Analysis, report: Report, at: datetime, canonicals: Canonicals) -> Resource:
    name = "/".join(map(str, ("measure-report", analysis.endpoint, report.as_of, report.release)))
    name += f"/{report.start}" if report.start else ""
    identity = uuid5(uuid.NAMESPACE_URL, f"{canonicals.base}/{name}")
    labels = {"security": [coding(OBSERVATION_VALUE, "AGGRED")]} if report.release else {}
    out: Resource = {
        "resourceType": "MeasureReport",
        "id": identity,
        "meta": {"source": canonicals.source, "profile": [canonicals.profile("engraft-measure-report")]} | labels,
        "identifier": [{"system": canonicals.sid("measure-report"), "value": identity}],
        "status": "complete",
        "type": "summary",
        "measure": canonicals.pinned("Measure", analysis.endpoint),
        "date": at.isoformat(timespec="seconds"),
        "period": period(report, at.date()),
        "improvementNotation": concept(coding(MEASURE_IMPROVEMENT, improvement(analysis.endpoint))),
        "group": [_group(analysis, canonicals)],
    }
    evaluated = (
        () if report.release else sorted({source for subject in analysis.subjects for source in subject.sources})
    )
    return out | ({"evaluatedResource": [reference(source) for source in evaluated]} if evaluated else {})


def improvement(endpoint: str) -> str:
    """`decrease` where less of it is better: relapse, death, GVHD."""
    return "decrease" if endpoint.startswith(_LESS_IS_BETTER) else "increase"


def period(report: Report, today: date) -> Element:
    """From the first transplant to the cut-off; without any date in the data, the day of the report.

    Where a period was asked for it is that one. In a release only the year of the first transplant: its day is one
    patient's.
    """
    end = report.as_of or today
    if report.start:
        return {"start": str(report.start), "end": str(end)}
    start = str(min(report.since or end, end))
    return {"start": start[:4] if report.release else start, "end": str(end)}


def _group(analysis: Analysis, canonicals: Canonicals) -> Element:
    main = analysis.main
    strata = [
        {"value": {"text": stratum(row)}, **_populations(row), "measureScore": _score(row, canonicals)}
        for row in analysis.rows
    ]
    said = {**_populations(main), "measureScore": _score(main, canonicals)} if main else {}
    stratifier = [{"code": [{"text": TIME_POINT}], "stratum": strata}] if strata else []
    return {"code": {"text": analysis.title}, **said} | ({"stratifier": stratifier} if stratifier else {})


def stratum(row: AnyRow) -> str:
    """What a row is of, in words: its day, and what was counted of whom."""
    day = "to the cut-off" if row.horizon_days is None else f"day {row.horizon_days}"
    lineage = f" ({row.more['lineage']})" if "lineage" in row.more else ""
    return f"{day}: {row.category}, of {row.among}{lineage}" if isinstance(row, CountRow) else day


def _populations(row: AnyRow) -> Element:
    whole, part = (row.of, row.count) if isinstance(row, CountRow) else (row.n, getattr(row, "events", None))
    counts = {"initial-population": whole} | ({"numerator": part} if isinstance(row, Row | CountRow) else {})
    return {
        "population": [
            {"code": concept(coding(MEASURE_POPULATION, code))} | ({"count": count} if count is not None else {})
            for code, count in counts.items()
        ]
    }


def _score(row: AnyRow, canonicals: Canonicals) -> Element:
    uncertainty = {"url": canonicals.extension(UNCERTAINTY), "extension": _uncertainty(row)}
    value, hidden = (row.estimate, "estimate") if isinstance(row, Row | CountRow) else (row.median, "median")
    if value is None:
        reason = "masked" if hidden in row.suppressed else "not-applicable"
        return {"extension": [{"url": EXT_DATA_ABSENT_REASON, "valueCode": reason}, uncertainty]}
    said = _percent(value) if isinstance(row, Row | CountRow) else _number(value, row.unit)
    return {"extension": [uncertainty]} | said


def _uncertainty(row: AnyRow) -> list[Element]:
    day = [] if row.horizon_days is None else [{"url": "horizonDays", "valueUnsignedInt": row.horizon_days}]
    if not isinstance(row, Row | CountRow):
        bounds = (("low", row.q1), ("high", row.q3))
        quartiles = [
            {"url": name, "valueQuantity": _number(value, row.unit)} for name, value in bounds if value is not None
        ]
        level = {"url": "confidenceLevel", "valueDecimal": Decimal("0.5")}
        return [{"url": "method", "valueCode": "quartiles"}, *day, level, *quartiles]
    se = row.se if isinstance(row, Row) else None
    at_risk = row.at_risk if isinstance(row, Row) else None
    shares = (("standardError", se), ("low", row.ci_low), ("high", row.ci_high))
    return [
        {"url": "method", "valueCode": row.method},
        *day,
        {"url": "confidenceLevel", "valueDecimal": Decimal(str(CONFIDENCE))},
        *({"url": name, "valueQuantity": _percent(value)} for name, value in shares if value is not None),
        *([{"url": "atRisk", "valueUnsignedInt": at_risk}] if at_risk is not None else []),
    ]


def _percent(value: float) -> Element:
    """A probability in per cent, to twelve digits."""
    return _number(value * 100, "%")


def _number(value: float, unit: str) -> Element:
    return quantity(Decimal(format(value, f".{DIGITS}g")), unit)
