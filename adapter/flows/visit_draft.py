"""The beginning of a follow-up from what the hospital measured, each value with where it stands there and of which day.

It is for a person to confirm: nothing of it is kept, and nothing is made from it until the centre hands the visit in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from adapter.errors import Invalid, NotFound
from adapter.flows import course, gates, hospital_facts
from adapter.flows.hospital_facts import BODY, LeftOut, Offer
from adapter.overlays import overlay_of
from mappings.facts import Measured
from mappings.intake import schema
from mappings.intake.words import VISITS
from mappings.plan.attendance import Attendance, attendances
from mappings.r4.faults import Fault
from mappings.registry.blood_facts import COUNTS, SUBSETS

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.store import Store

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """Whose days belong to a visit, both ends included; `due`: the day that counts where one value is asked for."""

    first: date
    last: date
    due: date


def drafted(
    patient: str, visit: str, *, centre: str, store: Store, settings: Settings, now: datetime
) -> dict[str, Any]:
    """`document`: the sections of a follow-up; `values`: every value of these days, used or not; `left_out`.

    `patient` is the centre's own number. Raises NotFound, Invalid for what is no visit.
    """
    if visit not in VISITS:
        raise Invalid([Fault("visit", f"is none of {', '.join(VISITS)}", "code-invalid")], status=400)
    today = course.day_of(now)
    with store.reading() as tx:
        enrolled = tx.enrolments.of(centre, patient)
        if enrolled is None:
            raise NotFound("no patient with this number")
        enrolment = schema.enrolment(enrolled.content, today)
        ids = course.ids_of(enrolment, settings)
        record = gates.record_of(tx, enrolment, course.follow_ups_of(tx, ids.course, today), ids)
        offers, left = hospital_facts.told(tx, enrolment, settings, now)
    overlay = overlay_of(settings, enrolment.centre, enrolment.protocol)
    span = span_of(attendances(record, overlay, today), visit, today)
    return {
        "centre": centre,
        "patient": patient,
        "visit": visit,
        "course": ids.course,
        "from": span.first.isoformat(),
        "to": span.last.isoformat(),
        **filled([one for one in offers if span.first <= one.day <= span.last], span.due),
        "left_out": [_left(one) for one in left],
    }


def span_of(visits: Sequence[Attendance], visit: str, today: date) -> Span:
    """The centre's own window where its overlay gives one; else the days between those of the visits before and after.

    The protocol gives no window. A visit without a due day takes what came after the last one that was told.
    """
    times = next((one.times for one in visits if one.visit == visit and one.times), None)
    if times is None:
        told = [day for one in visits if (day := _day(one.told))]
        return Span(max((day + DAY for day in told if day <= today), default=date.min), today, today)
    if times.first != times.last:
        return Span(times.first, min(times.last, today), times.due)
    others = [one.times.due for one in visits if one.times and one.visit != visit]
    first = max((day + DAY for day in others if day < times.due), default=date.min)
    last = min((day - DAY for day in others if day > times.due), default=date.max)
    return Span(first, min(last, today), times.due)


def filled(offers: Sequence[Offer], due: date) -> dict[str, Any]:
    """Of weight and height the value nearest to the due day, the subsets of the nearest day, the counts of every day.

    Where a day has several of one kind, the one that the hospital changed last.
    """
    latest: dict[tuple[str, date], Offer] = {}
    for one in sorted(offers, key=lambda one: (one.changed is not None, one.changed, one.source)):
        latest[one.of, one.day] = one
    chosen = list(latest.values())
    used: dict[int, str] = {}
    document: dict[str, Any] = {}
    for of in BODY:
        if nearest := _nearest([one for one in chosen if one.of == of], due):
            said = _quantity(nearest.value) | {"date": nearest.day.isoformat()}
            document.setdefault("measurements", {})[of] = said
            used[id(nearest)] = f"measurements.{of}"
    counted = [one for one in chosen if one.of in COUNTS]
    for number, day in enumerate(sorted({one.day for one in counted})):
        rows = document.setdefault("engraftment", {}).setdefault("counts", [])
        rows.append({"date": day.isoformat()})
        for one in (one for one in counted if one.day == day):
            rows[-1][one.of] = _quantity(one.value)
            used[id(one)] = f"engraftment.counts[{number}].{one.of}"
    subsets = [one for one in chosen if one.of in SUBSETS]
    if nearest := _nearest(subsets, due):
        document["immune_reconstitution"] = {"date": nearest.day.isoformat()}
        for one in (one for one in subsets if one.day == nearest.day):
            document["immune_reconstitution"][one.of] = _quantity(one.value)
            used[id(one)] = f"immune_reconstitution.{one.of}"
    return {"document": document, "values": [_told(one, used.get(id(one))) for one in offers]}


def _nearest(offers: Sequence[Offer], due: date) -> Offer | None:
    """The later one of two that are as near."""
    return min(offers, key=lambda one: (abs((one.day - due).days), due - one.day), default=None)


def _quantity(value: Measured) -> dict[str, Any]:
    said = {"value": value.value, "unit": value.unit}
    return said | ({"comparator": value.comparator} if value.comparator else {})


def _told(one: Offer, path: str | None) -> dict[str, Any]:
    source = {"source": one.source, "version": one.version}
    return {"of": one.of, **_quantity(one.value), "date": one.day.isoformat(), **source, "path": path}


def _left(one: LeftOut) -> dict[str, Any]:
    return {"source": one.source, "why": one.why}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
