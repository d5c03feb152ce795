"""QuestionnaireResponses: taken as the facts that they say, kept as their source, withdrawn with them."""

from __future__ import annotations

import pytest

from mappings.r4.validate import validate
from mappings.r4.wire import decode, encode
from tests.lib import flat
from tests.lib.forms import ENROLMENT, FOLLOW_UP

FHIR = "application/fhir+json"


@pytest.fixture
def answer(ward):
    """Posts a response; (status, answer)."""

    def posted(response, path="/follow-ups", who="centre", method="POST"):
        got = ward.ask(method, path, who, document=response, content_type=FHIR)
        return got.status_code, decode(got.data)

    return posted


@pytest.fixture
def enrolled(ward):
    return decode(ward.ask("POST", "/enrolments", document=ENROLMENT).data)


def kept(ward, who="centre"):
    found = decode(ward.ask("GET", "/fhir/QuestionnaireResponse", who).data)
    return [one["resource"] for one in found.get("entry", ())]


def test_an_answer_is_the_document_that_it_says(ward, answer, enrolled):
    status, told = answer(flat.response(FOLLOW_UP))
    assert status == 202
    plain = decode(ward.ask("POST", "/follow-ups", document=FOLLOW_UP).data)
    assert (plain["id"], plain["changed"], plain["version"]) == (told["id"], False, 1)


def test_it_is_kept_as_the_source_and_found_by_its_patient(ward, answer, enrolled):
    answer(flat.response(FOLLOW_UP, subject={"identifier": {"value": "P-0001"}}, authored="2026-06-02"))
    (response,) = kept(ward)
    assert [fault for fault in validate(response) if fault.severity == "error"] == []
    assert response["item"] == flat.response(FOLLOW_UP)["item"]
    assert response["subject"]["identifier"] == {"value": "P-0001"}
    patient = response["subject"]["reference"]
    assert f"Patient/{decode(ward.ask('GET', '/fhir/Patient').data)['entry'][0]['resource']['id']}" == patient
    found = decode(ward.ask("GET", f"/fhir/QuestionnaireResponse?patient={patient}&status=completed").data)
    assert found["total"] == 1
    assert kept(ward, "other-centre") == []


def test_the_same_again_is_no_new_version_and_a_correction_is_one(ward, answer, enrolled):
    answer(flat.response(FOLLOW_UP))
    answer(flat.response(FOLLOW_UP))
    (response,) = kept(ward)
    assert response["meta"]["versionId"] == "1"
    status, told = answer(flat.response(FOLLOW_UP | {"relapse": {"date": "2026-06-01", "kind": "molecular"}}))
    assert (status, told["version"]) == (202, 2)
    (response,) = kept(ward)
    assert response["meta"]["versionId"] == "2"


def test_what_replaces_it_or_takes_it_back_withdraws_it(ward, answer, enrolled):
    _, told = answer(flat.response(FOLLOW_UP))
    ward.ask("POST", "/follow-ups", document=FOLLOW_UP | {"visit": "m6"})
    assert kept(ward)[0]["status"] == "completed", "another visit does not touch it"
    ward.ask("POST", "/follow-ups", document=FOLLOW_UP | {"infections": []})
    assert kept(ward)[0]["status"] == "entered-in-error"
    answer(flat.response(FOLLOW_UP))
    assert kept(ward)[0]["status"] == "completed"
    ward.ask("DELETE", f"/follow-ups/{told['id']}?reason=wrong patient")
    assert kept(ward)[0]["status"] == "entered-in-error"


def test_what_became_of_it_names_the_response(ward, answer, enrolled):
    _, told = answer(flat.response(FOLLOW_UP))
    state = decode(ward.ask("GET", f"/follow-ups/{told['id']}").data)
    assert state["response"] == f"QuestionnaireResponse/{kept(ward)[0]['id']}"
    other = decode(ward.ask("POST", "/follow-ups", document=FOLLOW_UP | {"visit": "m6"}).data)
    assert "response" not in decode(ward.ask("GET", f"/follow-ups/{other['id']}").data)


def test_an_enrolment_is_answered_at_its_own_door(ward, answer):
    status, told = answer(flat.response(ENROLMENT))
    assert status == 422
    assert "send it to POST /enrolments" in told["issue"][0]["diagnostics"]
    status, told = answer(flat.response(ENROLMENT), "/enrolments")
    assert status == 201
    assert answer(flat.response(ENROLMENT), f"/enrolments/{told['id']}", method="PUT")[0] == 200
    assert len(kept(ward)) == 1
    status, told = answer(flat.response(FOLLOW_UP), "/enrolments")
    assert "send it to POST /follow-ups" in told["issue"][0]["diagnostics"]


