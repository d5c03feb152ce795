"""Laboratory results beside the doses: the newest of each, with its date; what nobody can look for stays blank."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mappings.canonicals import DEFAULT
from mappings.plan.beside import Result, coded, results

BLANK = [Result("Creatinine clearance"), Result("Bilirubin")]
TROUGH = Result("Ciclosporin trough")


def observation(code, value, when, unit="ng/mL", **more):
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": when,
        "valueQuantity": {"value": Decimal(value), "unit": unit},
    } | more


def test_without_results_everything_is_written_in_by_hand():
    assert results([], DEFAULT) == [TROUGH, *BLANK]


def test_a_level_has_its_value_unit_and_date_and_the_words_of_the_laboratory():
    note = [{"text": "trough, 12 h after the dose"}]
    level = observation("3520-4", "212.0", "2026-03-09T06:00:00Z", note=note)
    expected = Result("Ciclosporin in whole blood", "212.0 ng/mL", "2026-03-09", "trough, 12 h after the dose")
    assert results([level], DEFAULT) == [expected, *BLANK]


def test_the_newest_of_each_kind_is_shown_in_whatever_order_they_come():
    old, new = (
        observation("14682-9", "70", "2026-03-01", "umol/L"),
        observation("14682-9", "95", "2026-03-08", "umol/L"),
    )
    for order in ([old, new], [new, old]):
        found = results(order, DEFAULT)[0]
        assert (found.name, found.value, found.date) == ("Creatinine in serum or plasma", "95 umol/L", "2026-03-08")


def test_of_two_results_of_a_day_the_later_is_shown():
    morning = observation("3520-4", "180", "2026-03-09T06:00:00+01:00")
    evening = observation("3520-4", "240", "2026-03-09T18:00:00+01:00")
    for order in ([morning, evening], [evening, morning]):
        found = results(order, DEFAULT)[0]
        assert (found.value, found.date) == ("240 ng/mL", "2026-03-09")


def test_results_in_moles_and_in_mass_are_not_mixed():
    found = results(
        [observation("14682-9", "95", "2026-03-08", "umol/L"), observation("2160-0", "1.1", "2026-03-09", "mg/dL")],
        DEFAULT,
    )
    assert [one.value for one in found[:2]] == ["95 umol/L", "1.1 mg/dL"]


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "unknown"])
def test_a_result_that_does_not_hold_is_not_shown(status):
    assert results([observation("3520-4", "212", "2026-03-09", status=status)], DEFAULT) == [TROUGH, *BLANK]


@pytest.mark.parametrize(
    "change",
    [
        {"effectiveDateTime": None},
        {"valueQuantity": None},
        {"valueQuantity": {"unit": "ng/mL"}},
        {"code": {"text": "ciclosporin"}},
    ],
)
def test_a_result_without_a_date_value_or_code_of_ours_is_not_shown(change):
    made = observation("3520-4", "212", "2026-03-09") | change
    assert results([{k: v for k, v in made.items() if v}], DEFAULT) == [TROUGH, *BLANK]


def test_a_preliminary_result_and_a_comparator_say_so():
    quantity = {"value": Decimal(25), "comparator": "<", "code": "ng/mL"}
    found = results([observation("3520-4", "1", "2026-03-09", status="preliminary", valueQuantity=quantity)], DEFAULT)[
        0
    ]
    assert (found.value, found.note) == ("<25 ng/mL", "preliminary")


def test_what_is_searched_for_are_the_codes_that_were_looked_up_and_those_that_the_centre_names():
    known = [("http://loinc.org", code) for code in ("14682-9", "2160-0", "3520-4")]
    assert coded(DEFAULT) == known
    assert coded(DEFAULT, OWN) == [*known, *(pair for pairs in OWN.values() for pair in pairs)]


LAB = "https://lab.example/codes"
OWN = {
    "bilirubin": ((LAB, "BILI"), (LAB, "BILI-T")),
    "creatinine-clearance": ((LAB, "CLCR"),),
    "ciclosporin-trough": ((LAB, "CSA0"),),
    "creatinine": ((LAB, "CREA"),),
}


def of_the_house(code, value, when, unit):
    return observation("3520-4", value, when, unit) | {"code": {"coding": [{"system": LAB, "code": code}]}}


def test_a_code_that_the_centre_names_is_shown_and_says_so():
    found = results(
        [
            of_the_house("BILI", "9", "2026-03-07", "umol/L"),
            of_the_house("BILI-T", "12", "2026-03-08", "umol/L"),
            of_the_house("CLCR", "88", "2026-03-08", "mL/min"),
            of_the_house("CSA0", "180", "2026-03-09", "ug/L"),
        ],
        DEFAULT,
        OWN,
    )
    assert found == [
        Result("Ciclosporin trough", "180 ug/L", "2026-03-09", "the laboratory's code CSA0"),
        Result("Creatinine clearance", "88 mL/min", "2026-03-08", "the laboratory's code CLCR"),
        Result("Bilirubin", "12 umol/L", "2026-03-08", "the laboratory's code BILI-T"),
    ]


def test_a_code_that_nobody_named_shows_nothing():
    assert results([of_the_house("BILI", "9", "2026-03-07", "umol/L")], DEFAULT) == [TROUGH, *BLANK]
    other = of_the_house("BILI", "9", "2026-03-07", "umol/L")
    other["code"]["coding"][0]["system"] = "https://another.example/codes"
    assert results([other], DEFAULT, OWN) == [TROUGH, *BLANK]


def test_what_the_centre_says_of_a_code_goes_before_the_table():
    """Its laboratory writes troughs, and only those, by the code of any level."""
    own = {"ciclosporin-trough": (("http://loinc.org", "3520-4"),)}
    (level, *_) = results([observation("3520-4", "212", "2026-03-09")], DEFAULT, own)
    assert (level.name, level.note) == ("Ciclosporin trough", "the laboratory's code 3520-4")


def test_the_time_of_an_instant_counts_too():
    level = observation("3520-4", "212", "2026-03-09")
    level["effectiveInstant"] = f"{level.pop('effectiveDateTime')}T06:00:00Z"
    assert results([level], DEFAULT)[0].date == "2026-03-09"


@pytest.mark.parametrize("change", [{"code": "x"}, {"code": {"coding": "x"}}, {"valueQuantity": 3}, {"note": "x"}])
def test_what_a_hospital_wrote_wrongly_breaks_no_page(change):
    found = results([observation("3520-4", "212", "2026-03-09") | change], DEFAULT, OWN)
    assert found[0].name.startswith("Ciclosporin")
