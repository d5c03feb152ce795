"""Remission and donor chimerism at the scheduled dates: which assessment, of how many, with exact intervals."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from mappings.registry.response_endpoints import donor_class
from tests.unit.mappings.registry.grafted import UNKNOWN, ZERO, analysis_of, course, donor, judged, response


def category(*responses, at=90, **more):
    said = judged("response", course(alive=None if "died" in more else 900, responses=responses, **more))
    return said.values[at]


@pytest.mark.parametrize("day", [75, 105])
def test_an_assessment_at_either_end_of_the_window_counts(day):
    assert category(response(day, "CR")) == "CR"


@pytest.mark.parametrize(("at", "inside", "outside"), [(180, 150, 149), (365, 410, 411), (730, 670, 669)])
def test_each_date_has_its_window(at, inside, outside):
    assert category(response(inside, "PR"), at=at) == "PR"
    assert category(response(outside, "PR"), at=at) is None


def test_the_nearest_counts_and_of_two_equally_near_the_earlier():
    assert category(response(80, "PR"), response(92, "CR")) == "CR"
    assert category(response(95, "CR"), response(85, "PR")) == "PR"


def test_what_found_nothing_out_is_no_assessment():
    assert category(response(90, "not-evaluable"), response(100, "CR")) == "CR"
    assert category(response(90, "unknown")) is None


def test_after_death_and_before_the_graft_there_is_no_response():
    said = judged("response", course(died=80, responses=[response(90, "CR"), response(-10, "no-response")]))
    assert (said.values[90], said.excluded) == (None, ("response after death",))


def test_rows_are_of_all_grafted_and_of_the_assessed():
    cohort = [
        *(course(alive=900, responses=[response(90, each)]) for each in ("CR", "CRh", "CRi", "PR", "MLFS", "other")),
        course(alive=900, responses=[response(90, "no-response")]),
        course(alive=900, responses=[response(300, "CR")]),
        course(died=20),
        course(alive=30),
    ]
    grafted, assessed = analysis_of("response", *cohort, horizons=(90,)).rows
    assert (grafted.count, grafted.of, grafted.among) == (4, 10, "grafted")
    assert (assessed.count, assessed.of, assessed.among) == (4, 7, "assessed")
    assert (grafted.estimate, assessed.estimate) == (0.4, 4 / 7)
    assert (grafted.ci_low, grafted.ci_high) == pytest.approx((0.12155226, 0.73762193), abs=1e-8)
    assert grafted.more == {"complete": 3, "partial": 1, "mlfs": 1, "assessed": 7}
    assert (grafted.category, grafted.method, grafted.horizon_days) == ("CR or PR", "clopper-pearson", 90)


def test_a_day_without_a_window_tells_nothing():
    rows = analysis_of("response", course(alive=900, responses=[response(100, "CR")]), horizons=(100,)).rows
    assert [(row.count, row.of, row.estimate, row.ci_low) for row in rows] == [(None, None, None, None)] * 2
    (full, _, _) = analysis_of("chimerism", course(alive=900, chimerism=[donor(100, 99)]), horizons=(100,)).rows
    assert (full.count, full.of) == (None, None)


def test_an_assessment_known_to_the_month_counts_on_its_middle_and_is_listed():
    said = judged("response", course(alive=900, responses=[response("2026-06", "CR")]))
    assert (said.values[90], said.listed[0]) == ("CR", "response known to the month (2026-06): counted on 2026-06-15")


def test_what_is_assessed_after_the_cut_off_is_not_known_yet():
    told = course(alive=900, responses=[response(95, "CR"), response(80, "PR")])
    assert judged("response", told, ZERO + timedelta(days=90)).values[90] == "PR"


@pytest.mark.parametrize(
    ("percent", "said"),
    [("100", "full"), ("95.01", "full"), ("95", "mixed"), ("5", "mixed"), ("4.99", "absent"), ("0", "absent")],
)
def test_donor_chimerism_is_full_above_95_and_absent_below_5(percent, said):
    assert donor_class(Decimal(percent)) == said


def test_chimerism_counts_the_assessed_and_tells_cell_fractions_apart():
    cohort = [
        course(alive=900, chimerism=[donor(30, 99), donor(30, 40, "t-cell")]),
        course(alive=900, chimerism=[donor(28, 50, None), donor(32, 99, None)]),
        course(alive=900, chimerism=[donor(30, UNKNOWN), donor(200, 99)]),
        course(alive=900),
    ]
    rows = analysis_of("chimerism", *cohort, horizons=(30,)).rows
    counted = [(row.category, row.count, row.of, row.more.get("lineage")) for row in rows]
    assert counted[:3] == [("full", 1, 2, None), ("mixed", 1, 2, None), ("absent", 0, 2, None)]
    assert counted[3:] == [("full", 0, 1, "t-cell"), ("mixed", 1, 1, "t-cell"), ("absent", 0, 1, "t-cell")]


def test_chimerism_leads_to_the_results_that_were_counted():
    said = judged("chimerism", course(alive=900, chimerism=[donor(30, 99), donor(200, 99), donor(45, 99)]))
    assert set(said.sources) >= {"Observation/chimerism-0", "Observation/chimerism-1"}
    assert "Observation/chimerism-2" not in said.sources
