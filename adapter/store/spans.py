"""From when to when a FHIR date, dateTime, instant, Period or Timing is, for comparing.

Nobody invents a time zone. What is written without one is compared as it stands on the calendar and on the wall;
`low_at` and `high_at` are there only where every end that is told has a zone, and moments are compared with moments.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

FIRST, LAST = datetime.min, datetime.max  # noqa: DTZ901 - a wall clock has no zone
_FORM = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?P<rest>\.[0-9]+)?)?"
    r"(?P<zone>Z|[+ -](?:0[0-9]|1[0-4]):[0-5][0-9])?)?)?)?"
)


@dataclass(frozen=True, slots=True)
class Span:
    """From `low` to before `high`, as written on the wall; the same as moments (UTC) where the zone is told."""

    low: datetime
    high: datetime
    low_at: datetime | None = None
    high_at: datetime | None = None


def span(text: str) -> Span:
    """A date or time of any precision: 2026-03 is the whole month. Raises ValueError for what is none."""
    said = _FORM.fullmatch(text)
    if said is None:
        raise ValueError(f"not a date or time: {text[:40]}")
    low = datetime(int(said["year"]), int(said["month"] or 1), int(said["day"] or 1))  # noqa: DTZ001 - a wall clock
    if said["hour"]:
        # a leap second is legal in FHIR and unknown to Python, so the seconds are added
        time, past = low.replace(hour=int(said["hour"]), minute=int(said["minute"])), _past_minute(said)
        low = _later(time, lambda: time + past)
    high = _later(low, lambda: _end(low, said))
    if not said["zone"]:
        return Span(low, high)
    return Span(low, high, _moment(low, said["zone"]), _moment(high, said["zone"]))


def spans(value: Any) -> Span | None:
    """The span of an element; None for what tells no time. Of a Timing only the outer limits count, as R4 says."""
    try:
        if isinstance(value, str):
            return span(value)
        if not isinstance(value, dict):
            return None
        if "event" in value or "repeat" in value:
            return _outer([span(event) for event in value.get("event", ())], value.get("repeat", {}))
        return _period(value) if value.keys() & {"start", "end"} else None
    except (ValueError, TypeError):
        return None  # content that is not R4 is found by everything else that it says


def _period(value: dict[str, Any]) -> Span:
    """Open ends reach as far as time does."""
    start = span(value["start"]) if "start" in value else Span(FIRST, FIRST, _utc(FIRST), _utc(FIRST))
    end = span(value["end"]) if "end" in value else Span(LAST, LAST, _utc(LAST), _utc(LAST))
    if start.low_at is None or end.high_at is None:
        return Span(start.low, end.high)
    return Span(start.low, end.high, start.low_at, end.high_at)


def _outer(events: list[Span], repeat: dict[str, Any]) -> Span | None:
    bounds = repeat.get("boundsPeriod")
    said = [*events, _period(bounds)] if bounds else events
    if not said:
        return None
    low, high = min(one.low for one in said), max(one.high for one in said)
    moments = [(one.low_at, one.high_at) for one in said if one.low_at and one.high_at]
    if len(moments) < len(said):
        return Span(low, high)
    return Span(low, high, min(first for first, _ in moments), max(last for _, last in moments))


def _past_minute(said: re.Match[str]) -> timedelta:
    seconds = int(said["second"] or 0)
    if seconds > 60:
        raise ValueError("a minute has at most 60 seconds")
    return timedelta(seconds=seconds, microseconds=int((said["rest"] or ".0")[1:7].ljust(6, "0")))


def _end(low: datetime, said: re.Match[str]) -> datetime:
    if said["rest"]:
        return low + timedelta(microseconds=10 ** max(0, 6 - len(said["rest"]) + 1))
    if said["hour"]:
        return low + (timedelta(seconds=1) if said["second"] else timedelta(minutes=1))
    if said["day"]:
        return low + timedelta(days=1)
    if said["month"] and low.month < 12:
        return low.replace(month=low.month + 1)
    return low.replace(year=low.year + 1, month=1)


def _later(low: datetime, reach: Callable[[], datetime]) -> datetime:
    """What is reached, or the end of the calendar."""
    try:
        return reach()
    except (OverflowError, ValueError):
        if low.year < LAST.year:
            raise
        return LAST


def _moment(wall: datetime, zone: str) -> datetime:
    if zone == "Z":
        return _utc(wall)
    ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    try:
        return _utc(wall + ahead if zone[0] == "-" else wall - ahead)
    except OverflowError:
        return _utc(wall)


def _utc(wall: datetime) -> datetime:
    return wall.replace(tzinfo=UTC)
