"""The rows of a report as Observations of a Group, for whoever reads no MeasureReport: every number coded or in words.

Group and Observations say nothing that the MeasureReports do not. Their ids hang on endpoint, row, cut-off and release.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from mappings.canonicals import DEFAULT, EXT_DATA_ABSENT_REASON, OBSERVATION_VALUE, Canonicals
from mappings.r4.build import Element, Resource, coding, quantity, reference, uuid5
from mappings.registry.judged import AnyRow, CountRow, Row
from mappings.registry.measure_report import DIGITS, period, stratum
from mappings.registry.report import Report

_COUNTS = {"n": "patients", "at_risk": "at risk", "events": "events", "count": "counted", "of": "of patients"}
_SHARES = {
    "estimate": "estimate",
    "se": "standard error",
    "ci_low": "95 % interval, low",
    "ci_high": "95 % interval, high",
}
_VALUES = {"median": "median", "q1": "first quartile", "q3": "third quartile", "min": "least", "max": "most"}


def group_observations(report: Report, at: datetime, canonicals: Canonicals = DEFAULT) -> tuple[Resource, ...]:
    """The Group of all patients of the report, then an Observation for each row."""
    group = _group(report, canonicals)
    titles = {each.endpoint: each.title for each in report.analyses}
    made = (_observation(row, titles[row.endpoint], group, report, at, canonicals) for row in report.rows)
    return (group, *made)


def _group(report: Report, canonicals: Canonicals) -> Resource:
    name = f"{report.as_of}/{report.release}"
    return _head("Group", f"cohort/{name}", report, canonicals) | {
        "type": "person",
        "actual": True,
        "name": f"Transplanted patients as of {report.as_of or 'no date'}",
    }


def _observation(
    row: AnyRow, title: str, group: Resource, report: Report, at: datetime, canonicals: Canonicals
) -> Resource:
    where = f"{row.endpoint}/{stratum(row)}/{report.as_of}/{report.release}"
    return _head("Observation", f"row/{where}", report, canonicals) | {
        "status": "final",
        "code": {"text": f"{title}, {stratum(row)}"},
        "subject": reference(f"Group/{group['id']}"),
        "effectivePeriod": period(report, at.date()),
        "issued": at.isoformat(timespec="seconds"),
        "method": {"text": row.method},
        "component": list(_components(row)),
    }


def _head(kind: str, name: str, report: Report, canonicals: Canonicals) -> Resource:
    identity = uuid5(uuid.NAMESPACE_URL, f"{canonicals.base}/endpoints/{name}")
    labels = {"security": [coding(OBSERVATION_VALUE, "AGGRED")]} if report.release else {}
    return {
        "resourceType": kind,
        "id": identity,
        "meta": {"source": canonicals.source} | labels,
        "identifier": [{"system": canonicals.sid("measure-report"), "value": identity}],
    }


def _components(row: AnyRow) -> Iterator[Element]:
    unit, numbers = ("%", _SHARES) if isinstance(row, Row | CountRow) else (row.unit, _VALUES)
    for name, words in (_COUNTS | numbers).items():
        if not hasattr(row, name):
            continue
        value = getattr(row, name)
        said: Element = {"code": {"text": words}}
        if value is None:
            reason = "masked" if name in row.suppressed else "not-applicable"
            yield said | {"_valueInteger" if name in _COUNTS else "valueQuantity": _absent(reason)}
        elif name in _COUNTS:
            yield said | {"valueInteger": value}
        else:
            number = Decimal(format(value * 100 if unit == "%" else value, f".{DIGITS}g"))
            yield said | {"valueQuantity": quantity(number, unit)}


def _absent(reason: str) -> Element:
    return {"extension": [{"url": EXT_DATA_ABSENT_REASON, "valueCode": reason}]}
