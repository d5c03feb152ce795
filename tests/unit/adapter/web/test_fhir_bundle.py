"""Transactions happen as a whole or not at all; the entries of a batch each by itself. Answers come in their order."""

from __future__ import annotations

import pytest

from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT
from tests.lib.pushing import SNOMED, amount, anc, bundle, code, entry, gvhd, named, observation
from tests.unit.adapter.web.conftest import Ward

EPISODE, STAGES = "urn:uuid:0b7c9d6e-6f0e-4f0a-9b1e-3a5d1c2b4f61", "urn:uuid:0b7c9d6e-6f0e-4f0a-9b1e-3a5d1c2b4f62"

FORM = {"resourceType": "QuestionnaireResponse", "status": "completed"}


@pytest.fixture
def patient(ward: Ward) -> str:
    told = decode(ward.ask("POST", "/enrolments", document=ENROLMENT).data)
    return next(one for one in told["resources"] if one.startswith("Patient/"))


def send(ward, document, who="centre", **headers):
    return ward.ask("POST", "/fhir", who, document=document, content_type="application/fhir+json", headers=headers)


def told(answer):
    return decode(answer.data)


def issues(answer):
    return [(issue.get("expression", [""])[0], issue["code"]) for issue in told(answer)["issue"]]


def grade(patient, focus=EPISODE, on="2026-04-24", stage="2"):
    part = {"code": code("agvhd-stage-lower-gi"), "valueCodeableConcept": code(f"agvhd-stage-{stage}")}
    said = observation(patient, code("agvhd-overall-grade"), on, valueCodeableConcept=code("agvhd-3"))
    return said | {"component": [part], "focus": [{"reference": focus}]}


def test_a_transaction_is_answered_in_its_order_and_its_references_lead_to_what_was_kept(ward, patient):
    answer = send(
        ward,
        bundle(
            "transaction",
            entry("POST", "Observation", grade(patient), STAGES),
            entry("POST", "Condition", gvhd(patient, **named("c1")), EPISODE),
            entry("PUT", "Observation/lab-1", anc(patient, id="lab-1")),
        ),
        Prefer="return=representation",
    )
    said = told(answer)
    assert (answer.status_code, said["type"]) == (200, "transaction-response")
    assert [one["response"]["status"] for one in said["entry"]] == ["201 Created"] * 3
    stages, episode, count = (one["resource"] for one in said["entry"])
    assert [one["resourceType"] for one in (stages, episode, count)] == ["Observation", "Condition", "Observation"]
    assert stages["focus"] == [{"reference": f"Condition/{episode['id']}"}]
    assert {"reference": f"Observation/{stages['id']}"} in episode["stage"][0]["assessment"]
    assert said["entry"][2]["response"]["location"].endswith("/fhir/Observation/lab-1/_history/1")
    again = told(send(ward, bundle("transaction", entry("POST", "Condition", gvhd(patient, **named("c1"))))))
    assert again["entry"][0]["response"]["status"] == "200 OK"
    assert "resource" not in again["entry"][0]


def test_a_later_grade_names_the_episode_of_a_form(ward, patient):
    form = {"centre": "FR-037", "patient": "P-0001", "visit": "m3", "date": "2026-06-02"}
    section = {"gvhd": {"assessed": "2026-06-02", "acute": [{"id": "first", "onset": "2026-04-20"}], "chronic": []}}
    ward.ask("POST", "/follow-ups", document=form | section)
    (episode,) = told(ward.ask("GET", "/fhir/Condition?code=http://snomed.info/sct|402355000"))["entry"]
    focus = f"Condition/{episode['resource']['id']}"
    answer = send(ward, bundle("transaction", entry("POST", "Observation", grade(patient, focus))))
    assert told(answer)["entry"][0]["response"]["status"] == "201 Created"
    found = told(ward.ask("GET", "/fhir/Condition?code=http://snomed.info/sct|402355000"))["entry"]
    assert [one["resource"]["id"] for one in found] == [episode["resource"]["id"]]


