"""Forms for EBMT: nothing is made up, and each assessment has its own date. Synthetic patients only."""

from __future__ import annotations

import pytest

from mappings.registry.course import read
from mappings.registry.deidentify import deidentify
from mappings.registry.ebmt import FORMS, columns, lines
from mappings.registry.ebmt_page import page
from tests.unit.mappings.registry.patients import KEY, M3, course_of, enrolled, plain_patient, seen

WINDOWS = {"day-100": 15, "month-6": 30, "year-1": 45}
M6 = seen(
    "m6",
    "2026-09-01",
    response={"date": "2026-08-20", "category": "CRi"},
    chimerism=[{"date": "2026-08-25", "sample": "blood", "donor_percent": 98}],
    relapse={"date": "2026-08-30", "kind": "haematological"},
    gvhd={"assessed": "2026-09-01", "acute": [], "chronic": [{"onset": "2026-08-15", "severity": "mild"}]},
)


def forms(*visits, dates="shifted", windows=WINDOWS, enrolment=None):
    (course,) = read(course_of(enrolment or enrolled(), *visits))
    return lines(course, windows, dates)


def test_a_form_has_the_fields_of_the_mapping():
    made = forms(M3)
    assert made["day-100"].keys() == set(columns("day-100"))
    assert "neutrophil_recovery_date" not in columns("month-6")


def test_the_nearest_assessment_has_its_own_date():
    """Day 100 is 10 June; the protocol's visit at three months was on 1 June."""
    one = forms(M3)["day-100"]
    assert one["scheduled"] == "2026-06-10"
    assert (one["response_date"], one["response_status_told"]) == ("2026-06-01", "CR")
    assert one["neutrophil_recovery_date"] == "2026-03-17"
    assert one["acute_gvhd_worst_grade_told"] == "II"
    assert one["acute_gvhd_onset_date"] == "2026-04"


def test_outside_of_the_window_there_is_none():
    later = seen("unscheduled", "2026-07-01")
    one = forms(M3, later, windows={"day-100": 8})["day-100"]
    assert (one["response_date"], one["response_status_told"]) == ("", "")


def test_without_a_window_there_is_no_form():
    assert forms(M3, windows={}) == {}


def test_codes_of_the_registry_are_blank():
    one = forms(M3)["day-100"]
    assert {one[name] for name in columns("day-100") if f"{name}_told" in one} == {""}
    assert {one[name] for name in ("centre_cic", "ebmt_patient_id")} == {""}


def test_calendar_months_count():
    made = forms(M3, M6)
    six = made["month-6"]
    assert six["scheduled"] == "2026-09-02"
    assert six["relapse_date"] == "2026-08-30"
    assert six["chimerism_donor_percent"] == "98"
    assert six["chimerism_date"] == "2026-08-25"
    assert six["chronic_gvhd_worst_severity_told"] == "mild"
    assert made["day-100"]["relapse_date"] == ""  # it had not happened
    assert "year-1" not in made  # nor had its day come


def test_the_end_of_a_short_month_is_kept():
    graft = {"date": "2026-08-31", "planned": False, "donor": "haploidentical", "graft": "pbsc"}
    late = seen("m6", "2027-03-01")
    assert forms(late, enrolment=enrolled(transplant=graft))["month-6"]["scheduled"] == "2027-02-28"


def test_days_from_the_graft_take_the_place_of_dates():
    one = forms(M3, M6, dates="days-from-graft")["day-100"]
    assert (one["graft_date"], one["scheduled"], one["response_date"]) == ("0", "100", "91")
    assert one["acute_gvhd_onset_date"] == ""  # a month is no day


def test_a_death_is_told_with_its_day_and_cause():
    dead = seen("m6", "2026-09-01", vital_status={"status": "dead", "date": "2026-08-15", "cause": "relapse"})
    one = forms(M3, dead)["month-6"]
    told = [one[name] for name in ("survival_status_told", "death_date", "death_cause_told")]
    assert told == ["dead", "2026-08-15", "relapse"]
    assert forms(M3, dead)["day-100"]["death_date"] == ""


@pytest.mark.parametrize(
    "changes", [{"transplant": None}, {"transplant": {"date": {"not_done": "unknown"}, "planned": False}}]
)
def test_without_a_day_of_the_graft_there_is_no_form(changes):
    assert forms(seen("m3", "2026-06-01"), enrolment=enrolled(**changes)) == {}


def test_intervals_are_the_same_after_de_identification():
    record = course_of(enrolled(), M3, M6)
    (before,), (after,) = read(record), read(deidentify(record, KEY).resources)
    made = [lines(each, WINDOWS, "days-from-graft")["day-100"] for each in (before, after)]
    assert made[0] | {"pseudonym": ""} == made[1] | {"pseudonym": ""}
    assert made[0]["pseudonym"] != made[1]["pseudonym"]


def test_the_page_is_self_contained_and_escapes():
    text = page("day-100", forms(M3)["day-100"] | {"response_status_told": "<b>"})
    assert "&lt;b&gt;" in text
    assert "<b>" not in text
    assert "http" not in text
    assert "2026-06-01" in text


def test_a_patient_of_whom_nothing_else_is_known_has_none():
    (course,) = read([plain_patient("p")])
    assert lines(course, WINDOWS, "shifted") == {}
    assert set(FORMS) > set(WINDOWS)


def test_a_form_tells_nothing_of_after_its_window():
    """Platelets recovered on 1 July and grade III was reached on 20 July: neither is of the form of day 100."""
    late = seen(
        "m6",
        "2026-09-01",
        engraftment={
            "neutrophils": {"status": "engrafted", "date": "2026-03-17"},
            "platelets": {"status": "engrafted", "date": "2026-07-01"},
        },
        gvhd={
            "assessed": "2026-09-01",
            "acute": [
                {
                    "onset": "2026-04-20",
                    "grade": "III",
                    "course": [{"date": "2026-04-20", "grade": "II"}, {"date": "2026-07-20", "grade": "III"}],
                }
            ],
            "chronic": [
                {
                    "onset": "2026-06-01",
                    "severity": "moderate",
                    "course": [{"date": "2026-07-30", "severity": "moderate"}],
                }
            ],
        },
    )
    made = forms(late)
    one, two = made["day-100"], made["month-6"]
    assert (one["neutrophil_recovery_date"], one["platelet_recovery_date"]) == ("2026-03-17", "")
    assert (one["acute_gvhd_worst_grade_told"], one["chronic_gvhd_worst_severity_told"]) == ("II", "")
    assert (two["acute_gvhd_worst_grade_told"], two["chronic_gvhd_worst_severity_told"]) == ("III", "moderate")


def test_blasts_or_residual_disease_alone_are_no_response():
    """The laboratory's blasts of 10 June say no category, the visit of 1 June does."""
    resources = course_of(enrolled(), M3)
    (blasts,) = [one for one in resources if "11150-0" in str(one.get("code"))][:1]
    alone = blasts | {"id": "elsewhere", "effectiveDateTime": "2026-06-10"}
    (course,) = read([*resources, alone])
    one = lines(course, WINDOWS, "shifted")["day-100"]
    assert (one["response_date"], one["response_status_told"]) == ("2026-06-01", "CR")
