"""A plan as an iCalendar file: one all-day event for each item, under ids that stay when the graft moves.

It names no patient: calendar programs copy what they are given to telephones and clouds.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from icalendar import Calendar, Event

from adapter.flows.ward import Sheet
from mappings.plan.calendar import Span, amount, span_of
from mappings.plan.reading import WITHDRAWN, Item, read

PRODUCT = "-//Engraft//Transplant plan//EN"


def ics(sheet: Sheet) -> bytes:
    """The file. The same plan gives the same bytes; a later version of the plan replaces the events of the earlier, and
    what is called off is there as cancelled, so that it vanishes from the calendars that took it in.
    """
    out = Calendar()
    out.add("prodid", PRODUCT)
    out.add("version", "2.0")
    out.add("calscale", "GREGORIAN")
    out.add("method", "PUBLISH")
    out.add("x-wr-calname", f"Transplant plan {sheet.standing.ids.course[:8]}")
    items = (*sheet.items, *read(sheet.standing.resources, withdrawn=True))
    for span in (span_of(item, items) for item in items):
        if span.first is not None and sheet.at is not None:
            out.add_component(_event(span, span.first, sheet.at, sheet))
    file: bytes = out.to_ical()
    return file


def _event(span: Span, first: date, at: datetime, sheet: Sheet) -> Event:
    item, course = span.item, sheet.standing.ids.course
    status = _status(item, sheet.standing.status)
    event = Event()
    event.add("uid", f"{course}/{item.action}/{item.day.replace('+', '') or 'open'}@engraft")
    event.add("dtstamp", at)
    event.add("sequence", sheet.version)
    event.add("dtstart", first)
    event.add("dtend", (span.last or first) + timedelta(days=1))
    event.add("summary", _summary(span, sheet.standing.status, status))
    event.add("description", "\n".join(filter(None, (item.gate, item.text))))
    event.add("status", status)
    event.add("transp", "TRANSPARENT")
    return event


def _status(item: Item, plan: str) -> str:
    if item.status in WITHDRAWN:
        return "CANCELLED"
    return "CONFIRMED" if plan == "active" and not item.gate else "TENTATIVE"


def _summary(span: Span, plan: str, status: str) -> str:
    mark = "CANCELLED" if status == "CANCELLED" else "" if plan == "active" else "DRAFT"
    days = span.first_day if span.last_day in ("", span.first_day) else f"{span.first_day} to {span.last_day}"
    return " ".join(filter(None, (mark, days, span.item.title, amount(span.item), span.item.route)))
