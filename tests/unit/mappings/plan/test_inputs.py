"""A plan is refused where its inputs cannot be what was meant; every refusal names the input."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.facts import PartialDate
from mappings.facts.plausible import DEFAULT_LIMITS
from mappings.plan import Body
from mappings.plan.inputs import Measurement, Patient, check, check_day_zero, latest
from mappings.protocol import load
from mappings.r4.faults import FaultyInput

SET = load("set-haplo-pdli")
GRAFT = date(2026, 3, 2)
FIRST_DOSE = date(2026, 2, 17)
SOUND = Body(Decimal(70), Decimal(175), date(2026, 2, 10), date(2026, 2, 10))


def faults(body, **more):
    return {fault.path: fault.message for fault in check(SET, GRAFT, body, "mosteller", **more)}


def test_sound_measures_stand_in_nobodys_way():
    assert faults(SOUND) == {}
    assert faults(replace(SOUND, weight_date=None, height_date=None)) == {}


@pytest.mark.parametrize("name", ["weight", "height"])
def test_a_measure_is_taken_up_to_a_fortnight_before_the_first_dose(name):
    oldest = FIRST_DOSE - timedelta(days=14)
    assert faults(replace(SOUND, **{f"{name}_date": oldest})) == {}
    told = faults(replace(SOUND, **{f"{name}_date": oldest - timedelta(days=1)}))
    assert set(told) == {name}
    assert "15 days older than the first dose of 2026-02-17" in told[name]


def test_a_deployment_sets_its_own_age():
    old = replace(SOUND, weight_date=date(2026, 1, 1))
    assert faults(old, limits=replace(DEFAULT_LIMITS, weight_days=60)) == {}
    assert set(faults(SOUND, limits=replace(DEFAULT_LIMITS, weight_days=3))) == {"weight"}


def test_without_a_day_zero_no_measure_is_stale():
    assert check(SET, None, replace(SOUND, weight_date=date(2020, 1, 1)), "mosteller") == []


def test_a_measure_of_tomorrow_is_none():
    assert set(faults(SOUND, today=date(2026, 2, 9))) == {"weight", "height"}
    assert faults(SOUND, today=date(2026, 2, 10)) == {}


@pytest.mark.parametrize(
    ("height", "hint"),
    [("1.75", "it looks like metres"), ("68.9", "it looks like inches"), ("17.5", ""), ("1750", "")],
)
def test_a_height_in_another_unit_is_refused_with_what_it_looks_like(height, hint):
    told = faults(replace(SOUND, height_cm=Decimal(height)))["height"]
    assert "is not between 100 and 250" in told
    assert told.endswith(hint)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "0", "-70", "19.9", "400.1"])
def test_a_weight_out_of_range_is_refused(value):
    assert set(faults(replace(SOUND, weight_kg=Decimal(value)))) == {"weight"}


def test_what_is_missing_is_named():
    assert set(faults(Body(None, None))) == {"weight", "height"}


@pytest.mark.parametrize(
    ("weight", "height", "sound"), [("30", "175", False), ("31", "175", True), ("250", "170", False)]
)
def test_weight_and_height_that_fit_nobody_are_refused(weight, height, sound):
    """Body mass index 10 to 80 kg/m2, the project's own limits against a slip."""
    told = faults(replace(SOUND, weight_kg=Decimal(weight), height_cm=Decimal(height)))
    assert (told == {}) is sound
    if not sound:
        assert "body mass index" in told["weight"]


def test_an_unknown_formula_is_named():
    (fault,) = check(SET, GRAFT, SOUND, "haycock")
    assert (fault.path, fault.code) == ("bsa-formula", "code-invalid")


@pytest.mark.parametrize(
    ("day_zero", "patient", "wrong"),
    [
        (None, Patient(), "needed"),
        (date(1899, 12, 31), Patient(), "between"),
        (date(2200, 1, 1), Patient(), "between"),
        (GRAFT, Patient(born=PartialDate("2026-03-03")), "birth"),
        (GRAFT, Patient(born=PartialDate("2027")), "birth"),
        (GRAFT, Patient(born=PartialDate("2026-02-18")), "first dose, on 2026-02-17, is before the birth"),
        (GRAFT, Patient(died=PartialDate("2026-03-01")), "death"),
        (GRAFT, Patient(died=PartialDate("2026-02")), "death"),
    ],
)
def test_day_zero_in_an_impossible_place(day_zero, patient, wrong):
    (fault,) = check_day_zero(SET, day_zero, patient)
    assert fault.path == "day-zero"
    assert wrong in fault.message


@pytest.mark.parametrize(
    "patient",
    [
        Patient(),
        Patient(PartialDate("2026"), PartialDate("2026-03")),
        Patient(died=PartialDate("2026-03-02")),
        Patient(born=PartialDate("2026-02-17")),
        Patient(born=PartialDate("1915-03-03")),
        Patient(born=PartialDate("1915")),
    ],
)
def test_day_zero_that_may_be_right(patient):
    assert check_day_zero(SET, GRAFT, patient) == []


@pytest.mark.parametrize("born", ["1850-03-02", "1914", "1915-03-01"])
def test_a_birth_too_long_ago_is_a_typing_error(born):
    (fault,) = check_day_zero(SET, GRAFT, Patient(born=PartialDate(born)))
    assert (fault.path, "above 110" in fault.message) == ("birth-date", True)
    assert check_day_zero(SET, GRAFT, Patient(born=PartialDate(born)), replace(DEFAULT_LIMITS, oldest_years=200)) == []


def told(*pairs):
    return [Measurement(Decimal(value), date.fromisoformat(day) if day else None) for value, day in pairs]


def test_the_latest_measurement_is_taken():
    assert latest("weight", []) is None
    assert latest("weight", told(("71", "2026-02-12"), ("70", "2026-02-10"))).value == 71
    assert latest("weight", told(("95", "2025-12-01"), ("70", "2026-02-10"))).value == 70
    assert latest("weight", told(("70", None), ("70", "2026-02-10"))).taken == date(2026, 2, 10)


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("weight", [("70", "2026-02-10"), ("71", "2026-02-10")]),
        ("weight", [("70", None), ("71", None)]),
        ("weight", [("70", "2026-02-10"), ("71", None)]),
        ("weight", [("70", "2026-02-10"), ("154", "2026-02-12")]),
        ("height", [("175", "2026-02-10"), ("165", "2025-02-10")]),
    ],
)
def test_two_that_disagree_are_refused_with_both(name, pairs):
    with pytest.raises(FaultyInput) as refused:
        latest(name, told(*pairs))
    (fault,) = refused.value.faults
    assert (fault.path, fault.code) == (name, "conflict")
    assert all(value in fault.message for value, _ in pairs)


def test_a_body_mass_index_needs_both_measures():
    assert Body(Decimal(70), Decimal(175)).bmi == Decimal("22.9")
    assert Body(None, Decimal(175)).bmi is None
    assert Body(Decimal(70), None).bmi is None
    assert Body(Decimal(70), Decimal(0)).bmi is None


@given(
    days=st.lists(st.integers(0, 400), min_size=1, max_size=5, unique=True),
    start=st.decimals(40, 120, places=1),
)
def test_measurements_of_other_days_that_are_alike_never_disagree(days, start):
    found = [Measurement(start, GRAFT - timedelta(days=day)) for day in days]
    assert latest("weight", found).taken == max(one.taken for one in found)
