"""The trial, its subjects, its forms, and where each fact came from can be read and searched."""

from __future__ import annotations

import pytest

from mappings.canonicals import DEFAULT
from mappings.intake import questionnaire
from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT, FOLLOW_UP
from tests.unit.adapter.web.conftest import Ward


@pytest.fixture
def patient(ward: Ward) -> str:
    told = decode(ward.ask("POST", "/enrolments", document=ENROLMENT).data)
    return next(one for one in told["resources"] if one.startswith("Patient/"))


def found(ward, query, who="centre"):
    return [one["resource"] for one in decode(ward.ask("GET", f"/fhir/{query}", who).data).get("entry", [])]


def test_the_study_and_its_subjects(ward, patient):
    (study,) = [one for one in found(ward, "ResearchStudy?status=active") if one["id"] == "set-haplo-pdli"]
    (subject,) = found(ward, f"ResearchSubject?study=ResearchStudy/{study['id']}&patient={patient}")
    assert subject["individual"] == {"reference": patient}
    assert found(ward, "ResearchSubject?status=withdrawn") == []
    assert found(ward, "ResearchSubject", "other-centre") == []


def test_the_forms(ward):
    forms = found(ward, "Questionnaire?status=active")
    assert "follow-up-m6" in {one["id"] for one in forms}
    (one,) = found(ward, "Questionnaire?url=https://engraft.example/fhir/Questionnaire/follow-up-m6")
    read = ward.ask("GET", "/fhir/Questionnaire/follow-up-m6")
    assert (read.status_code, decode(read.data)) == (200, one)


def test_where_a_fact_came_from(ward, patient):
    told = decode(ward.ask("POST", "/follow-ups", document=FOLLOW_UP).data)
    episode = next(one for one in told["resources"] if one.startswith("Condition/"))
    (origin,) = found(ward, f"Provenance?target={episode}")
    assert origin["entity"][0]["what"]["identifier"]["value"] == "FR-037/P-0001/m3"


RESPONSE = {
    "resourceType": "QuestionnaireResponse",
    "status": "completed",
    "questionnaire": "https://engraft.example/fhir/Questionnaire/follow-up-m3|0.1.0",
    "authored": "2026-06-02",
    "item": [
        {"linkId": "visit", "answer": [{"valueString": "m3"}]},
        {"linkId": "date", "answer": [{"valueDate": "2026-06-02"}]},
        {
            "linkId": "vital_status",
            "item": [
                {"linkId": "vital_status.status", "answer": [{"valueString": "alive"}]},
                {"linkId": "vital_status.date", "answer": [{"valueDate": "2026-06-02"}]},
            ],
        },
    ],
}


def test_a_form_that_was_filled_in_is_a_follow_up_and_is_kept(ward, patient):
    said = RESPONSE | {"subject": {"reference": patient}}
    assert questionnaire.entry(said, DEFAULT, lambda _: ("FR-037", "P-0001")).faults == ()
    answer = ward.ask("POST", "/fhir/QuestionnaireResponse", document=said)
    assert answer.status_code == 201, answer.data
    assert ward.counts()["follow-ups"] == 1
    (kept,) = found(ward, f"QuestionnaireResponse?patient={patient}&status=completed")
    assert kept["id"] == decode(answer.data)["id"]
    again = ward.ask("POST", "/fhir/QuestionnaireResponse", document=said)
    assert (again.status_code, again.headers["ETag"]) == (200, 'W/"1"')
    vital = found(ward, "Observation?code=https://engraft.example/fhir/CodeSystem/engraft|vital-status")
    assert [one["effectiveDateTime"] for one in vital] == ["2026-06-02"]


@pytest.mark.parametrize(
    "change",
    [{"status": "in-progress"}, {"subject": {"reference": "Patient/nobody"}}, {"item": []}, {"colour": "red"}],
)
def test_a_form_that_cannot_be_read_is_refused(ward, patient, change):
    before = ward.counts()
    answer = ward.ask(
        "POST", "/fhir/QuestionnaireResponse", document=RESPONSE | {"subject": {"reference": patient}} | change
    )
    assert answer.status_code in (400, 404, 422)
    assert ward.counts() == before
