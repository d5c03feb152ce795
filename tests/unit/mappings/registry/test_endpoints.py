"""Overall survival by the written rules: who is at risk, who died when, who is excluded, who is listed."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.r4.faults import FaultyInput
from mappings.registry import endpoints
from mappings.registry.course import read
from mappings.registry.endpoints import analyse
from mappings.registry.judged import Excluded, Listed
from tests.unit.mappings.registry.patients import plain_contact, plain_patient, plain_transplant

ZERO = date(2026, 3, 2)
FAR = date(2030, 1, 1)
CASES = json.loads((Path(__file__).parents[3] / "data" / "survival_cases.json").read_text("utf-8"))


def alive(patient, *days):
    """A patient seen alive on these days after the graft."""
    return [
        plain_transplant(patient, ZERO.isoformat()),
        *(plain_contact(patient, (ZERO + timedelta(days=day)).isoformat()) for day in days),
    ]


def dead(patient, day, *seen):
    on = (ZERO + timedelta(days=day)).isoformat()
    return [*alive(patient, *seen), plain_patient(patient, deceasedDateTime=on)]


def survival(*patients, as_of=FAR, horizons=()):
    resources = [resource for patient in patients for resource in patient]
    return analyse("os", read(resources), as_of, horizons)


def at(analysis, day):
    return next(row for row in analysis.rows if row.horizon_days == day)


def only(analysis):
    (subject,) = analysis.subjects
    return subject


def test_the_main_horizon_is_two_years_and_those_asked_for_take_its_place_in_the_rows():
    assert [row.horizon_days for row in survival(alive("a", 800)).rows] == [730]
    analysis = survival(alive("a", 800), horizons=[365, 90, 365])
    assert [row.horizon_days for row in analysis.rows] == [90, 365]
    assert analysis.main.horizon_days == 730
    assert (endpoints.title("os"), analysis.title) == ("Overall survival", "Overall survival")


def test_a_row_counts_deaths_to_the_horizon_and_who_is_still_followed_on_it():
    analysis = survival(dead("a", 100), dead("b", 730), alive("c", 730), dead("d", 731), alive("e", 900))
    row = at(analysis, 730)
    assert (row.n, row.events, row.at_risk) == (5, 2, 4)
    assert row.estimate == pytest.approx(0.8 * 0.75)
    assert (row.endpoint, row.method, row.suppressed) == ("os", "kaplan-meier", ())
    assert row.ci_low < row.estimate < row.ci_high


@pytest.mark.parametrize("name", CASES)
def test_the_shared_cases_come_out_of_resources_as_they_do_of_numbers(name):
    case = CASES[name]
    patients = [
        dead(f"p{n}", time) if status else alive(f"p{n}", time)
        for n, (time, status) in enumerate(zip(case["time"], case["status"], strict=True))
    ]
    analysis = survival(*patients, horizons=case["at"])
    expected = case["km_any_event"]
    for place, day in enumerate(case["at"]):
        row = at(analysis, day)
        assert row.estimate == pytest.approx(expected["surv"][place], abs=1e-9)
        assert row.at_risk == expected["n_risk"][place]
        low = expected["lo"][place]
        assert row.ci_low == (low if low is None else pytest.approx(low, abs=1e-9))


@pytest.mark.parametrize("patients", [[alive("a", 900), alive("b", 900)], [dead("a", 10), dead("b", 20)]])
def test_a_row_where_nobody_or_everybody_died_states_no_uncertainty(patients):
    row = at(survival(*patients), 730)
    assert row.estimate in (0, 1)
    assert (row.se, row.ci_low, row.ci_high) == (None, None, None)


def test_beyond_the_last_contact_there_is_no_estimate():
    row = at(survival(dead("a", 10), alive("b", 300)), 730)
    assert (row.n, row.events, row.at_risk, row.estimate, row.se) == (2, 1, 0, None, None)


def test_a_patient_lost_on_the_day_another_died_was_still_at_risk():
    assert at(survival(dead("a", 200), alive("b", 200), alive("c", 900)), 730).estimate == pytest.approx(2 / 3)


def test_a_death_on_the_day_of_the_graft_counts():
    subject = only(survival(dead("a", 0)))
    assert (subject.days, subject.happened, subject.excluded) == (0, True, ())


def test_a_death_before_the_graft_is_excluded_and_listed_and_the_patient_stays():
    analysis = survival(dead("a", -3, 40))
    assert analysis.excluded == (Excluded("a", "death before the transplant", "event"),)
    assert analysis.listed == (Listed("a", "death before the transplant: counted as alive until 2026-04-11"),)
    assert (only(analysis).days, only(analysis).happened) == (40, False)
    assert at(analysis, 730).n == 1


def test_a_death_without_a_date_is_excluded_and_listed_and_the_patient_stays_as_long_as_known_alive():
    analysis = survival([*alive("a", 120), plain_patient("a", deceasedBoolean=True)])
    assert analysis.excluded == (Excluded("a", "death without a date", "event"),)
    assert analysis.listed == (Listed("a", "death without a date: counted as alive until 2026-06-30"),)
    assert (only(analysis).days, only(analysis).happened) == (120, False)
    assert only(analysis).sources[-1] == "Patient/a"


def test_a_death_known_to_the_month_counts_on_its_middle_and_is_listed():
    analysis = survival([*alive("a", 30), plain_patient("a", deceasedDateTime="2026-08")])
    assert only(analysis).days == (date(2026, 8, 15) - ZERO).days
    assert analysis.listed == (Listed("a", "death known to the month (2026-08): counted on 2026-08-15"),)


def test_the_middle_of_the_month_gives_way_to_a_contact_later_in_it():
    late = (date(2026, 8, 20) - ZERO).days
    analysis = survival([*alive("a", late), plain_patient("a", deceasedDateTime="2026-08")])
    assert (only(analysis).days, only(analysis).happened) == (late, True)
    month_of_graft = survival([plain_transplant("a", "2026-03-20"), plain_patient("a", deceasedDateTime="2026-03")])
    assert (only(month_of_graft).days, only(month_of_graft).happened) == (0, True)


def test_facts_after_death_do_not_prolong_a_life():
    analysis = survival(dead("a", 50, 70))
    assert (only(analysis).days, only(analysis).happened) == (50, True)
    assert analysis.listed == (Listed("a", "facts dated after death: the date of death holds"),)


def test_follow_up_ends_at_the_cut_off():
    cut = ZERO + timedelta(days=100)
    late_death, late_contact = only(survival(dead("a", 101), as_of=cut)), only(survival(alive("b", 400), as_of=cut))
    assert (late_death.days, late_death.happened) == (100, False)
    assert (late_contact.days, late_contact.happened) == (100, False)
    assert only(survival(dead("c", 100), as_of=cut)).happened


def test_a_last_contact_known_to_the_month_is_listed_when_it_decides():
    analysis = survival([*alive("a", 30), plain_contact("a", "2026-08")])
    assert only(analysis).days == (date(2026, 8, 15) - ZERO).days
    assert analysis.listed == (Listed("a", "last contact known to the month (2026-08): counted on 2026-08-15"),)
    assert survival([*alive("a", 300), plain_contact("a", "2026-08")]).listed == ()


def test_a_transplant_known_to_the_month_counts_from_its_middle_and_is_listed():
    analysis = survival([plain_transplant("a", "2026-03"), plain_contact("a", "2026-03-25")])
    assert only(analysis).days == 10
    assert analysis.listed == (Listed("a", "transplant known to the month (2026-03): counted from 2026-03-15"),)


def test_who_has_no_transplant_by_the_cut_off_is_excluded():
    analysis = survival([plain_patient("a")], [plain_transplant("b", "2026-03-02")], as_of=date(2026, 3, 1))
    assert analysis.excluded == (
        Excluded("a", "no transplant with a date"),
        Excluded("b", "transplant after the cut-off"),
    )
    assert (analysis.subjects, at(analysis, 730).n, at(analysis, 730).estimate) == ((), 0, None)


def test_each_patient_knows_where_the_facts_stand():
    assert only(survival(dead("a", 50))).sources == ("Procedure/a-graft", "Patient/a")
    assert only(survival(alive("b", 1))).sources == ("Procedure/b-graft", "Observation/b-2026-03-03")
    assert only(survival(alive("c"))).sources == ("Procedure/c-graft",)


def test_an_endpoint_that_nobody_knows_is_refused_naming_those_there_are():
    with pytest.raises(FaultyInput, match="no endpoint is called oss; known: os") as refused:
        analyse("oss", [], FAR)
    assert refused.value.faults[0].code == "not-found"


CONTRACT = """
os lfs relapse nrm disease-death agvhd-2-4 agvhd-3-4 cgvhd cgvhd-moderate-severe grfs neutrophil-engraftment
platelet-engraftment response immune-cd4 immune-cd8 immune-treg immune-nk immune-b pdli-feasibility pdli-gvhd chimerism
""".split()


def test_every_endpoint_of_the_contract_is_there_and_can_be_asked_of_nobody():
    assert set(CONTRACT) <= set(endpoints.known())
    for endpoint in endpoints.known():
        analysis = analyse(endpoint, [], FAR)
        assert analysis.rows
        assert all(getattr(row, "estimate", None) is None for row in analysis.rows)


PROTOCOLS_DATES = {
    "os": [730],
    "lfs": [365, 730],
    "relapse": [90, 180, 365, 730],
    "disease-death": [90, 180, 365, 730],
    "response": [90, 180, 365, 730],
    "nrm": [90, 365, 730],
    "neutrophil-engraftment": [28, 42],
    "platelet-engraftment": [100],
    "immune-treg": [30, 90, 180],
    "pdli-feasibility": [None],
}


@pytest.mark.parametrize(("endpoint", "days"), PROTOCOLS_DATES.items())
def test_each_endpoint_is_told_at_its_own_dates(endpoint, days):
    assert sorted({row.horizon_days for row in analyse(endpoint, [], FAR).rows}, key=str) == sorted(days, key=str)


def test_a_horizon_before_the_transplant_is_refused():
    with pytest.raises(FaultyInput, match="horizons: -1 is no day"):
        survival(alive("a", 10), horizons=[-1, 90])


cohorts = st.lists(st.tuples(st.integers(0, 900), st.booleans()), min_size=1, max_size=25)


def cohort(said):
    return [dead(f"p{n}", day) if died else alive(f"p{n}", day) for n, (day, died) in enumerate(said)]


@given(cohorts)
def test_survival_never_rises_from_one_horizon_to_the_next(said):
    estimates = [row.estimate for row in survival(*cohort(said), horizons=range(0, 900, 90)).rows]
    known = [estimate for estimate in estimates if estimate is not None]
    assert known == sorted(known, reverse=True)
    assert estimates[: len(known)] == known


@given(st.lists(st.integers(0, 900), min_size=1, max_size=25), st.integers(0, 900))
def test_where_everybody_died_survival_is_the_share_still_alive(days, horizon):
    row = at(survival(*cohort([(day, True) for day in days]), horizons=[horizon]), horizon)
    assert row.estimate == pytest.approx(sum(day > horizon for day in days) / len(days))
    assert row.events == sum(day <= horizon for day in days)


def test_a_cohort_that_keeps_no_subjects_has_the_same_rows():
    courses = read([resource for patient in (dead("a", 100), alive("b", 800)) for resource in patient])
    kept, light = (endpoints.Cohort(endpoints.known(), FAR, keep=keep) for keep in (True, False))
    for cohort in (kept, light):
        for course in courses:
            cohort.add(course)
    assert [each.rows for each in kept.analyses()] == [each.rows for each in light.analyses()]
    assert kept.analyses()[0].subjects
    assert not any(each.subjects for each in light.analyses())
