"""The form of day 0: what the enrolment and the graft tell, in their own words; what EBMT codes stays blank."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mappings.registry.course import read
from mappings.registry.deidentify import deidentify
from mappings.registry.ebmt import columns
from mappings.registry.ebmt_day0 import line
from tests.unit.mappings.registry.patients import KEY, course_of, enrolled, plain_patient, plain_transplant, seen

GRAFT = {
    "date": "2026-03-02",
    "planned": False,
    "donor": "haploidentical",
    "graft": "pbsc",
    "cd34_per_kg": {"value": Decimal("5.10"), "unit": "10*6/kg"},
    "cd3_per_kg": {"value": Decimal("180"), "unit": "10*6/kg", "comparator": "<"},
}
LATER = seen("m3", "2026-06-01", measurements={"weight": {"value": 66, "unit": "kg", "date": "2026-06-01"}})


def form(*visits, dates="shifted", **changes):
    resources = course_of(enrolled(**{"transplant": GRAFT} | changes), *visits)
    (course,) = read(resources)
    return line(course, resources, dates)


def test_it_has_the_fields_of_the_mapping_and_no_outcome():
    made = form(LATER)
    assert list(made) == columns("day-0")
    assert not [name for name in made if name.startswith(("response", "relapse", "survival", "acute"))]


def test_enrolment_and_graft_fill_it():
    made = form(LATER)
    told = {name: value for name, value in made.items() if value and name != "pseudonym"}
    assert told == {
        "form": "day-0",
        "scheduled": "2026-03-02",
        "graft_date": "2026-03-02",
        "birth_year": "1971-05-02",  # a year once the record is de-identified
        "sex_told": "female",
        "diagnosis_told": "acute myeloid leukaemia",
        "diagnosis_date": "2025-03",
        "disease_status_at_enrolment_told": "refractory",
        "blasts_percent_at_enrolment": "34",
        "donor_relation_told": "haploidentical",
        "cell_source_told": "pbsc",
        "cd34_10_6_per_kg": "5.10",
        "cd3_10_6_per_kg": "<180",
        "weight_kg": "70",
    }


def test_what_ebmt_codes_or_we_do_not_hold_is_blank():
    made = form()
    blank = ("centre_cic", "ebmt_patient_id", "transplant_number", "donor_sex", "conditioning", "gvhd_prophylaxis")
    assert {made[name] for name in (*blank, "sex", "diagnosis", "donor_relation", "cell_source")} == {""}


def test_the_last_weight_up_to_the_graft_counts():
    before = seen("baseline", "2026-02-25", measurements={"weight": {"value": 69, "unit": "kg", "date": "2026-02-25"}})
    assert form(before, LATER)["weight_kg"] == "69"


def test_what_was_said_to_be_missing_is_blank():
    unknown = {"not_done": "unknown"}
    made = form(transplant=GRAFT | {"donor": unknown, "cd34_per_kg": unknown, "graft": unknown}, disease=unknown)
    names = ("donor_relation_told", "cell_source_told", "cd34_10_6_per_kg", "diagnosis_told", "diagnosis_date")
    assert {made[name] for name in names} == {""}


def test_after_de_identification_dates_are_moved_and_the_birth_is_a_year():
    resources = deidentify(course_of(enrolled(transplant=GRAFT), LATER), KEY).resources
    (course,) = read(resources)
    shifted, days = (line(course, resources, dates) for dates in ("shifted", "days-from-graft"))
    assert shifted["birth_year"] == "1971"
    assert shifted["graft_date"] == course.day_zero.written != "2026-03-02"
    assert (days["graft_date"], days["scheduled"], days["diagnosis_date"]) == ("0", "0", "")
    assert (shifted["cd34_10_6_per_kg"], shifted["donor_relation_told"]) == ("5.10", "haploidentical")


@pytest.mark.parametrize("changes", [{"transplant": None}, {"transplant": GRAFT | {"planned": True}}])
def test_without_a_graft_there_is_no_form(changes):
    assert form(seen("baseline", "2026-02-20"), **changes) is None


def test_plain_fhir_from_elsewhere_fills_what_it_tells():
    resources = [plain_patient("p"), plain_transplant("p", "2026-03-02")]
    (course,) = read(resources)
    made = line(course, resources, "shifted")
    assert (made["graft_date"], made["sex_told"], made["donor_relation_told"]) == ("2026-03-02", "", "")
    month = [plain_patient("p"), plain_transplant("p", "2026-03")]
    (course,) = read(month)
    assert line(course, month, "shifted") is None