def test_one_fault_leaves_nothing_of_a_transaction(ward, patient):
    before = ward.counts()
    answer = send(
        ward,
        bundle(
            "transaction",
            entry("POST", "Observation", anc(patient)),
            entry("POST", "Observation", anc(patient, valueQuantity=amount("3", "mg"))),
            entry("POST", "Condition", gvhd(patient, code=code("1", SNOMED))),
            entry("POST", "Observation", grade(patient, "Condition/nowhere")),
        ),
    )
    assert answer.status_code == 422
    assert issues(answer) == [
        ("Bundle.entry[2].resource.code", "code-invalid"),
        ("Bundle.entry[1].resource.value.unit", "code-invalid"),
        ("Bundle.entry[3].resource.focus", "required"),
    ]
    assert ward.counts() == before


def test_a_grade_that_contradicts_its_stages_is_refused_as_in_a_form(ward, patient):
    wrong = grade(patient, stage="4")
    answer = send(
        ward,
        bundle("transaction", entry("POST", "Condition", gvhd(patient), EPISODE), entry("POST", "Observation", wrong)),
    )
    assert answer.status_code == 422
    assert issues(answer) == [("Bundle.entry[1].resource.value", "invariant")]


def test_each_entry_of_a_batch_is_on_its_own(ward, patient):
    answer = send(
        ward,
        bundle(
            "batch",
            entry("POST", "Observation", anc(patient)),
            entry("POST", "Observation", anc(patient, status="preliminary")),
            entry("GET", "Observation/1"),
            entry("PUT", "Observation/lab-2", anc(patient, on="2026-03-18", id="lab-2"), ifMatch='W/"7"'),
            entry("PUT", "Observation?identifier=urn:oid:1.2|5", anc(patient, on="2026-03-19")),
        ),
    )
    said = told(answer)
    assert (answer.status_code, said["type"]) == (200, "batch-response")
    assert [one["response"]["status"][:3] for one in said["entry"]] == ["201", "422", "404", "412", "201"]
    place = said["entry"][1]["response"]["outcome"]["issue"][0]["expression"]
    assert place == ["Bundle.entry[1].resource.status"]


@pytest.mark.parametrize(
    ("made", "where"),
    [
        (entry("PATCH", "Observation/1"), "Bundle.entry[0].request.method"),
        (entry("DELETE", "Patient/1"), "Bundle.entry[0].request.url"),
        (entry("DELETE", "Observation/1/_history"), "Bundle.entry[0].request.url"),
        (entry("DELETE", "Observation"), "Bundle.entry[0].request.url"),
        (entry("DELETE", "QuestionnaireResponse?status=completed"), "Bundle.entry[0].request.url"),
        (entry("GET", "Basic/1"), "Bundle.entry[0].request.url"),
        (entry("GET", "Observation/1/$meta"), "Bundle.entry[0].request.url"),
        (entry("GET", "Observation//_history"), "Bundle.entry[0].request.url"),
        (entry("GET", "Observation/1", ifNoneMatch="x"), "Bundle.entry[0].request.ifNoneMatch"),
        (entry("PUT", "QuestionnaireResponse/1", FORM), "Bundle.entry[0].resource.id"),
        (entry("POST", "QuestionnaireResponse", FORM, ifNoneExist="identifier=1"), "Bundle.entry[0].request"),
        (entry("POST", "Observation"), "Bundle.entry[0].resource"),
        (entry("POST", "Condition", anc("Patient/p")), "Bundle.entry[0].request.url"),
        (entry("POST", "Patient", {"resourceType": "Patient"}), "Bundle.entry[0].request.url"),
        (entry("POST", "Observation/1", anc("Patient/p")), "Bundle.entry[0].request.url"),
        (entry("PUT", "Observation", anc("Patient/p")), "Bundle.entry[0].resource.id"),
        (entry("PUT", "Observation/1", anc("Patient/p", id="2")), "Bundle.entry[0].resource.id"),
        (entry("PUT", "Observation/1", anc("Patient/p", id="1"), ifMatch="x"), "Bundle.entry[0].request.ifMatch"),
        (
            entry("POST", "Observation", anc("Patient/p"), ifNoneExist="?_format=json"),
            "Bundle.entry[0].request.ifNoneExist",
        ),
        (entry("POST", "Observation", anc("Patient/p", colour="red")), "Bundle.entry[0].resource"),
    ],
)
def test_an_entry_that_cannot_be_carried_out_is_named(ward, patient, made, where):
    answer = send(ward, bundle("transaction", made))
    assert answer.status_code == 400
    assert where in [place for place, _ in issues(answer)]


