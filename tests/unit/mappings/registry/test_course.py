"""What a course is read from: our own resources, plain FHIR, and what must not count."""

from __future__ import annotations

from datetime import date

import pytest

from mappings.registry.course import read
from tests.unit.mappings.registry.patients import (
    M3,
    course_of,
    died,
    enrolled,
    plain_contact,
    plain_patient,
    plain_transplant,
    seen,
)


def only(resources):
    (course,) = read(resources)
    return course


def test_a_course_of_ours_has_day_zero_and_its_last_contact_with_where_they_stand():
    resources = course_of(enrolled(), M3)
    course = only(resources)
    patient, graft = (next(r for r in resources if r["resourceType"] == kind) for kind in ("Patient", "Procedure"))
    assert course.patient == patient["id"]
    assert (course.day_zero.day, course.day_zero.source) == (date(2026, 3, 2), f"Procedure/{graft['id']}")
    assert course.contacts[-1].day == course.latest == date(2026, 6, 1)
    assert course.contacts[-1].source.startswith("Observation/")
    assert (course.death, course.death_undated) == (None, None)


def test_a_death_has_its_date_from_the_patient_resource():
    course = only(course_of(enrolled(), died("2026-08-15")))
    assert (course.death.day, course.death.source) == (date(2026, 8, 15), f"Patient/{course.patient}")
    assert all(contact.day <= date(2026, 8, 15) for contact in course.contacts)


def test_a_death_without_a_date_is_told_apart_from_no_death():
    course = only(course_of(enrolled(), M3, died()))
    assert course.death is None
    assert course.death_undated == f"Patient/{course.patient}"


@pytest.mark.parametrize("written", ["2026", "someday", "2026-13", "2026-02-30"])
def test_a_death_known_to_less_than_the_month_has_no_date(written):
    course = only([plain_patient("p", deceasedDateTime=written)])
    assert (course.death, course.death_undated) == (None, "Patient/p")


def test_a_month_stands_for_its_middle_and_says_so():
    course = only([plain_patient("p", deceasedDateTime="2026-08")])
    assert (course.death.day, course.death.imputed) == (date(2026, 8, 15), True)


def test_dates_are_those_written_whatever_the_time_zone():
    course = only([plain_patient("p", deceasedDateTime="2026-08-15T00:30:00+14:00")])
    assert (course.death.day, course.death.imputed) == (date(2026, 8, 15), False)


def test_plain_fhir_is_read_by_its_codes():
    course = only([plain_transplant("p", "2026-03-02"), plain_contact("p", "2026-05-05")])
    assert (course.day_zero.day, course.latest) == (date(2026, 3, 2), date(2026, 5, 5))


def test_a_procedure_of_another_kind_is_a_contact_and_no_transplant():
    other = {"coding": [{"system": "http://snomed.info/sct", "code": "80146002"}]}
    course = only([plain_transplant("p", "2026-03-02", code=other)])
    assert (course.day_zero, course.latest) == (None, date(2026, 3, 2))


def test_day_zero_is_the_first_transplant_and_a_second_is_no_new_origin():
    course = only([plain_transplant("p", "2027-01-05", id="second"), plain_transplant("p", "2026-03-02")])
    assert course.day_zero.day == date(2026, 3, 2)


def test_our_own_transplant_goes_before_an_earlier_one_from_elsewhere():
    resources = course_of(enrolled())
    patient = resources[0]["id"]
    course = only([*resources, plain_transplant(patient, "2019-01-01")])
    assert course.day_zero.day == date(2026, 3, 2)


def test_a_transplant_over_two_days_begins_on_the_first():
    period = {"start": "2026-03-02", "end": "2026-03-03"}
    course = only([plain_transplant("p", None, performedPeriod=period)])
    assert (course.day_zero.day, course.latest) == (date(2026, 3, 2), date(2026, 3, 3))


