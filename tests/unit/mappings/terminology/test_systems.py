"""A code is a type: its form and its check digit are right, or it does not exist."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.canonicals import DEFAULT, Canonicals
from mappings.terminology.systems import (
    AtcCode,
    Icd10CmCode,
    Icd10Code,
    LocalCode,
    LoincCode,
    RxNormCode,
    SnomedCode,
    UcumCode,
    luhn,
    parse,
    verhoeff,
)

GOOD = [
    (AtcCode, "L04AA04"),
    (RxNormCode, "225741"),
    (SnomedCode, "91861009"),
    (SnomedCode, "1259237005"),
    (LoincCode, "29463-7"),
    (LoincCode, "777-3"),
    (Icd10Code, "C92.0"),
    (Icd10CmCode, "D89.810"),
    (LocalCode, "haplo-hsct"),
    (UcumCode, "/uL"),
    (UcumCode, "10*9/L"),
    (UcumCode, "mg/kg/d"),
    (UcumCode, "m2"),
]
BAD = [
    (AtcCode, "L04AA"),
    (AtcCode, "l04aa04"),
    (RxNormCode, "0225741"),
    (SnomedCode, "91861008"),
    (SnomedCode, "19861009"),
    (SnomedCode, "174241000112100"),
    (SnomedCode, "550991000124107"),
    (LoincCode, "29463-8"),
    (LoincCode, "294637"),
    (Icd10Code, "C92.02"),
    (Icd10CmCode, "C92.02345"),
    (LocalCode, "Haplo_HSCT"),
    (LocalCode, "haplo--hsct"),
    (UcumCode, "G/L"),
    (UcumCode, "10^9/L"),
    (UcumCode, "cells/uL"),
    (UcumCode, "mg/m²"),
    (UcumCode, ""),
]


@pytest.mark.parametrize(("kind", "value"), GOOD)
def test_well_formed_codes_are_taken(kind, value):
    assert kind(value).value == value


@pytest.mark.parametrize(("kind", "value"), BAD)
def test_a_slip_of_the_pen_is_no_code(kind, value):
    with pytest.raises(ValueError, match=r"form of a code|check digit"):
        kind(value)


def test_the_same_characters_in_two_systems_are_two_codes():
    assert RxNormCode("3002") != LocalCode("3002")
    assert RxNormCode("3002") == RxNormCode("3002")


def test_our_own_system_is_the_deployments():
    ours = Canonicals(base="https://a.example/fhir")
    assert LocalCode("cr").system(ours) == "https://a.example/fhir/CodeSystem/engraft"
    assert SnomedCode("91861009").system(ours) == SnomedCode("91861009").system(DEFAULT) == "http://snomed.info/sct"


@pytest.mark.parametrize("text", ["29463-7", "ICD9:204", "", ":x"])
def test_a_code_without_its_system_is_none(text):
    with pytest.raises(ValueError, match="names no coding system; write one of ATC, RXNORM"):
        parse(text)


def test_verhoeff_knows_the_worked_example():
    """236 has the check digit 3 (Wikipedia, Verhoeff algorithm)."""
    assert [digit for digit in range(10) if verhoeff(f"236{digit}") == 0] == [3]


def test_luhn_knows_the_worked_example():
    """LOINC Users' Guide: 12345 has the check digit 5."""
    assert luhn("12345") == 5


@given(st.integers(10**5, 10**9), st.data())
def test_verhoeff_sees_every_single_slip_and_swap(number, data):
    good = next(f"{number}{digit}" for digit in range(10) if verhoeff(f"{number}{digit}") == 0)
    place = data.draw(st.integers(0, len(good) - 2))
    swapped = good[:place] + good[place + 1] + good[place] + good[place + 2 :]
    slipped = good[:place] + str((int(good[place]) + 1) % 10) + good[place + 1 :]
    assert all(verhoeff(wrong) for wrong in (swapped, slipped) if wrong != good)
