"""Relapse, death after it and death without it: by sequence, by the written rules, one patient at a time."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.registry.endpoints import analyse
from tests.unit.mappings.registry.grafted import (
    FAR,
    UNKNOWN,
    ZERO,
    acute,
    analysis_of,
    chronic,
    course,
    dead_of,
    ended,
    judged,
    relapse,
    response,
)

CENSORED, EVENT, COMPETING = 0, 1, 2


def four(of):
    return [ended(endpoint, of) for endpoint in ("lfs", "relapse", "nrm", "disease-death")]


def test_who_is_well_is_censored_on_the_last_day_known_alive_everywhere():
    assert four(course(alive=800)) == [(800, CENSORED)] * 4


def test_a_death_without_relapse_is_non_relapse_mortality_whatever_the_cause():
    died = course(died=200)
    assert four(died) == [(200, EVENT), (200, COMPETING), (200, EVENT), (200, COMPETING)]


def test_a_death_after_relapse_is_one_of_the_disease_on_the_day_of_death():
    died = course(died=200, relapses=[relapse(120)])
    assert four(died) == [(120, EVENT), (120, EVENT), (120, COMPETING), (200, EVENT)]


def test_who_relapsed_and_lives_is_at_risk_of_death_to_the_last_contact():
    assert ended("disease-death", course(alive=500, relapses=[relapse(120)])) == (500, CENSORED)


def test_a_relapse_on_the_day_of_death_is_a_relapse():
    died = course(died=200, relapses=[relapse(200)])
    assert four(died) == [(200, EVENT), (200, EVENT), (200, COMPETING), (200, EVENT)]


def test_the_first_of_several_relapses_counts_told_as_a_relapse_or_as_a_response():
    told = course(alive=600, relapses=[relapse(300)], responses=[response(30, "CR"), response(250, "relapse")])
    assert ended("relapse", told) == (250, EVENT)


def test_an_extramedullary_relapse_counts_and_a_molecular_one_only_in_its_own_row():
    assert ended("relapse", course(alive=600, relapses=[relapse(300, "extramedullary")])) == (300, EVENT)
    molecular = course(died=400, relapses=[relapse(300, "molecular")])
    assert four(molecular) == [(400, EVENT), (400, COMPETING), (400, EVENT), (400, COMPETING)]
    assert ended("relapse-molecular", molecular) == (300, EVENT)
    assert ended("relapse-molecular", course(alive=600, relapses=[relapse(300)])) == (300, COMPETING)


def test_a_relapse_of_a_kind_that_was_not_told_counts_and_is_listed():
    said = judged("relapse", course(alive=600, relapses=[relapse(300, None)]))
    assert (said.days, said.status) == (300, EVENT)
    assert "relapse of a kind that was not told: counted as a relapse" in said.listed


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        (-10, "relapse before the transplant"),
        (350, "relapse after death"),
        (UNKNOWN, "relapse without a date"),
        ("2026", "relapse without a date"),
    ],
)
def test_a_relapse_that_cannot_be_is_excluded_and_the_patient_stays(when, reason):
    analysis = analysis_of("lfs", course(died=300, relapses=[relapse(when)]))
    assert [(entry.reason, entry.what) for entry in analysis.excluded] == [(reason, "event")]
    assert [(one.days, one.status) for one in analysis.subjects] == [(300, EVENT)]
    assert ended("nrm", course(died=300, relapses=[relapse(when)])) == (300, EVENT)


def test_after_a_relapse_that_cannot_be_the_next_one_counts():
    assert ended("relapse", course(alive=600, relapses=[relapse(-10), relapse(300)])) == (300, EVENT)


def test_a_relapse_on_day_zero_counts():
    assert ended("lfs", course(alive=600, relapses=[relapse(0)])) == (0, EVENT)


def test_what_lies_after_the_cut_off_is_not_known_yet():
    cut = ZERO + timedelta(days=250)
    later = course(died=400, relapses=[relapse(300)])
    assert ended("lfs", later, cut) == (250, CENSORED)
    assert judged("lfs", later, cut).excluded == ()
    assert ended("lfs", course(alive=400, relapses=[relapse(250)]), cut) == (250, EVENT)


def test_a_relapse_known_to_the_month_counts_on_its_middle_and_is_listed():
    said = judged("relapse", course(alive=600, relapses=[relapse("2026-09")]))
    assert said.days == 197
    assert "relapse known to the month (2026-09): counted on 2026-09-15" in said.listed


def test_the_middle_of_a_month_is_moved_into_the_time_from_graft_to_death():
    assert ended("relapse", course(died="2026-09-10", relapses=[relapse("2026-09")])) == (192, EVENT)
    late = course(zero="2026-03-20", alive=600, relapses=[relapse("2026-03")])
    assert ended("relapse", late) == (0, EVENT)


class TestLeukaemiaThatNeverWent:
    def test_it_fails_on_the_first_assessment_that_shows_it_and_is_listed(self):
        never = course(alive=600, responses=[response(28, "MLFS"), response(40, "PR"), response(92, "no-response")])
        said = judged("lfs", never)
        assert (said.days, said.status) == (40, EVENT)
        rule = "never in remission by day 105: failed on the first assessment that shows it (2026-04-11)"
        assert rule in said.listed
        assert ended("relapse", never) == (40, EVENT)
        assert ended("nrm", never) == (40, COMPETING)

    def test_a_later_remission_does_not_undo_it(self):
        assert ended("lfs", course(alive=600, responses=[response(90, "PR"), response(106, "CR")])) == (90, EVENT)

    @pytest.mark.parametrize("category", ["CR", "CRh", "CRi"])
    @pytest.mark.parametrize("when", [30, 91, 105])
    def test_remission_at_any_assessment_by_day_105_means_no_failure_by_earlier_ones(self, category, when):
        told = course(alive=600, responses=[response(20, "no-response"), response(when, category)])
        assert ended("lfs", told) == (600, CENSORED)

    def test_remission_and_then_partial_remission_is_no_failure_by_this_rule(self):
        told = course(alive=600, responses=[response(30, "CR"), response(90, "PR")])
        assert ended("lfs", told) == (600, CENSORED)

    def test_a_first_assessment_after_day_105_that_shows_it_fails_then(self):
        assert ended("lfs", course(alive=600, responses=[response(180, "no-response")])) == (180, EVENT)

    def test_a_morphological_leukaemia_free_state_alone_neither_is_a_remission_nor_fails(self):
        assert ended("lfs", course(alive=600, responses=[response(90, "MLFS")])) == (600, CENSORED)

    @pytest.mark.parametrize("responses", [[], [("not-evaluable")], ["unknown"]])
    def test_who_was_never_assessed_has_not_failed_and_is_listed(self, responses):
        said = judged("lfs", course(alive=600, responses=[response(90, each) for each in responses]))
        assert (said.days, said.status) == (600, CENSORED)
        assert "no response assessed: not taken to have failed by persistent leukaemia" in said.listed

    @pytest.mark.parametrize("before", [-20, 0])
    def test_the_leukaemia_before_the_graft_is_no_failure_of_the_graft(self, before):
        said = judged("lfs", course(alive=600, responses=[response(before, "no-response"), response(200, "CR")]))
        assert (said.days, said.status, said.excluded) == (600, CENSORED, ())

    def test_an_assessment_after_death_is_excluded(self):
        said = judged("lfs", course(died=50, responses=[response(90, "PR")]))
        assert (said.days, said.status, said.excluded) == (50, EVENT, ("response after death",))

    def test_a_relapse_before_it_comes_first(self):
        told = course(alive=600, relapses=[relapse(20)], responses=[response(90, "PR")])
        assert ended("lfs", told) == (20, EVENT)

    def test_what_is_known_at_the_cut_off_decides(self):
        told = course(alive=600, responses=[response(30, "PR"), response(90, "CR")])
        assert ended("lfs", told, ZERO + timedelta(days=60)) == (30, EVENT)
        assert ended("lfs", told) == (600, CENSORED)


class TestByTheCauseThatWasTold:
    """A table beside, which feeds no endpoint."""

    @pytest.mark.parametrize(
        ("cause", "status"), [("relapse", EVENT), ("infection", COMPETING), ("unknown", COMPETING)]
    )
    def test_relapse_as_the_cause_is_the_event_and_any_other_competes(self, cause, status):
        told = course(died=200, vital_status=[dead_of(cause, 200)])
        assert ended("disease-death-by-cause", told) == (200, status)
        assert ended("disease-death", told) == (200, COMPETING)

    @pytest.mark.parametrize("cause", [None, "unknown"])
    def test_a_cause_that_was_not_told_is_listed(self, cause):
        said = judged("disease-death-by-cause", course(died=200, vital_status=[dead_of(cause, 200)]))
        assert "death of a cause that was not told: not one of relapse" in said.listed

    def test_who_lives_is_censored(self):
        assert ended("disease-death-by-cause", course(alive=200)) == (200, CENSORED)


def test_a_patient_stays_in_the_analysis_with_a_death_whose_day_is_not_known():
    said = judged("disease-death", course(alive=300, undated_death=True, relapses=[relapse(100)]))
    assert (said.days, said.status, said.excluded) == (300, CENSORED, ("death without a date",))


def test_each_patient_leads_to_the_resources_that_decided():
    assert judged("relapse", course(died=300, relapses=[relapse(120)])).sources == (
        "Procedure/graft",
        "Patient/a",
        "Observation/relapses-0",
    )


days = st.integers(0, 60)
maybe = st.none() | days


@st.composite
def patients(draw):
    """Anything that can happen to somebody, in any order; whatever is told of a living patient is a contact."""
    died = draw(maybe)
    told = {
        "relapses": [relapse(when) for when in draw(st.lists(days, max_size=1))],
        "responses": [response(when, draw(st.sampled_from(["CR", "PR"]))) for when in draw(st.lists(days, max_size=2))],
        "acute_gvhd": [acute(when, draw(st.sampled_from(["I", "III"]))) for when in draw(st.lists(days, max_size=1))],
        "chronic_gvhd": [
            chronic(when, draw(st.sampled_from(["mild", "severe"]))) for when in draw(st.lists(days, max_size=1))
        ],
    }
    dates = [getattr(fact, "onset", None) or fact.date for facts in told.values() for fact in facts]
    last = max([(when.exact - ZERO).days for when in dates], default=0)
    return course("a", max(last, draw(days)) if died is None else None, died, **told)


HORIZONS = tuple(range(0, 61, 12))


def estimates(endpoint, cohort):
    return [row.estimate for row in analyse(endpoint, cohort, FAR, HORIZONS).rows]


@given(st.lists(patients(), min_size=1, max_size=20))
def test_leukaemia_free_survival_relapse_and_non_relapse_mortality_make_one(cohort):
    for three in zip(*(estimates(each, cohort) for each in ("lfs", "relapse", "nrm")), strict=True):
        assert three == (None,) * 3 or sum(three) == pytest.approx(1)


@given(patients())
def test_survival_free_of_more_ends_no_later_for_anybody(patient):
    """Everybody is censored on the same day in all three."""
    three = [ended(endpoint, patient) for endpoint in ("os", "lfs", "grfs")]
    assert [days for days, _ in three] == sorted((days for days, _ in three), reverse=True)
    assert [status for _, status in three] == sorted(status for _, status in three)


@given(st.lists(patients(), min_size=1, max_size=20), st.sampled_from(HORIZONS))
def test_survival_free_of_more_is_never_longer_where_nobody_was_lost_before(cohort, horizon):
    """Kaplan-Meier promises it only so: see the next test."""
    whole = [one for one in cohort if one.death or (one.contacts[-1].day - ZERO).days >= horizon]
    known = [row.estimate for each in ("os", "lfs", "grfs") for row in analyse(each, whole, FAR, [horizon]).rows]
    assert None in known or all(longer >= shorter - 1e-12 for longer, shorter in pairwise(known))


def test_who_is_lost_between_a_relapse_and_the_death_can_turn_the_estimates_round():
    """As R does: one of three relapses on day 0, one is lost that day, the first dies on day 1 as one of two left."""
    cohort = [course(alive=0), course(alive=12), course(died=1, relapses=[relapse(0)])]
    (survival,), (free,) = (analyse(each, cohort, FAR, [12]).rows for each in ("os", "lfs"))
    assert (survival.estimate, free.estimate) == (0.5, pytest.approx(2 / 3))


@given(st.lists(patients(), min_size=1, max_size=20))
def test_an_incidence_never_falls_and_the_wider_grade_is_never_rarer(cohort):
    for endpoint in ("relapse", "nrm", "disease-death", "agvhd-2-4", "cgvhd"):
        known = [value for value in estimates(endpoint, cohort) if value is not None]
        assert known == sorted(known)


@given(st.lists(patients().filter(lambda one: one.death), min_size=1, max_size=20), st.sampled_from(HORIZONS))
def test_where_everybody_died_each_incidence_is_a_proportion(cohort, horizon):
    for endpoint in ("relapse", "nrm", "disease-death", "lfs", "os"):
        (row,) = analyse(endpoint, cohort, FAR, [horizon]).rows
        share = row.events / row.n
        assert row.estimate == pytest.approx(1 - share if row.method == "kaplan-meier" else share)