@pytest.mark.parametrize(
    "document",
    [
        {"resourceType": "Bundle"},
        {"resourceType": "Bundle", "type": "collection"},
        {"resourceType": "Observation"},
        [1],
        {"resourceType": "Bundle", "type": "transaction", "entry": ["x"]},
        {"resourceType": "Bundle", "type": "batch", "entry": "x"},
        {"resourceType": "Bundle", "type": "batch", "entry": 5},
        {"resourceType": "Bundle", "type": "batch", "entry": None},
        {"resourceType": "Bundle", "type": "transaction", "entry": True},
        {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "POST"}}]},
        {"resourceType": "Bundle", "type": "transaction", "entry": [{"fullUrl": "urn:uuid:x"}]},
    ],
)
def test_what_is_no_bundle_to_carry_out_is_refused(ward, document):
    assert send(ward, document).status_code == 400


def test_a_bundle_may_be_empty_but_not_endless(ward):
    assert told(send(ward, {"resourceType": "Bundle", "type": "batch"})) == {
        "resourceType": "Bundle",
        "type": "batch-response",
    }
    many = bundle("batch", *(entry("POST", "Observation", {"resourceType": "Observation"}) for _ in range(1001)))
    assert issues(send(ward, many)) == [("Bundle.entry", "too-costly")]
    looks = bundle("batch", *(entry("GET", "Patient") for _ in range(101)))
    assert issues(send(ward, looks)) == [("Bundle.entry", "too-costly")]


def test_one_resource_twice_in_a_transaction_is_refused(ward, patient):
    twice = [entry("PUT", "Observation/lab-1", anc(patient, value, id="lab-1")) for value in ("0.6", "0.7")]
    answer = send(ward, bundle("transaction", *twice))
    assert answer.status_code == 400
    assert issues(answer)[0] == ("Bundle.entry[0].resource.id", "duplicate")
    named_twice = [entry("POST", "Observation", anc(patient, value, **named("1"))) for value in ("0.6", "0.7")]
    answer = send(ward, bundle("transaction", *named_twice))
    assert (answer.status_code, issues(answer)) == (422, [("Bundle.entry[1].resource", "duplicate")])


def test_if_none_exist_and_the_subject_of_another_entry(ward, patient):
    """A patient that the Bundle itself tells of is the enrolled one."""
    id_ = patient.partition("/")[2]
    dead = {"resourceType": "Patient", "id": id_, "deceasedDateTime": "2026-08-01"}
    query = "identifier=urn:oid:1.2.250.1.213.9.1|1"
    document = bundle(
        "transaction",
        entry("PUT", patient, dead, EPISODE),
        entry("POST", "Observation", anc(EPISODE, **named("1")), ifNoneExist=query),
    )
    first = told(send(ward, document))
    assert [one["response"]["status"] for one in first["entry"]] == ["200 OK", "201 Created"]
    again = told(send(ward, document))
    assert [one["response"]["status"] for one in again["entry"]] == ["200 OK", "200 OK"]
    assert told(ward.ask("GET", f"/fhir/{patient}"))["deceasedDateTime"] == "2026-08-01"


def test_only_a_centre_sends_bundles(ward):
    assert send(ward, bundle("batch"), "ehr").status_code == 403
    assert send(ward, bundle("batch"), None).status_code == 401
