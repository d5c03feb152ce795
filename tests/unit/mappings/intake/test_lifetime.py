"""An age that nobody can have is a typing error; whoever has no birth date has no age."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from mappings.facts.plausible import DEFAULT_LIMITS, years
from mappings.intake import lifetime, schema
from tests.lib.centre import ENROLMENT, document

ON = date(2026, 3, 2)


def faults(**said):
    enrolment = schema.enrolment(document(ENROLMENT, **said), date(2026, 12, 31))
    return lifetime.faults(enrolment, ON, replace(DEFAULT_LIMITS, oldest_years=100))


@pytest.mark.parametrize(
    ("born", "age"), [((1926, 3, 2), 100), ((1926, 3, 3), 99), ((1926, 4, 1), 99), ((1926, 2, 28), 100)]
)
def test_a_year_of_life_is_full_on_the_birthday(born, age):
    assert years(date(*born), ON) == age


@pytest.mark.parametrize(
    ("born", "sound"), [("1926-03-02", True), ("1925-03-02", False), ("1925-03", True), ("1925", True), ("1924", False)]
)
def test_every_day_that_the_date_can_mean_is_too_long_ago(born, sound):
    assert (faults(birth_date=born) == []) is sound


def test_who_has_no_birth_date_has_no_age():
    assert faults(birth_date=None) == []
    assert faults(birth_date={"not_done": "unknown"}) == []


def test_the_fault_tells_the_age_and_the_limit():
    (fault,) = faults(birth_date="1850")
    assert fault.path == "birth_date"
    assert "175 years old" in fault.message
    assert "above 100 (our own limit, [dosing] oldest_years)" in fault.message


def test_nobody_is_younger_than_the_graft():
    graft = {"date": "1850-01-05", "planned": False}
    (fault,) = faults(birth_date=None, transplant=graft)
    assert (fault.path, "would make the patient 176 years old" in fault.message) == ("transplant.date", True)
    assert faults(birth_date=None, transplant={"planned": True}) == []
    assert faults(birth_date=None, transplant={"not_done": "unknown"}) == []
    assert faults(birth_date=None, transplant=graft | {"date": "1926-03-02"}) == []
