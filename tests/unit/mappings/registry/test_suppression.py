"""What may leave the centre: no small count, nothing that one could be worked out from, nobody's own value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.registry.judged import Analysis, CountRow, Row, SpreadRow
from mappings.registry.suppression import SMALLEST, SUMS, suppress

ALL = ("n", "at_risk", "events", "estimate", "se", "ci_low", "ci_high")
HIDDEN_EVENTS = ALL[2:]
SHARE = ("count", "estimate", "ci_low", "ci_high")


def row(horizon, n, at_risk, events, endpoint="os"):
    return Row(endpoint, horizon, n, at_risk, events, 0.5, 0.1, 0.3, 0.7, "kaplan-meier", {"competing": 1})


def share(count, of, category="CR or PR", among="grafted", **more):
    return CountRow("response", 90, count, of, 0.5, 0.3, 0.7, "clopper-pearson", among, category, more)


def analysis(*rows, endpoint="os", main=None):
    return Analysis(endpoint, endpoint, rows, main, None, (), (), ())


def released(*rows):
    (left,) = suppress([analysis(*rows)])
    return left.rows


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        (row(730, 100, 40, 20), ()),
        (row(730, 100, 40, 0), ()),
        (row(730, 100, 4, 20), ("at_risk",)),
        (row(730, 100, 0, 20), ()),
        (row(730, 100, 40, 4), ("at_risk", *HIDDEN_EVENTS)),
        (row(730, 100, 3, 97), ("at_risk", *HIDDEN_EVENTS)),
        (row(730, 4, 4, 0), ALL),
    ],
)
def test_small_counts_are_hidden_with_what_they_could_be_worked_out_from(said, hidden):
    (left,) = released(said)
    assert left.suppressed == hidden
    assert all(getattr(left, name) is None for name in hidden)
    assert all(getattr(left, name) == getattr(said, name) for name in set(ALL) - set(hidden))
    assert left.more == {}


def test_a_shorter_horizon_is_hidden_where_the_difference_to_the_main_one_is_small():
    left = released(row(365, 100, 60, 18), row(730, 100, 40, 20), row(90, 100, 80, 10))
    assert [(each.horizon_days, each.events) for each in left] == [(365, None), (730, 20), (90, 10)]


def test_what_was_hidden_stays_hidden_when_it_is_suppressed_again():
    once = suppress([analysis(row(730, 100, 40, 3))])
    assert suppress(once)[0].rows[0].estimate is None


def test_the_main_row_is_shown_as_its_like_or_not_at_all():
    small, large = row(730, 100, 40, 3), row(365, 100, 40, 30)
    (left,) = suppress([analysis(small, main=small)])
    assert left.main.events is None
    (alone,) = suppress([analysis(large, main=small)])
    assert alone.main.suppressed == ALL
    (none,) = suppress([analysis(large)])
    assert none.main is None


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        (share(20, 100), ()),
        (share(4, 100), SHARE),
        (share(97, 100), SHARE),
        (share(0, 100), ()),
        (share(2, 4), ("count", "of", *SHARE[1:])),
        (share(None, None), ("count", "of", *SHARE[1:])),
    ],
)
def test_a_share_of_few_or_of_all_but_few_is_hidden(said, hidden):
    (left,) = released(said)
    assert left.suppressed == hidden


def test_of_the_classes_of_one_whole_a_second_falls_so_that_none_can_be_subtracted():
    full, mixed, absent = (
        share(count, 60, name, "assessed") for name, count in (("full", 40), ("mixed", 17), ("absent", 3))
    )
    assert [each.count for each in released(full, mixed, absent)] == [40, None, None]
    kept = [share(count, 60, name, "assessed") for name, count in (("full", 40), ("mixed", 20), ("absent", 0))]
    assert [each.count for each in released(*kept)] == [40, 20, 0]


def test_cell_fractions_are_wholes_of_their_own():
    full, mixed = share(57, 60, "full", "assessed"), share(30, 60, "mixed", "assessed", lineage="t-cell")
    left = released(full, mixed)
    assert (left[0].count, left[1].count, left[1].more) == (None, 30, {"lineage": "t-cell"})


def test_the_same_count_of_another_whole_is_hidden_with_it():
    left = released(share(20, 100), share(20, 23, among="assessed"))
    assert [each.count for each in left] == [None, None]


@pytest.mark.parametrize(
    ("inner", "hidden"),
    [
        (share(20, 97, among="alive and relapse-free on day 120"), ("count", "of", *SHARE[1:])),
        (share(18, 60, among="alive and relapse-free on day 120"), SHARE),
        (share(12, 60, among="alive and relapse-free on day 120"), ()),
    ],
    ids=["3 are outside of it", "2 of those counted are outside of it", "enough are outside of it"],
)
def test_a_smaller_whole_does_not_tell_who_is_outside_of_it(inner, hidden):
    larger, left = released(share(20, 100), inner)
    assert (larger.suppressed, left.suppressed) == ((), hidden)


def test_the_least_and_the_most_are_one_patients_and_never_leave():
    wide, few = (SpreadRow("immune-cd4", 90, n, 50.0, 40.0, 60.0, 10.0, 400.0, "quartiles", "/uL") for n in (30, 4))
    left = released(wide, few)
    assert (left[0].n, left[0].median, left[0].q1, left[0].min, left[0].max) == (30, 50, 40, None, None)
    assert left[1].suppressed == ("n", "median", "q1", "q3", "min", "max")
    (nobody,) = released(SpreadRow("immune-cd4", 90, 0, None, None, None, None, None, "quartiles", "/uL"))
    assert nobody.n == 0


def by_endpoint(**events):
    rows = [analysis(row(365, 200, 90, n, name), endpoint=name) for name, n in events.items()]
    return {each.endpoint: each.rows[0].events for each in suppress(rows)}


def test_of_endpoints_that_add_up_one_alone_is_never_hidden():
    assert by_endpoint(lfs=43, relapse=40, nrm=3)["relapse"] is None
    assert by_endpoint(lfs=80, relapse=40, nrm=40) == {"lfs": 80, "relapse": 40, "nrm": 40}
    assert by_endpoint(lfs=43, nrm=3) == {"lfs": 43, "nrm": None}


def test_of_endpoints_within_each_other_that_differ_by_few_the_inner_is_hidden():
    said = by_endpoint(**{"agvhd-2-4": 40, "agvhd-3-4": 38, "cgvhd": 40, "cgvhd-moderate-severe": 20})
    assert said == {"agvhd-2-4": 40, "agvhd-3-4": None, "cgvhd": 40, "cgvhd-moderate-severe": 20}


counts = st.integers(0, 30)


@given(counts, counts, counts)
def test_no_small_number_can_be_subtracted_from_sums_and_parts(relapses, without, after):
    after = min(after, relapses)
    told = {
        "os": without + after,
        "lfs": relapses + without,
        "relapse": relapses,
        "nrm": without,
        "disease-death": after,
    }
    shown = by_endpoint(**told)
    for whole, *parts in SUMS:
        numbers = [shown[whole], *(shown[part] for part in parts)]
        assert numbers.count(None) != 1
    assert all(value is None or not 0 < value < SMALLEST for value in shown.values())