@pytest.mark.parametrize(
    ("status", "period", "seen"),
    [
        ("completed", {"start": "2026-03-08", "end": "2026-05-31"}, date(2026, 5, 31)),
        ("stopped", {"end": "2026-05-31"}, date(2026, 5, 31)),
        ("unknown", {"start": "2026-03-08"}, date(2026, 3, 8)),
        ("active", {"start": "2026-03-08", "end": "2031-01-01"}, date(2026, 3, 8)),
        ("not-taken", {"start": "2026-03-08"}, date(2026, 3, 2)),
        ("entered-in-error", {"start": "2026-03-08"}, date(2026, 3, 2)),
        ("completed", {}, date(2026, 3, 2)),
    ],
)
def test_who_begins_or_ends_a_drug_is_alive_on_that_day(status, period, seen):
    drug = {"resourceType": "MedicationStatement", "id": "m", "subject": {"reference": "Patient/p"}, "status": status}
    course = only([plain_transplant("p", "2026-03-02"), drug | {"effectivePeriod": period}])
    assert course.latest == seen


@pytest.mark.parametrize("status", ["entered-in-error", "not-done", "preparation", "unknown", None])
def test_a_transplant_that_did_not_take_place_is_no_day_zero(status):
    course = only([plain_transplant("p", "2026-03-02", status=status)])
    assert (course.day_zero, course.contacts) == (None, ())


@pytest.mark.parametrize(
    "void",
    [
        plain_contact("p", "2027-01-01", status="entered-in-error"),
        plain_contact("p", "2027-01-01", status="cancelled"),
        plain_contact("p", "2027-01-01", dataAbsentReason={"text": "not done"}),
        plain_contact("p", "2027"),
        {"resourceType": "Encounter", "id": "e", "status": "planned", "subject": {"reference": "Patient/p"}},
        {"resourceType": "MedicationAdministration", "id": "m", "status": "not-done", "effectiveDateTime": "2027-01-01"}
        | {"subject": {"reference": "Patient/p"}},
        {
            "resourceType": "Condition",
            "id": "c",
            "subject": {"reference": "Patient/p"},
            "verificationStatus": {"coding": [{"code": "refuted"}]},
            "onsetDateTime": "2027-01-01",
        },
        {"resourceType": "CarePlan", "id": "plan", "subject": {"reference": "Patient/p"}, "created": "2027-01-01"},
        plain_contact("p", "2027-01-01", subject={"reference": "Group/all"}),
        plain_contact("p", "2027-01-01", code={"coding": [{"system": "http://loinc.org", "code": "79378-6"}]}),
    ],
    ids=lambda void: f"{void['resourceType']}-{void.get('status')}-{void['id']}",
)
def test_what_did_not_happen_shows_nobody_alive(void):
    assert only([plain_transplant("p", "2026-03-02"), void]).latest == date(2026, 3, 2)


@pytest.mark.parametrize(
    "contact",
    [
        {"resourceType": "Encounter", "id": "e", "status": "finished", "period": {"end": "2026-07-07"}},
        {"resourceType": "Encounter", "id": "e", "status": "in-progress", "period": {"start": "2026-07-07"}},
        {"resourceType": "Condition", "id": "c", "onsetDateTime": "2026-05-01", "abatementDateTime": "2026-07-07"},
        {"resourceType": "MedicationAdministration", "id": "m", "status": "completed"}
        | {"effectivePeriod": {"start": "2026-07-01", "end": "2026-07-07"}},
        {"resourceType": "Observation", "id": "o", "status": "final", "effectiveInstant": "2026-07-07T10:00:00Z"},
    ],
    ids=lambda contact: contact["resourceType"],
)
def test_every_dated_contact_shows_the_patient_alive(contact):
    graft = plain_transplant("p", "2026-03-02")
    assert only([graft, contact | {"subject": {"reference": "Patient/p"}}]).latest == date(2026, 7, 7)


def finding(code, on, **changes):
    value = {"coding": [{"system": "http://snomed.info/sct", "code": code}]}
    return plain_contact("p", on, valueCodeableConcept=value, **changes)


def test_a_finding_of_death_from_elsewhere_tells_of_a_death_on_an_unknown_day():
    course = only([finding("419099009", "2026-09-09")])
    assert (course.death, course.death_undated, course.contacts) == (None, "Observation/p-2026-09-09", ())


