"""One key makes every pseudonym and every day count."""

from __future__ import annotations

import uuid
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.registry.pseudonyms import FARTHEST, Pseudonyms, key_for, move_back
from tests.unit.mappings.registry.patients import KEY

MADE = Pseudonyms(KEY)


def test_an_id_is_a_uuid_that_r4_accepts_and_nobody_else_makes():
    made = uuid.UUID(MADE.id("Patient", "p"))
    assert (made.version, made.variant) == (8, uuid.RFC_4122)
    assert MADE.id("Patient", "p") == Pseudonyms(KEY).id("Patient", "p")


def test_type_id_and_purpose_all_count():
    made = {MADE.id("Patient", "p"), MADE.id("Patient", "q"), MADE.id("Observation", "p")}
    made |= {Pseudonyms(KEY[::-1]).id("Patient", "p")}
    assert len(made) == 4
    assert MADE.value("Patient", "p")[:12] != MADE.id("Patient", "p").replace("-", "")[:12]


@given(st.text())
def test_dates_always_go_back_and_never_by_more_than_a_year(patient):
    assert 1 <= MADE.days(patient) <= FARTHEST


def test_the_days_of_patients_spread_over_the_year():
    found = {MADE.days(str(n)) for n in range(2000)}
    assert (min(found), max(found)) == (1, FARTHEST)
    assert len(found) > 350


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("2026-03-02", "2026-02-20"),
        ("2026-03-02T00:15:00+01:00", "2026-02-20"),
        ("2026-03-02T10:00:00.123Z", "2026-02-20"),
        ("2024-03-05", "2024-02-24"),
        ("2026-03", "2026-03"),
        ("2026", "2026"),
    ],
)
def test_a_date_moves_back_ten_days_as_precise_as_it_was_said(written, left):
    assert move_back(written, 10) == left


def test_a_month_moves_as_its_middle_and_a_year_as_its():
    assert move_back("2026-03", 20) == "2026-02"
    assert move_back("2026", 200) == "2025"


@pytest.mark.parametrize(
    "odd", ["", "yesterday", "2026-3-2", "2026-02-30", "2026-13", "0001-01-05", "2026-03-02 Dubois"]
)
def test_what_is_no_date_does_not_leave(odd):
    assert move_back(odd, 10) is None


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)), st.integers(1, FARTHEST))
def test_a_month_is_off_by_half_of_itself_at_most(day, days):
    moved = move_back(f"{day:%Y-%m}", days)
    assert abs((date.fromisoformat(f"{moved}-15") - date(day.year, day.month, 15)).days + days) <= 16


@given(st.text(), st.text(), st.text())
def test_two_registries_share_neither_pseudonyms_nor_days(one, other, patient):
    a, b = key_for(one, KEY), key_for(other, KEY)
    assert (a == b) == (one == other)
    assert KEY not in (a, b)
    made = Pseudonyms(a), Pseudonyms(b)
    assert (made[0].id("Patient", patient) == made[1].id("Patient", patient)) == (one == other)
    assert (made[0].value("Patient", patient) == made[1].value("Patient", patient)) == (one == other)


def test_days_of_two_registries_tell_nothing_of_each_other():
    """Of 2,000 patients as many have the same shift in both as chance gives: one in 364."""
    a, b = Pseudonyms(key_for("a", KEY)), Pseudonyms(key_for("b", KEY))
    assert sum(a.days(str(n)) == b.days(str(n)) for n in range(2000)) < 20


def test_no_key_is_made_from_one_that_could_be_guessed():
    with pytest.raises(ValueError, match="at least 16 bytes"):
        key_for("a", b"short")
