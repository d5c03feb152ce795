"""What the people of a centre are shown: their own patients, with what was done and what is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from adapter.config.settings import Centre, Hospital
from adapter.errors import NotFound
from adapter.flows import validation, ward
from adapter.flows.validation import Signer
from adapter.store.clients import Client
from adapter.store.copies import Copy
from tests.lib.centre import OTHERS, OURS, Ward


@pytest.fixture
def centre(store):
    return Ward(store)


def around(centre, code=OURS):
    return {"centre": code, "store": centre.store, "settings": centre.settings, "now": centre.now}


def enrol_elsewhere(centre):
    other = Ward(centre.store, sender=Client("forms", "centre", OTHERS))
    return other.enrol(centre=OTHERS).course


def test_the_list_has_the_patients_of_the_centre_and_how_their_plans_stand(centre):
    drafted = centre.enrol(patient="SYN-0002").course
    centre.enrol(patient="SYN-0001", transplant=None)
    signed = centre.enrol(patient="SYN-0003").course
    enrol_elsewhere(centre)
    validation.validate(signed, Signer("Ada Example", "pharmacist", "user:ada"), shown=None, **around(centre))
    found = ward.patients(**around(centre))
    assert [(one.number, one.graft, one.status, one.signed_by) for one in found] == [
        ("SYN-0001", None, "open", ()),
        ("SYN-0002", date(2026, 3, 2), "draft", ()),
        ("SYN-0003", date(2026, 3, 2), "active", ("Ada Example, pharmacist",)),
    ]
    assert found[1].course == drafted
    assert [one.number for one in ward.patients(**around(centre, OTHERS))] == ["SYN-0001"]


def test_a_centre_without_patients(centre):
    assert ward.patients(**around(centre)) == []


def test_a_chart_lists_what_came_and_what_is_stored(centre):
    centre.enrol()
    centre.enrol(sex="male")
    visit = centre.visit()
    (patient,) = centre.stored("Patient")
    chart = ward.chart(patient.id, **around(centre))
    assert chart.patient.number == "SYN-0001"
    assert [(one.version, one.content.get("visit")) for one in chart.documents] == [(2, None), (1, "m1")]
    assert ("MedicationRequest", "draft", 22) in chart.resources
    assert ("Condition", "confirmed", 1) in chart.resources
    centre.retract(visit.id)
    assert len(ward.chart(patient.id, **around(centre)).documents) == 1


@pytest.mark.parametrize("look", [ward.chart, ward.sheet])
def test_another_centres_patient_is_as_missing_as_none(centre, look):
    course = centre.enrol().course
    (patient,) = centre.stored("Patient")
    for id_ in (patient.id, course, "nothing"):
        with pytest.raises(NotFound):
            look(id_, **around(centre, OTHERS))


def test_a_patient_whom_a_hospital_sent_and_nobody_enrolled_has_no_chart(centre):
    with centre.store.transaction() as tx:
        tx.resources.put(
            {"resourceType": "Patient", "id": "lonely"}, centre=OURS, course=None, sources=["lab"], at=centre.now
        )
    with pytest.raises(NotFound):
        ward.chart("lonely", **around(centre))


def test_a_sheet_has_the_plan_what_was_done_and_what_is_known_beside_it(centre):
    course = centre.enrol().course
    (patient,) = centre.stored("Patient")
    level = {
        "resourceType": "Observation",
        "id": "level",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "3520-4"}]},
        "subject": {"reference": patient.reference},
        "effectiveDateTime": "2026-03-09",
        "valueQuantity": {"value": 212, "unit": "ng/mL"},
    }
    with centre.store.transaction() as tx:
        tx.resources.put(level, centre=OURS, course=course, sources=["lab"], at=centre.now)
        stranger = level | {"id": "stranger", "subject": {"reference": "Patient/another"}}
        tx.resources.put(stranger, centre=OURS, course="another", sources=["lab"], at=centre.now)
    centre.visit()
    sheet = ward.sheet(course, **around(centre))
    assert (sheet.version, sheet.at) == (1, centre.stored("CarePlan")[0].at)
    assert sheet.calendar.day_zero == date(2026, 3, 2)
    (day,) = [day for day in sheet.calendar.days if day.label == "D+31"]
    assert ("reported",) in [line.marks for line in day.lines]
    assert [one.value for one in sheet.results] == ["212 ng/mL", "", ""]
    assert {item.reference for item in sheet.items} <= {one.reference for one in centre.stored()}


def test_what_the_hospital_has_is_shown_also_by_the_codes_of_its_laboratory(centre):
    """The centre names its code for bilirubin; nothing of it is built in."""
    lab = "https://lab.example/codes"
    ours = Centre(OURS, "CHU A", "chu-a", results={"bilirubin": ((lab, "BI,LI"),)})
    centre.settings = replace(
        centre.settings, centres={OURS: ours}, hospitals={"chu-a": Hospital("chu-a", "http://127.0.0.1:9/fhir")}
    )
    course = centre.enrol(hospital_patient="Patient/abc").course
    bilirubin = {
        "resourceType": "Observation",
        "id": "b1",
        "status": "final",
        "code": {"coding": [{"system": lab, "code": "BI,LI"}]},
        "subject": {"reference": "Patient/abc"},
        "effectiveDateTime": "2026-03-09",
        "valueQuantity": {"value": 12, "unit": "umol/L"},
    }
    with centre.store.transaction() as tx:
        tx.links.put("chu-a", course, "Patient/abc")
        tx.copies.keep("chu-a", ("Observation", "b1"), Copy("1", None, bilirubin, "Patient/abc"), centre.now)
        stored = bilirubin | {"id": "s1", "effectiveDateTime": "2026-03-08", "valueQuantity": {"value": 9}}
        stored["subject"] = {"reference": centre.stored("Patient")[0].reference}
        tx.resources.put(stored, centre=OURS, course=course, sources=["lab"], at=centre.now)
    shown = {one.name: (one.value, one.date, one.note) for one in ward.sheet(course, **around(centre)).results}
    assert shown["Bilirubin"] == ("12 umol/L", "2026-03-09", "the laboratory's code BI,LI")
    centre.settings = replace(centre.settings, hospitals={})
    centre.settings = replace(centre.settings, centres={OURS: replace(ours, hospital=None)})
    shown = {one.name: one.value for one in ward.sheet(course, **around(centre)).results}
    assert shown["Bilirubin"] == "9"


def test_results_beside_the_doses_change_no_dose(centre):
    """They are shown with their dates and never change a dose by themselves."""
    course = centre.enrol().course
    before = ward.sheet(course, **around(centre)).standing.digest
    creatinine = {
        "resourceType": "Observation",
        "id": "creatinine",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "14682-9"}]},
        "subject": {"reference": centre.stored("Patient")[0].reference},
        "effectiveDateTime": "2026-03-09",
        "valueQuantity": {"value": 400, "unit": "umol/L"},
    }
    with centre.store.transaction() as tx:
        tx.resources.put(creatinine, centre=OURS, course=course, sources=["lab"], at=centre.now)
    centre.enrol(sex="male")
    sheet = ward.sheet(course, **around(centre))
    assert "400 umol/L" in [one.value for one in sheet.results]
    assert sheet.standing.digest == before


def test_a_course_without_a_plan_has_a_sheet_that_says_what_is_missing(centre):
    course = centre.enrol(measurements=None).course
    sheet = ward.sheet(course, **around(centre))
    assert (sheet.version, sheet.at, sheet.items) == (0, None, ())
    assert [fault.path for fault in sheet.standing.issues] == ["measurements.weight", "measurements.height"]
    assert [(day.label, line.item.action) for day in sheet.calendar.days for line in day.lines] == [("", "graft")]


def test_the_clock_of_the_sheet_is_the_callers(centre):
    centre.now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    course = centre.enrol().course
    assert ward.sheet(course, **around(centre)).standing.status == "draft"
