"""Order of FHIR dates and times of any precision: told only where it is certain."""

from __future__ import annotations

from datetime import date, datetime, timedelta


def is_after(first: str, second: str) -> bool:
    """Whether `first` is later than `second` in every reading.

    Partial dates are compared as far as both go. A date without a time has no zone: it may lie a day to either side.
    """
    if "T" in first and "T" in second:
        return _moment(first) > _moment(second)
    shared = min(len(first[:10]), len(second[:10]))
    if "T" in first or "T" in second:
        return shared == 10 and _day(first) - _day(second) > timedelta(days=1)
    return first[:shared] > second[:shared]


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])


def _moment(text: str) -> datetime:
    # A leap second is legal in FHIR and unknown to Python; so is more than a microsecond.
    clock = text[:17] + text[17:19].replace("60", "59")
    zone = "+00:00" if text.endswith("Z") else text[-6:]
    return datetime.fromisoformat(clock + zone)
