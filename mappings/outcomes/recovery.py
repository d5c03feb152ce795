"""Engraftment as the counts show it, beside what the centre reports: neither replaces the other.

The date is reckoned from the counts and transfusions of every visit, by the rule of `facts.recovery`. Where the centre
reports something else, the Observation says so by its interpretation and in words, and both stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from mappings.facts import BloodCount, Engraftment, FollowUp, Measured, PartialDate, Recovery, Word
from mappings.facts.recovery import THRESHOLDS, UNIT, recovered
from mappings.outcomes.chart import Chart, occurrence
from mappings.r4.build import Element, Resource

DATES = {"neutrophils": "engraftment-neutrophil-date", "platelets": "engraftment-platelet-date"}

Told = tuple[FollowUp, Engraftment]


@dataclass(frozen=True, slots=True)
class _Value:
    day: date
    value: Measured
    known: tuple[str, ...]
    visit: str


def to_fhir(visits: Sequence[FollowUp], day_zero: date, chart: Chart) -> Iterator[tuple[Resource, tuple[str, ...]]]:
    """An Observation for each cell line whose recovery the counts show, and the keys of the visits that told them."""
    told = [(visit, visit.engraftment) for visit in visits if isinstance(visit.engraftment, Engraftment)]
    if not told:
        return
    for line, item in DATES.items():
        values = list({one.known: one for one in _values(line, told)}.values())
        found = recovered(
            [(one.day, one.value) for one in values],
            threshold=THRESHOLDS[line],
            day_zero=day_zero,
            transfusions=_transfusions(told) if line == "platelets" else (),
        )
        if found:
            shown = [one for day in found.shown for one in values if one.day == day]
            out = chart.observation(
                "engraft-engraftment-date", item, PartialDate(found.shown[-1].isoformat()), {}, (), category="exam"
            )
            out |= {"valueDateTime": found.day.isoformat()} | _against(_reported(line, told), found.day, chart)
            out["method"] = {"text": f"first of three consecutive values of at least {THRESHOLDS[line]} {UNIT}"}
            out["derivedFrom"] = [chart.ids.ref("Observation", line, *one.known) for one in shown]
            yield out, tuple(dict.fromkeys(one.visit for one in shown))


def _values(line: str, told: Sequence[Told]) -> Iterator[_Value]:
    for visit, section in told:
        for count in section.counts if isinstance(section.counts, tuple) else ():
            value, day = getattr(count, line), _day(count)
            if day and isinstance(value, Measured):
                known = (count.id,) if count.id else occurrence(count.date, visit)
                yield _Value(day, value, tuple(map(str, known)), visit.key)


def _day(count: BloodCount) -> date | None:
    return count.date.exact if isinstance(count.date, PartialDate) else None


def _transfusions(told: Sequence[Told]) -> list[PartialDate]:
    lists = (section.platelet_transfusions for _, section in told)
    return [day for days in lists if isinstance(days, tuple) for day in days if isinstance(day, PartialDate)]


def _reported(line: str, told: Sequence[Told]) -> Recovery | None:
    """What the last visit that says something of this line reports; a later loss is another event."""
    said = [getattr(section, line) for _, section in told]
    known = [one for one in said if isinstance(one, Recovery) and isinstance(one.status, Word)]
    return next((one for one in reversed(known) if _word(one) != "secondary-graft-failure"), None)


def _word(said: Recovery) -> str:
    return said.status.key if isinstance(said.status, Word) else ""


def _against(reported: Recovery | None, day: date, chart: Chart) -> Element:
    """Does the report agree with the counts? A report that does not settle it is not judged."""
    if reported is None or _word(reported) in ("not-evaluable", "other", "unknown"):
        return {}
    if _word(reported) != "engrafted":
        words = f"the centre reports {_word(reported)}"
    elif not isinstance(reported.date, PartialDate):
        return {}
    elif reported.date.earliest <= day <= reported.date.latest:
        return {"interpretation": [chart.answer("agreement", Word("agrees"))]}
    else:
        words = f"the centre reports {reported.date}"
    note = f"The counts show {day}, {words}. Both are kept."
    return {"interpretation": [chart.answer("agreement", Word("contradicts"))], "note": [{"text": note}]}