def bare(**more):
    return flat.response(FOLLOW_UP, **more) | {"item": [{"linkId": "date", "answer": [{"valueDate": "2026-06-02"}]}]}


def test_whose_it_is_may_be_told_by_the_subject(ward, answer, enrolled):
    patient = decode(ward.ask("GET", "/fhir/Patient").data)["entry"][0]["resource"]["id"]
    _, by_reference = answer(bare(subject={"reference": f"Patient/{patient}"}))
    status, by_number = answer(bare(subject={"identifier": {"value": "P-0001"}}))
    assert (status, by_number["id"], by_number["changed"]) == (202, by_reference["id"], False)


def test_another_centres_patient_is_nobody(ward, answer, enrolled):
    patient = decode(ward.ask("GET", "/fhir/Patient").data)["entry"][0]["resource"]["id"]
    status, told = answer(bare(subject={"reference": f"Patient/{patient}"}), who="other-centre")
    nowhere = answer(bare(subject={"reference": "Patient/nobody"}), who="other-centre")
    assert (status, told) == nowhere
    assert status == 422
    assert [issue["expression"] for issue in told["issue"]] == [["QuestionnaireResponse.subject"]]


def test_the_subject_and_the_answers_tell_of_one_patient(ward, answer, enrolled):
    ward.ask("POST", "/enrolments", document=ENROLMENT | {"patient": "P-0002"})
    numbers = {}
    for one in decode(ward.ask("GET", "/fhir/Patient").data)["entry"]:
        numbers[one["resource"]["identifier"][0]["value"].rpartition("/")[2]] = one["resource"]["id"]
    before = ward.counts()
    status, told = answer(flat.response(FOLLOW_UP, subject={"reference": f"Patient/{numbers['P-0002']}"}))
    assert (status, told["issue"][0]["code"]) == (422, "conflict")
    assert told["issue"][0]["expression"] == ["QuestionnaireResponse.subject"]
    lines = encode(flat.response(FOLLOW_UP, subject={"reference": f"Patient/{numbers['P-0002']}"}))
    batch = ward.ask("POST", "/follow-ups", data=lines, content_type="application/x-ndjson")
    assert (batch.status_code, "another patient" in batch.text) == (422, True)
    assert ward.counts() == before, "nothing of it is in either record"
    assert answer(flat.response(FOLLOW_UP, subject={"reference": f"Patient/{numbers['P-0001']}"}))[0] == 202


def test_the_centre_is_the_tokens(ward, answer, enrolled):
    items = [one for one in flat.response(FOLLOW_UP)["item"] if one["linkId"] != "centre"]
    status, told = answer(flat.response(FOLLOW_UP) | {"item": items})
    assert status == 202, told


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({"linkId": "mood", "answer": [{"valueString": "good"}]}, "mood"),
        ({"linkId": "gvhd.acute.3.skin", "answer": [{"valueInteger": 9}]}, "gvhd.acute.3.skin"),
    ],
)
def test_a_refusal_names_the_link_id(ward, answer, enrolled, item, path):
    before = ward.counts()
    response = flat.response({name: FOLLOW_UP[name] for name in ("centre", "patient", "visit", "date")})
    response["item"] += [item, {"linkId": "gvhd.acute.3.onset", "answer": [{"valueDate": "2026-04-20"}]}]
    status, told = answer(response)
    assert status == 422
    assert [issue["expression"] for issue in told["issue"]] == [[path]]
    assert ward.counts() == before


def test_a_batch_keeps_its_responses_too(ward, enrolled):
    import json

    data = json.dumps(flat.response(FOLLOW_UP)).encode()
    assert ward.ask("POST", "/follow-ups", data=data, content_type="application/x-ndjson").status_code == 202
    assert len(kept(ward)) == 1


def test_it_never_leaves_for_a_registry_or_a_hospital(ward, answer, enrolled):
    answer(flat.response(FOLLOW_UP, subject={"identifier": {"value": "P-0001"}}))
    own = ward.ask("GET", "/registry/bundles").data
    assert b'"Composition"' in own
    assert b"QuestionnaireResponse" not in own
    with ward.store.reading() as tx:
        sent = {resource["resourceType"] for one in tx.outbox.listing() for resource in one.content}
    assert "Patient" in sent
    assert "QuestionnaireResponse" not in sent


@pytest.mark.parametrize("document", [{"resourceType": "Patient"}, [], {"visit": "m3"}])
def test_another_resource_is_refused(answer, document):
    status, told = answer(document)
    assert status == 422
    assert told["issue"]