def test_our_own_vital_status_carries_the_day_of_death_where_the_patient_resource_is_silent():
    resources = [r for r in course_of(enrolled(), died("2026-08-15")) if r["resourceType"] != "Patient"]
    assert only(resources).death.day == date(2026, 8, 15)


def test_the_patient_resource_that_knows_no_date_overrules_a_dated_finding():
    resources = course_of(enrolled(), died("2026-08-15"))
    resources[0] = resources[0] | {"deceasedBoolean": True}
    del resources[0]["deceasedDateTime"]
    assert only(resources).death_undated == f"Patient/{resources[0]['id']}"


def test_lost_to_follow_up_is_a_last_contact_and_an_unknown_status_is_none():
    lost = seen("m6", "2026-09-01", vital_status={"status": "lost", "date": "2026-07-01"})
    unknown = seen("m12", "2027-03-01", vital_status={"status": "unknown", "date": "2027-03-01"})
    assert only(course_of(enrolled(), lost, unknown)).latest == date(2026, 7, 1)


UNKNOWN = {"not_done": "unknown"}


@pytest.mark.parametrize(
    "sections",
    [
        {"vital_status": UNKNOWN},
        {"vital_status": {"status": UNKNOWN, "date": "2026-09-01"}},
        {"vital_status": {"status": UNKNOWN, "date": "2026-09-01", "cause": UNKNOWN}},
        {"vital_status": {"status": "alive", "date": UNKNOWN}},
        {"response": {"date": "2026-09-01", "category": UNKNOWN}},
        {"response": {"date": UNKNOWN, "category": "CR"}},
        {"engraftment": {"neutrophils": {"status": UNKNOWN, "date": "2026-09-01"}}},
        {"engraftment": {"counts": UNKNOWN, "platelet_transfusions": UNKNOWN}},
        {"engraftment": {"platelet_transfusions": [UNKNOWN]}},
        {"immune_reconstitution": {"date": UNKNOWN, "cd4": {"value": 120, "unit": "/uL"}}},
        {"measurements": {"weight": {"value": UNKNOWN, "unit": "kg", "date": "2026-09-01"}}},
        {"gvhd": {"acute": [{"onset": UNKNOWN, "grade": "II"}]}},
        {"gvhd": {"acute": UNKNOWN, "chronic": []}},
    ],
    ids=str,
)
def test_what_is_said_to_be_missing_shows_nobody_alive_or_dead(sections):
    """A status, a category or a date that nobody knows is no fact of a day, whatever stands beside it."""
    form = {key: said for key, said in seen("m6", "2026-09-01").items() if key != "vital_status"} | sections
    course = only(course_of(enrolled(), form))
    assert (course.death, course.death_undated, course.latest) == (None, None, date(2026, 3, 2))


@pytest.mark.parametrize(
    "transplant",
    [UNKNOWN, {"date": UNKNOWN}, {"date": UNKNOWN, "planned": False}, {"date": "2026-03-02", "planned": UNKNOWN}],
    ids=str,
)
def test_a_graft_without_its_day_or_of_which_nobody_knows_that_it_was_given_is_no_day_zero(transplant):
    assert only(course_of(enrolled(transplant=transplant))).day_zero is None


def test_a_correction_replaces_what_the_same_resource_said_before():
    graft, contact = plain_transplant("p", "2026-03-02"), plain_contact("p", "2026-09-01")
    assert only([graft, contact, contact | {"status": "entered-in-error"}]).latest == date(2026, 3, 2)
    assert only([graft, plain_transplant("p", "2026-03-09")]).day_zero.day == date(2026, 3, 9)


def test_references_are_read_in_every_form():
    forms = ["https://a.example/fhir/Patient/p", "Patient/p/_history/3"]
    resources = [plain_contact("p", f"2026-05-0{n}", subject={"reference": f}) for n, f in enumerate(forms, 1)]
    assert [course.patient for course in read(resources)] == ["p"]
    assert [course.patient for course in read([plain_contact("p", "2026-01-01", subject={})])] == []


def test_resources_can_be_read_one_at_a_time_and_patients_come_in_order():
    stream = (plain_contact(patient, "2026-01-01") for patient in "cab")
    assert [course.patient for course in read(stream)] == ["a", "b", "c"]
    assert only([plain_patient("p")]).latest is None
