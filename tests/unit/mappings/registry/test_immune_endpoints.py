"""Lymphocyte subsets at the scheduled dates, in one unit, and CD4 recovery before day 100."""

from __future__ import annotations

import pytest

from mappings.registry.blood_facts import Result
from tests.unit.mappings.registry.grafted import UNKNOWN, analysis_of, cells, course, judged, on


def cd4(when, value, unit="/uL", comparator=None):
    return cells("cd4", when, value, unit, comparator)


def row(*cohort, at=90):
    (said,) = analysis_of("immune-cd4", *cohort, horizons=(at,)).rows
    return said


def test_median_quartiles_and_range_of_who_has_a_count_in_the_window():
    values = (10, 40, 55, 80, 400)
    cohort = [course(alive=900, subsets=[cd4(90, value)]) for value in values]
    said = row(*cohort, course(alive=900), course(alive=900, subsets=[cd4(120, 999)]))
    assert (said.n, said.median, said.q1, said.q3, said.min, said.max) == (5, 55, 40, 80, 10, 400)
    assert (said.unit, said.method, said.horizon_days) == ("/uL", "median, quartiles (R type 7), range", 90)


def test_counts_are_compared_in_one_unit():
    assert row(course(alive=900, subsets=[cd4(90, "0.12", "10*9/L")])).median == 120
    assert row(course(alive=900, subsets=[cd4(90, 120, "10*6/L")])).median == 120
    strange = course(alive=900, subsets=[cd4(90, 120, "mg")])
    assert row(strange).n == 0
    assert judged("immune-cd4", strange).excluded == ("count of cd4 in a unit that cannot be converted",)


def test_the_nearest_count_and_of_two_equally_near_the_earlier():
    assert row(course(alive=900, subsets=[cd4(80, 1), cd4(92, 2), cd4(88, 3)])).median == 3


def test_without_counts_there_is_no_median():
    said = row(course(alive=900))
    assert (said.n, said.median, said.q1, said.q3, said.min, said.max) == (0, None, None, None, None, None)


def test_a_day_without_a_window_tells_nothing():
    said = row(course(alive=900, subsets=[cd4(100, 1)]), at=100)
    assert (said.n, said.median) == (None, None)


def test_a_count_known_as_a_bound_is_listed_where_it_counts():
    said = judged("immune-cd4", course(alive=900, subsets=[cd4(90, 5, comparator="<")]))
    assert said.values[90] == 5
    assert "cd4 known as a bound: counted as that bound" in said.listed
    elsewhere = judged("immune-cd4", course(alive=900, subsets=[cd4(300, 5, comparator="<")]))
    assert elsewhere.listed == ()


@pytest.mark.parametrize("subset", ["cd8", "treg", "nk", "b"])
def test_every_subset_has_its_own_rows(subset):
    told = course(alive=900, subsets=[cells(subset, day, 7, "/uL") for day in (30, 90, 180)])
    assert [(said.horizon_days, said.median) for said in analysis_of(f"immune-{subset}", told).rows] == [
        (30, 7),
        (90, 7),
        (180, 7),
    ]


@pytest.mark.parametrize(
    ("counts", "recovered"),
    [
        ([(30, 51), (60, 51)], True),
        ([(30, 50), (60, 51)], False),
        ([(30, 60), (45, 40), (60, 60)], False),
        ([(30, 20), (99, 60), (80, 60)], True),
        ([(80, 60), (100, 60)], None),
        ([(80, 60), (80, 70)], None),
        ([(-5, 60), (80, 60)], None),
    ],
)
def test_cd4_recovery_is_more_than_50_at_two_consecutive_dates_before_day_100(counts, recovered):
    told = course(alive=900, subsets=[cd4(day, value) for day, value in counts])
    assert judged("immune-cd4-recovered", told).values[100] is recovered


@pytest.mark.parametrize(
    ("comparator", "value", "recovered"),
    [("<", 100, False), ("<=", 100, False), (">", 50, True), (">=", 50, False), (">=", 51, True)],
)
def test_a_cd4_count_known_as_a_bound_recovers_only_where_it_does_so_for_certain(comparator, value, recovered):
    told = course(alive=900, subsets=[cd4(day, value, comparator=comparator) for day in (30, 60)])
    assert judged("immune-cd4-recovered", told).values[100] is recovered


def test_cd4_recovery_is_counted_of_all_grafted_and_of_who_has_two_counts():
    cohort = [
        course(alive=900, subsets=[cd4(30, 60), cd4(60, 60)]),
        course(alive=900, subsets=[cd4(30, 60), cd4(60, 10)]),
        course(alive=900, subsets=[cd4(30, 60), cd4(UNKNOWN, 60)]),
    ]
    grafted, assessed = analysis_of("immune-cd4-recovered", *cohort, horizons=(365,)).rows
    assert [(said.count, said.of, said.horizon_days) for said in (grafted, assessed)] == [(1, 3, 100), (1, 2, 100)]


def test_a_count_after_death_is_excluded_and_one_without_a_value_is_none():
    said = judged("immune-cd4", course(died=80, subsets=[cd4(90, 120)]))
    assert (said.values[90], said.excluded) == (None, ("count of cd4 after death",))
    unsaid = Result("cd4", on(90), UNKNOWN)
    assert judged("immune-cd4", course(alive=900, subsets=[unsaid])).values[90] is None
