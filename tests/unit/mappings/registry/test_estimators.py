"""Kaplan-Meier and Aalen-Johansen against R's figures, and the laws that every curve obeys.

R's figures are kept (tests/data/r_figures.json); where R is installed they are made anew and compared.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.registry.estimators import Curve, aalen_johansen, kaplan_meier

CASES = json.loads((Path(__file__).parents[3] / "data" / "survival_cases.json").read_text("utf-8"))
R = json.loads((Path(__file__).parents[3] / "data" / "r_figures.json").read_text("utf-8"))
R_SCRIPT = Path(__file__).parents[3] / "data" / "r_figures.R"
GENERATED = R["survival"]
CAUSES = [(name, int(key[-1])) for name, case in GENERATED.items() for key in case if key.startswith("cause_")]
WITH_INCIDENCE = [name for name, case in CASES.items() if "cif1" in case]

patients = st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0, 1, 2])), min_size=1, max_size=40)


def column(curve: Curve, name: str):
    return [getattr(step, name) for step in curve.steps]


def close(expected):
    """R printed 13 digits; None where R gave no number."""
    return [None if value is None else pytest.approx(value, abs=1e-9) for value in expected]


@pytest.mark.parametrize("name", CASES)
def test_survival_is_what_r_says(name):
    case = CASES[name]
    curve = kaplan_meier((t, s > 0) for t, s in zip(case["time"], case["status"], strict=True))
    expected = case["km_any_event"]
    assert column(curve, "time") == case["at"]
    assert column(curve, "at_risk") == expected["n_risk"]
    assert column(curve, "estimate") == close(expected["surv"])
    assert column(curve, "se") == close(expected["se"])
    assert column(curve, "low") == close(expected["lo"])
    assert column(curve, "high") == close(expected["hi"])


@pytest.mark.parametrize("name", WITH_INCIDENCE)
def test_incidence_is_what_r_says(name):
    case = CASES[name]
    curve = aalen_johansen(zip(case["time"], case["status"], strict=True))
    expected = case["cif1"]
    assert column(curve, "estimate") == close(expected["cif"])
    assert column(curve, "se") == close(expected["se"])
    assert column(curve, "low") == close(expected["lo"])
    assert column(curve, "high") == close(expected["hi"])


def agrees(curve: Curve, expected):
    """R prints an interval at 0 and 1 as NA; at 0 of survival it prints no standard error."""
    assert column(curve, "estimate") == pytest.approx(expected["estimate"], abs=1e-9)
    for ours, theirs in (("se", "se"), ("low", "low"), ("high", "high")):
        for step, value in zip(curve.steps, expected[theirs], strict=True):
            said = getattr(step, ours)
            if said is not None:
                assert said == pytest.approx(value, abs=1e-9)
            else:
                assert not 0 < step.estimate < 1


@pytest.mark.parametrize("name", GENERATED)
def test_survival_of_generated_data_is_what_r_says(name):
    case = GENERATED[name]
    curve = kaplan_meier((t, s > 0) for t, s in zip(case["time"], case["status"], strict=True))
    assert column(curve, "at_risk") == case["at_risk"]
    agrees(curve, case["free"])


@pytest.mark.parametrize(("name", "cause"), CAUSES)
def test_incidence_among_several_causes_is_what_r_says(name, cause):
    """The event of interest is status 1; every other cause competes, whatever it is called."""
    case = GENERATED[name]
    called = {0: 0, cause: 1}
    observed = [(t, called.get(s, 10 + s)) for t, s in zip(case["time"], case["status"], strict=True)]
    agrees(aalen_johansen(observed), case[f"cause_{cause}"])


@pytest.mark.skipif(not shutil.which("Rscript"), reason="R is not installed: its figures are compared as they are kept")
def test_r_still_says_what_is_kept():
    made = subprocess.run(["Rscript", R_SCRIPT], capture_output=True, check=True, text=True).stdout
    live = json.loads(made)
    for part in ("survival", "clopper_pearson", "quartiles"):
        assert alike(live[part], R[part])


def alike(one, other) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other if one is None or other is None else one == pytest.approx(other, abs=1e-9)


def test_counts_of_days_give_the_curve_of_their_patients():
    observed = [(5, 1), (5, 0), (5, 0), (9, 2), (9, 2), (12, 0)]
    assert aalen_johansen(Counter(observed)) == aalen_johansen(observed)


def test_a_patient_censored_on_the_day_of_an_event_was_still_at_risk():
    curve = kaplan_meier([(5, True), (5, False), (9, False)])
    assert curve.at(5).estimate == pytest.approx(2 / 3)


def test_nothing_is_said_past_the_last_patient_seen_alive():
    curve = kaplan_meier([(100, True), (300, False)])
    beyond = curve.at(301)
    assert (beyond.estimate, beyond.se, beyond.low, beyond.high) == (None, None, None, None)
    assert (beyond.events, beyond.at_risk) == (1, 0)
    assert curve.at(300).estimate == 0.5
    assert curve.at(300).at_risk == 1


def test_a_curve_closed_by_an_event_carries_on():
    assert kaplan_meier([(100, True), (300, True)]).at(730).estimate == 0
    assert aalen_johansen([(100, 1), (300, 2)]).at(730).estimate == pytest.approx(0.5)


def test_an_event_and_a_censoring_on_the_last_day_do_not_close_the_curve():
    assert kaplan_meier([(300, True), (300, False)]).at(301).estimate is None


def test_before_the_first_day_everybody_is_at_risk_and_nothing_has_happened():
    reading = kaplan_meier([(100, True), (300, False)]).at(50)
    assert (reading.at_risk, reading.events, reading.estimate, reading.se, reading.low) == (2, 0, 1.0, 0.0, None)
    assert aalen_johansen([(100, 1)]).at(50).estimate == 0.0


def test_nobody_gives_no_estimate():
    for curve in (kaplan_meier([]), aalen_johansen([])):
        assert (curve.n, curve.steps, curve.at(0).estimate, curve.at(0).at_risk) == (0, (), None, 0)


@given(patients)
def test_survival_never_rises_and_lies_in_its_interval(observed):
    steps = kaplan_meier((day, status == 1) for day, status in observed).steps
    assert all(a.estimate >= b.estimate for a, b in pairwise(steps))
    assert all(s.low <= s.estimate <= s.high for s in steps if s.low is not None)


@given(patients)
def test_incidences_of_both_events_and_freedom_from_either_make_one(observed):
    interest = aalen_johansen(observed)
    other = aalen_johansen((day, {1: 2, 2: 1}.get(status, 0)) for day, status in observed)
    free = kaplan_meier((day, status > 0) for day, status in observed)
    sums = (
        a.estimate + b.estimate + c.estimate for a, b, c in zip(interest.steps, other.steps, free.steps, strict=True)
    )
    assert all(total == pytest.approx(1) for total in sums)


@given(patients)
def test_without_a_competing_event_incidence_mirrors_survival(observed):
    single = [(day, min(status, 1)) for day, status in observed]
    incidence = aalen_johansen(single).steps
    survival = kaplan_meier((day, status == 1) for day, status in single).steps
    for up, down in zip(incidence, survival, strict=True):
        assert up.estimate == pytest.approx(1 - down.estimate)
        assert down.se is None or up.se == pytest.approx(down.se, abs=1e-9)


@given(patients, st.integers(0, 50))
def test_without_censoring_the_estimate_is_the_proportion(observed, day):
    everyone = [(time, max(status, 1)) for time, status in observed]
    happened = sum(time <= day and status == 1 for time, status in everyone)
    assert aalen_johansen(everyone).at(day).estimate == pytest.approx(happened / len(everyone))
    alive = sum(time > day for time, _ in everyone)
    assert kaplan_meier((time, True) for time, _ in everyone).at(day).estimate == pytest.approx(alive / len(everyone))
