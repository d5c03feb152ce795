"""From when to when a date is: no zone is invented, and nothing that FHIR allows falls over the edge of a calendar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.store.spans import FIRST, LAST, Span, span, spans


def wall(*parts):
    return datetime(*parts)  # noqa: DTZ001 - a wall clock has no zone


def moment(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2026", wall(2026, 1, 1), wall(2027, 1, 1)),
        ("2026-02", wall(2026, 2, 1), wall(2026, 3, 1)),
        ("2026-12", wall(2026, 12, 1), wall(2027, 1, 1)),
        ("2028-02-29", wall(2028, 2, 29), wall(2028, 3, 1)),
        ("2026-12-31", wall(2026, 12, 31), wall(2027, 1, 1)),
        ("2026-03-02T10:00", wall(2026, 3, 2, 10), wall(2026, 3, 2, 10, 1)),
        ("9999", wall(9999, 1, 1), LAST),
        ("9999-12", wall(9999, 12, 1), LAST),
        ("9999-12-31", wall(9999, 12, 31), LAST),
        ("0001", FIRST, wall(2, 1, 1)),
    ],
)
def test_what_has_no_zone_gets_none(text, low, high):
    assert span(text) == Span(low, high)


@pytest.mark.parametrize(
    ("text", "low", "low_at", "high_at"),
    [
        ("2026-03-02T10:00:00Z", "2026-03-02T10:00:00", "2026-03-02T10:00:00", "2026-03-02T10:00:01"),
        ("2026-03-02T10:00:00-02:30", "2026-03-02T10:00:00", "2026-03-02T12:30:00", "2026-03-02T12:30:01"),
        ("2026-03-02T00:30:00+01:00", "2026-03-02T00:30:00", "2026-03-01T23:30:00", "2026-03-01T23:30:01"),
        ("2026-03-02T10:00:00.5Z", "2026-03-02T10:00:00.500", "2026-03-02T10:00:00.500", "2026-03-02T10:00:00.600"),
        (
            "2026-03-02T10:00:00.1234567Z",
            "2026-03-02T10:00:00.123456",
            "2026-03-02T10:00:00.123456",
            "2026-03-02T10:00:00.123457",
        ),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00", "2017-01-01T00:00:00", "2017-01-01T00:00:01"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00", "0001-01-01T00:00:00", "0001-01-01T00:00:01"),
    ],
)
def test_what_has_a_zone_is_a_moment_too(text, low, low_at, high_at):
    found = span(text)
    assert found.low == datetime.fromisoformat(low)
    assert (found.low_at, found.high_at) == (
        datetime.fromisoformat(f"{low_at}+00:00"),
        datetime.fromisoformat(f"{high_at}+00:00"),
    )


def test_a_leap_second_at_the_end_of_time_stays_in_it():
    found = span("9999-12-31T23:59:60Z")
    assert (found.low, found.high_at) == (LAST, LAST.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "text", ["", "0000", "26", "2026-00", "2026-02-29", "2026-03-02T24:00:00Z", "२०२६", "2026-03-02T"]
)
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError, match=r"date|month|day|hour|year"):
        span(text)


@pytest.mark.parametrize(
    "value", [None, 5, {}, {"text": "spring"}, {"repeat": {"frequency": 1}}, "spring", {"start": "x"}, {"start": 5}]
)
def test_what_tells_no_time_has_no_span(value):
    assert spans(value) is None


def test_a_timing_reaches_from_its_first_event_to_its_last():
    events = {"event": ["2026-03-05T10:00:00Z", "2026-03-01T10:00:00Z"]}
    assert spans(events) == Span(
        wall(2026, 3, 1, 10), wall(2026, 3, 5, 10, 0, 1), moment(2026, 3, 1, 10), moment(2026, 3, 5, 10, 0, 1)
    )
    assert spans({"event": ["2026-03-05T10:00:00Z", "2026-03-01"]}) == Span(
        wall(2026, 3, 1), wall(2026, 3, 5, 10, 0, 1)
    )
    bounded = {"repeat": {"boundsPeriod": {"start": "2026-03-08"}}}
    assert spans(bounded) == Span(wall(2026, 3, 8), LAST)


@given(st.text("0123456789-T:.Z+ ", max_size=30) | st.datetimes().map(datetime.isoformat))
def test_any_text_is_a_span_or_refused(text):
    try:
        found = span(text)
    except ValueError:
        return
    assert found.low < found.high or found.high == LAST
    assert (found.low_at is None) == (found.high_at is None)
