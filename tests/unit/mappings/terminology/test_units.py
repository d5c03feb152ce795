"""Conversions are exact, by powers of ten, between units of one kind only."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.facts import Measured
from mappings.terminology.tables import units
from mappings.terminology.units import convertible, to_unit

PAIRS = [(one, other) for one in units() for other in convertible(one)]


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "result"),
    [
        ("0.52", "10*9/L", "/uL", "520"),
        ("120", "/uL", "10*9/L", "0.120"),
        ("9.5", "/uL", "10*6/L", "9.5"),
        ("23", "10*3/uL", "10*9/L", "23"),
        ("23000", "/mm3", "10*9/L", "23.000"),
        ("23", "10*3/mm3", "10*9/L", "23"),
        ("120", "{cells}/uL", "/uL", "120"),
        ("1.0", "10*5/kg", "10*6/kg", "0.10"),
        ("2.50", "g", "mg", "2500"),
        ("70", "kg", "g", "70000"),
        ("350000", "ug", "mg", "350.000"),
        ("1", "10*7/kg", "10*6/kg", "10"),
        ("1.80", "10*8/kg", "10*6/kg", "180"),
        ("99.20", "%", "%", "99.20"),
        ("0", "g", "mg", "0"),
        ("1E+2", "mg", "mg", "100"),
    ],
)
def test_worked_conversions(value, unit, wanted, result):
    assert str(to_unit(Measured(Decimal(value), unit), wanted).value) == result


def test_the_comparator_stays():
    assert to_unit(Measured(Decimal("0.1"), "10*9/L", "<"), "/uL") == Measured(Decimal(100), "/uL", "<")


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [("/uL", "mg"), ("G/L", "10*9/L"), ("cells/uL", "/uL"), ("m", "cm"), ("mg", "10*6/kg"), ("mg", "stone")],
)
def test_what_is_not_safe_is_refused(unit, wanted):
    with pytest.raises(ValueError, match="cannot be converted"):
        to_unit(Measured(Decimal(1), unit), wanted)


def test_no_number_is_not_converted():
    with pytest.raises(ValueError, match="no number"):
        to_unit(Measured(Decimal("NaN"), "g"), "mg")


@given(st.decimals(0, 10**6, places=30), st.sampled_from(PAIRS))
def test_there_and_back_is_the_same_amount(value, pair):
    """Whatever the precision of the decimal context: 36 digits come back."""
    one, other = pair
    there = to_unit(Measured(value, one), other)
    back = to_unit(there, one)
    assert back.value.as_tuple() == value.as_tuple() or back.value == value
    assert "E" not in str(there.value) or abs(there.value) < Decimal("1e-6")
