"""A dose on the hospital's own record makes our order done, and nothing else does."""

from __future__ import annotations

import pytest

from adapter.errors import Conflict
from adapter.flows import administered
from tests.lib.centre import ENROLMENT, Ward, document

MOVED = document(ENROLMENT)["transplant"] | {"date": "2026-03-09"}


@pytest.fixture
def ward(store):
    ward = Ward(store)
    ward.enrol()
    return ward


def given(ward, item="thiotepa/D-13", **changes):
    order, (patient,) = ward.one(item).content, ward.stored("Patient")
    said = {
        "resourceType": "MedicationAdministration",
        "id": "adm-1",
        "status": "completed",
        "subject": {"reference": patient.reference},
        "request": {"identifier": order["identifier"][0]},
        "effectiveDateTime": "2026-02-17T09:00:00+01:00",
        "dosage": {"dose": {"value": 352.5, "unit": "mg", "code": "mg"}},
    } | changes
    return {key: value for key, value in said.items() if value is not None}


def hear(ward, resource, id_="adm-1", kind="MedicationAdministration"):
    with ward.store.transaction() as tx:
        administered.hear(tx, "chu-a", (kind, id_), resource, settings=ward.settings, now=ward.now)


def status(ward, item="thiotepa/D-13"):
    return ward.one(item).content["status"]


def test_a_dose_that_names_our_order_makes_it_done(ward):
    hear(ward, given(ward))
    assert status(ward) == "completed"
    assert status(ward, "busulfan/D-5") == "draft"
    with pytest.raises(Conflict, match="confirmed_by"):
        ward.enrol(transplant=MOVED)
    ward.enrol(transplant=MOVED, confirmed_by="Dr A. Example")
    assert ward.one("thiotepa/D-13").content["dosageInstruction"][0]["timing"]["event"] == ["2026-02-17"]


def test_a_hospital_may_name_the_patient_by_its_whole_address_and_version(ward):
    (patient,) = ward.stored("Patient")
    base = ward.settings.hospitals["chu-a"].base_url
    for reference in (f"{base}/{patient.reference}", f"{patient.reference}/_history/2"):
        hear(ward, given(ward, subject={"reference": reference}))
        assert status(ward) == "completed"
        hear(ward, None)
    hear(ward, given(ward, subject={"reference": f"http://elsewhere.example/fhir/{patient.reference}"}))
    assert status(ward) == "draft"


def test_the_orders_own_id_names_it_too(ward):
    order = ward.one("thiotepa/D-13")
    for reference in (order.reference, f"https://engraft.test/fhir/{order.reference}"):
        for version in ("", "/_history/3"):
            hear(ward, given(ward, request={"reference": f"{reference}{version}"}))
            assert status(ward) == "completed"
            hear(ward, None)


def test_the_patient_may_be_the_hospitals_own(ward):
    with ward.store.transaction() as tx:
        tx.links.put("chu-a", ward.stored("Patient")[0].course, "Patient/abc")
    hear(ward, given(ward, subject={"reference": "Patient/abc"}))
    assert status(ward) == "completed"


def test_a_course_is_begun_and_goes_on(ward):
    hear(ward, given(ward, "ciclosporin/D6", effectiveDateTime=None, effectivePeriod={"start": "2026-03-08T08:00:00Z"}))
    assert status(ward, "ciclosporin/D6") == "draft"
    with pytest.raises(Conflict):
        ward.enrol(transplant=MOVED)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "entered-in-error"},
        {"status": "not-done"},
        {"subject": {"reference": "Patient/another"}},
        {"subject": None},
        {"request": None},
        {"request": {"identifier": {"system": "urn:other", "value": "x/thiotepa/D-13"}}},
        {"request": {"identifier": {"system": "https://engraft.example/fhir/sid/request", "value": "thiotepa"}}},
        {"request": {"reference": "MedicationRequest/nobody"}},
        {"request": {"reference": "ServiceRequest/x"}},
        {"effectiveDateTime": None},
        {"effectiveDateTime": "2026-02"},
        {"effectiveDateTime": "soon, maybe"},
    ],
)
def test_what_is_no_dose_of_our_orders_changes_nothing(ward, changes):
    before = ward.rows()
    hear(ward, given(ward, **changes))
    assert status(ward) == "draft"
    assert ward.rows() == before


def test_a_dose_taken_back_is_to_be_given_again(ward):
    for taken_back in (None, given(ward, status="entered-in-error")):
        hear(ward, given(ward))
        hear(ward, taken_back)
        assert status(ward) == "draft"


def test_other_resources_are_left_alone(ward):
    before = ward.rows()
    hear(ward, {"resourceType": "Observation", "id": "o"}, "o", "Observation")
    hear(ward, None, "o", "Observation")
    assert ward.rows() == before


def test_a_course_that_was_never_enrolled_has_no_regimen(ward):
    order = ward.one("thiotepa/D-13").content
    value = order["identifier"][0]["value"].replace(ward.stored("Patient")[0].course, "another")
    hear(ward, given(ward, request={"identifier": {"system": order["identifier"][0]["system"], "value": value}}))
    assert status(ward) == "draft"


def test_hearing_it_twice_is_hearing_it_once(ward):
    hear(ward, given(ward))
    version = ward.one("thiotepa/D-13").version
    hear(ward, given(ward))
    assert ward.one("thiotepa/D-13").version == version
