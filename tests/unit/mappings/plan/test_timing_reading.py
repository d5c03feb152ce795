"""Days and doses of a FHIR Timing: what is understood is exact, what is not is said."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.plan.timing_reading import LONGEST, read

GTS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"


def rhythm(**repeat):
    when = read({"repeat": {"boundsPeriod": {"start": "2026-03-08"}, **repeat}})
    return when.times, when.every


@pytest.mark.parametrize(
    ("repeat", "found"),
    [
        ({"frequency": 2, "period": 1, "periodUnit": "d"}, (2, 1)),
        ({"period": 1, "periodUnit": "d"}, (1, 1)),
        ({"frequency": 1, "period": 12, "periodUnit": "h"}, (2, 1)),
        ({"frequency": 1, "period": 8, "periodUnit": "h"}, (3, 1)),
        ({"frequency": 1, "period": Decimal("0.5"), "periodUnit": "d"}, (2, 1)),
        ({"frequency": 1, "period": 24, "periodUnit": "h"}, (1, 1)),
        ({"frequency": 1, "period": 2, "periodUnit": "d"}, (1, 2)),
        ({"frequency": 1, "period": 1, "periodUnit": "wk"}, (1, 7)),
        ({"frequency": 7, "period": 1, "periodUnit": "wk"}, (1, 1)),
        ({"frequency": 2, "period": 3, "periodUnit": "d"}, (None, 1)),
        ({"frequency": 1, "period": 7, "periodUnit": "h"}, (None, 1)),
        ({"frequency": 1, "period": 1, "periodUnit": "mo"}, (None, 1)),
        ({"frequency": 3}, (None, 1)),
        ({"frequency": 0, "period": 1, "periodUnit": "d"}, (None, 1)),
        ({"frequency": True, "period": 1, "periodUnit": "d"}, (None, 1)),
        ({"frequency": 1, "period": 0, "periodUnit": "d"}, (None, 1)),
        ({"timeOfDay": ["08:00:00", "20:00:00"]}, (2, 1)),
        ({"when": ["MORN", "NOON", "EVE"]}, (3, 1)),
        ({}, (None, 1)),
    ],
)
def test_how_often_a_day(repeat, found):
    assert rhythm(**repeat) == found


@pytest.mark.parametrize(("code", "times"), [("BID", 2), ("TID", 3), ("Q6H", 4), ("QD", 1), ("QOD", None), ("x", None)])
def test_how_often_by_the_common_abbreviations(code, times):
    assert read({"code": {"coding": [{"system": GTS, "code": code}]}}).times == times
    assert read({"code": {"coding": [{"system": "urn:other", "code": code}]}}).times is None


def test_listed_days():
    when = read({"event": ["2026-02-17", "2026-02-18T08:00:00+01:00"]})
    assert (when.listed, when.times, when.endless) == ((date(2026, 2, 17), date(2026, 2, 18)), 1, False)
    assert when.covers(date(2026, 2, 18))
    assert not when.covers(date(2026, 2, 19))


def test_events_of_one_day_are_its_doses():
    assert read({"event": ["2026-02-25T08:00:00Z", "2026-02-25T20:00:00Z"]}).times == 2
    uneven = read({"event": ["2026-02-25T08:00:00Z", "2026-02-25T20:00:00Z", "2026-02-26T08:00:00Z"]})
    assert uneven.times is None
    often = read({"event": ["2026-02-25", "2026-02-26"], "repeat": {"frequency": 4, "period": 1, "periodUnit": "d"}})
    assert (often.times, len(often.listed)) == (4, 2)


def test_a_span_with_and_without_an_end():
    daily = {"frequency": 1, "period": 1, "periodUnit": "d"}
    closed = read({"repeat": {"boundsPeriod": {"start": "2026-03-08", "end": "2026-03-10"}, **daily}})
    assert [day.day for day in closed.days()] == [8, 9, 10]
    assert (closed.covers(date(2026, 3, 10)), closed.covers(date(2026, 3, 11))) == (True, False)
    open_ = read({"repeat": {"boundsPeriod": {"start": "2026-03-08"}, **daily}})
    assert (open_.endless, list(open_.days())) == (True, [date(2026, 3, 8)])
    assert open_.covers(date(2029, 1, 1))
    assert not open_.covers(date(2026, 3, 7))


def test_every_other_day():
    when = read({"repeat": {"boundsPeriod": {"start": "2026-03-05"}, "count": 2, "period": 2, "periodUnit": "d"}})
    assert list(when.days()) == [date(2026, 3, 5), date(2026, 3, 7)]
    assert not when.covers(date(2026, 3, 6))


@pytest.mark.parametrize(("count", "frequency", "last"), [(4, 1, 11), (4, 2, 9), (5, 2, 10), (1, 1, 8)])
def test_a_count_ends_a_span(count, frequency, last):
    repeat = {"count": count, "frequency": frequency, "period": 1, "periodUnit": "d"}
    when = read({"repeat": {"boundsPeriod": {"start": "2026-03-08"}, **repeat}})
    assert when.last == date(2026, 3, last)


def test_a_span_of_years_is_looked_at_for_a_year_or_so():
    daily = {"frequency": 1, "period": 1, "periodUnit": "d"}
    assert (
        len(list(read({"repeat": {"boundsPeriod": {"start": "1900-01-01", "end": "2199-12-31"}, **daily}}).days()))
        <= LONGEST + 1
    )
    assert read({"repeat": {"boundsPeriod": {"start": "2026-03-08"}, "count": 10**9, **daily}}).last.year == 2027


@pytest.mark.parametrize(
    ("timing", "gaps"),
    [
        ({"event": ["2026-03"]}, ("timing.event",)),
        ({"event": ["yesterday", "2026-02-17"]}, ("timing.event",)),
        ({"event": ["9999-12-31"]}, ("timing.event",)),
        ({"repeat": {"boundsPeriod": {"start": "2026-03-08", "end": "soon"}}}, ("timing.repeat.boundsPeriod",)),
        ({"repeat": {"boundsPeriod": {"start": "2026-03-08", "end": "2026-03-01"}}}, ("timing.repeat.boundsPeriod",)),
        ({"repeat": {"frequencyMax": 3}}, ("timing.repeat.frequencyMax",)),
        ({"repeat": {"dayOfWeek": ["mon"]}}, ("timing.repeat.dayOfWeek",)),
        ({}, ()),
        (None, ()),
        ("daily", ()),
        ({"event": "2026-02-17", "repeat": [], "code": 7}, ()),
    ],
)
def test_what_is_not_understood_is_said(timing, gaps):
    when = read(timing)
    assert when.gaps == gaps
    assert when.first is None or not gaps


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=12)
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "repeat",
                    "event",
                    "code",
                    "coding",
                    "boundsPeriod",
                    "start",
                    "end",
                    "frequency",
                    "period",
                    "periodUnit",
                    "count",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_nothing_that_is_sent_is_an_error(timing):
    when = read(timing)
    assert len(list(when.days())) <= LONGEST + 1
    assert when.times is None or when.times > 0
