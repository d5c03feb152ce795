"""Dates are intervals: how partial dates, periods and times with and without a zone are found and sorted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.store.criteria import read
from adapter.store.paging import Sort, Window
from adapter.store.spans import spans

EFFECTIVE = {
    "day": {"effectiveDateTime": "2026-03-02"},
    "month": {"effectiveDateTime": "2026-03"},
    "year": {"effectiveDateTime": "2026"},
    # half past midnight in Paris, the evening before in UTC
    "night": {"effectiveDateTime": "2026-03-02T00:30:00+01:00"},
    "week": {"effectivePeriod": {"start": "2026-02-25", "end": "2026-03-02"}},
    "since": {"effectivePeriod": {"start": "2026-03-02"}},
    "until": {"effectivePeriod": {"end": "2026-03-01"}},
    "hours": {"effectivePeriod": {"start": "2026-03-02T08:00:00Z", "end": "2026-03-02T12:00:00Z"}},
    "mixed": {"effectivePeriod": {"start": "2026-03-02T08:00:00Z", "end": "2026-03-04"}},
    "timing": {"effectiveTiming": {"event": ["2026-03-09", "2026-03-05"]}},
    "unsaid": {"_effectiveDateTime": {"extension": [{"url": "urn:absent", "valueCode": "unknown"}]}},
}


@pytest.fixture
def find(store, noon):
    with store.transaction() as tx:
        for name, effective in EFFECTIVE.items():
            resource = {"resourceType": "Observation", "id": name, "status": "final"} | effective
            tx.resources.put(resource, centre="FR-037", course="c", sources=[], at=noon)

    def find(*parameters, sort=()):
        criteria = [read("Observation", name, value) for name, value in parameters]
        with store.reading() as tx:
            page = tx.resources.search("Observation", criteria, Window(99, sort), centres=["FR-037"])
        return " ".join(one.id for one in page.matches)

    return find


@pytest.mark.parametrize(
    ("value", "found"),
    [
        # what lies wholly within
        ("2026-03-02", "day night hours"),
        ("eq2026-03", "day month night hours mixed timing"),
        ("2026", "day month year night week hours mixed timing"),
        ("2026-02", ""),
        # whatever is not wholly within
        ("ne2026-03-02", "month year week since until mixed timing"),
        # reaches past it; reaches before it
        ("gt2026-03-02", "month year since mixed timing"),
        ("lt2026-03-02", "month year week until"),
        ("gt2026-03", "year since"),
        # the same, or what reaches over its edge
        ("ge2026-03-02", "day month year night week since hours mixed timing"),
        ("le2026-03-02", "day month year night week since until hours mixed"),
        ("ge2026-03-03", "month year since mixed timing"),
        # wholly after, wholly before, overlapping
        ("sa2026-03-02", "timing"),
        ("sa2026-03-01", "day night since hours mixed timing"),
        ("eb2026-03-02", "until"),
        ("eb2026-03-03", "day night week until hours"),
        ("ap2026-03-02", "day month year night week since hours mixed"),
        # of a Timing the outer limits
        ("2026-03-07", ""),
        ("ap2026-03-07", "month year since timing"),
        # one of several
        ("2026-03-02,sa2026-03-04", "day night hours timing"),
        # where both sides have a zone, moments: 23:30Z is the day before
        ("eb2026-03-02T00:00:00Z", "night until"),
        ("ge2026-03-02T00:00:00Z", "day month year week since hours mixed timing"),
        ("ge2026-03-01T23:00:00Z", "day month year night week since until hours mixed timing"),
        ("2026-03-02T00:30:00+01:00", "night"),
        ("2026-03-02T00:30:00 01:00", "night"),
        ("2026-03-01T23:30:00Z", "night"),
        ("2026-03-01T23:30Z", "night"),
        ("2026-03-02T00:30", "night"),
        ("sa2026-03-02T07:59:59Z", "hours mixed timing"),
        # a wall clock without a zone is compared as it is written
        ("eb2026-03-02T01:00", "night until"),
    ],
)
def test_what_a_date_finds(find, value, found):
    assert find(("date", value)) == found


def test_two_bounds_find_what_overlaps_a_week(find):
    assert find(("date", "ge2026-03-05"), ("date", "le2026-03-11")) == "month year since timing"


def test_a_date_that_is_not_known_is_missing(find):
    assert find(("date:missing", "true")) == "unsaid"
    assert "unsaid" not in find(("date", "ge0001"))


def test_a_medication_is_found_by_each_day_on_which_it_is_due(store, noon):
    order = {
        "resourceType": "MedicationRequest",
        "id": "atg",
        "dosageInstruction": [
            {"timing": {"event": ["2026-02-27", "2026-02-28"]}},
            {"timing": {"event": ["2026-03-01"]}},
        ],
    }
    with store.transaction() as tx:
        tx.resources.put(order, centre="FR-037", course="c", sources=[], at=noon)
    with store.reading() as tx:
        for day, total in (("2026-02-26", 0), ("2026-02-27", 1), ("2026-02-28", 1), ("2026-03-01", 1), ("2026-02", 1)):
            due = [read("MedicationRequest", "date", day)]
            assert tx.resources.search("MedicationRequest", due, Window(9), centres=None).total == total, day


def test_it_is_sorted_by_date_and_what_has_none_comes_last(find):
    ascending = find(sort=[Sort("date", False)]).split()
    assert ascending == "until year week month day since night hours mixed timing unsaid".split()
    descending = find(sort=[Sort("date", True)]).split()
    assert descending == "timing hours mixed night day since month week year until unsaid".split()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2026-03-02", True),
        ("2026-03-02T12:00:00Z", True),
        ("2026-03-02T13:00:00.250+01:00", True),
        ("2026-03-02T12:00:01Z", False),
        ("ge2026-03-02T12:00:00.250Z", True),
        ("gt2026-03-02T12:00:00.250Z", False),
        ("gt2026-03-02T12:00:00.249Z", True),
        ("lt2026-03-02T12:00:00.251Z", True),
        ("le2026-03-02T12:00:00.250Z", True),
        ("lt2026-03-02T12:00:00.250Z", False),
        ("sa2026-03-01", True),
        ("eb2026-03-02", False),
        ("ne2026-03-02", False),
        ("ne2026-03-01", True),
        ("ap2026-03", True),
        ("2026-03-02T12:00", True),
        ("lt2026-01-01,gt2026-03-01", True),
    ],
)
def test_when_it_was_changed(store, value, found):
    at = datetime(2026, 3, 2, 12, 0, 0, 250_400, UTC)  # told in milliseconds, kept in microseconds
    with store.transaction() as tx:
        tx.resources.put({"resourceType": "Patient", "id": "p"}, centre="FR-037", course="c", sources=[], at=at)
    with store.reading() as tx:
        changed = [read("Patient", "_lastUpdated", value)]
        assert tx.resources.search("Patient", changed, Window(9), centres=["FR-037"]).total == found


STAMPS = st.builds(
    lambda at, form, zone: at.strftime(form) + (zone if "T" in form else ""),
    st.datetimes(datetime.fromisoformat("2026-02-26"), datetime.fromisoformat("2026-03-04")),
    st.sampled_from(["%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    st.sampled_from(["Z", "+01:00", "-11:00", "+14:00"]),
)


def expected(prefix, row, said):
    """R4's table, told once more in Python."""
    if row.low_at and said.low_at:
        low, high, first, last = row.low_at, row.high_at, said.low_at, said.high_at
    else:
        low, high, first, last = row.low, row.high, said.low, said.high
    inside = first <= low and high <= last
    return {
        "eq": inside,
        "ne": not inside,
        "gt": high > last,
        "lt": low < first,
        "ge": high > last or inside or low < first < high,
        "le": low < first or inside or low < last < high,
        "sa": low >= last,
        "eb": high <= first,
        "ap": max(low, first) < min(high, last),
    }[prefix]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored=st.lists(STAMPS, min_size=1, max_size=6), value=STAMPS)
def test_any_date_finds_what_the_rules_say(store, noon, stored, value):
    with store.transaction() as tx:
        for number, stamp in enumerate(stored):
            resource = {"resourceType": "Observation", "id": f"o{number}", "effectiveDateTime": stamp}
            tx.resources.put(resource, centre="FR-037", course="c", sources=[], at=noon)
        for number in range(len(stored), 6):
            tx.resources.delete("Observation", f"o{number}", noon)
    said = spans(value)
    with store.reading() as tx:
        for prefix in ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"):
            asked = [read("Observation", "date", prefix + value)]
            found = {one.id for one in tx.resources.search("Observation", asked, Window(9), centres=None).matches}
            wanted = {f"o{number}" for number, stamp in enumerate(stored) if expected(prefix, spans(stamp), said)}
            assert found == wanted, (prefix, value, stored)
