"""A centre whose own system speaks FHIR pushes single resources: status, headers, identity, versions."""

from __future__ import annotations

import pytest

from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT, FOLLOW_UP
from tests.lib.pushing import amount, anc, code, dose, gvhd, named, observation
from tests.unit.adapter.web.conftest import Ward

FHIR = "application/fhir+json"


@pytest.fixture
def patient(ward: Ward) -> str:
    told = decode(ward.ask("POST", "/enrolments", document=ENROLMENT).data)
    return next(one for one in told["resources"] if one.startswith("Patient/"))


def push(ward, method, path, resource, who="centre", **headers):
    return ward.ask(method, path, who, document=resource, content_type=FHIR, headers=headers)


def told(answer):
    return decode(answer.data)


def expressions(answer):
    return [place for issue in told(answer)["issue"] for place in issue.get("expression", [])]


def place_of(answer):
    """Type and id of `Location`."""
    return "/".join(answer.headers["Location"].removeprefix("https://engraft.test/fhir/").split("/")[:2])


def test_an_observation_is_created_and_read_under_its_location(ward, patient):
    answer = push(ward, "POST", "/fhir/Observation", anc(patient, **named("1")))
    assert answer.status_code == 201
    assert answer.headers["ETag"] == 'W/"1"'
    assert answer.headers["Location"].endswith("/_history/1")
    read = told(ward.ask("GET", f"/fhir/{place_of(answer)}"))
    assert read == told(answer)
    assert str(read["valueQuantity"]["value"]) == "0.6"
    assert read["effectiveDateTime"] == "2026-03-17"
    assert named("1")["identifier"][0] in read["identifier"]
    found = told(ward.ask("GET", "/fhir/Observation?identifier=urn:oid:1.2.250.1.213.9.1|1"))
    assert [one["resource"]["id"] for one in found["entry"]] == [read["id"]]


def test_a_fault_is_named_once(ward, patient):
    answer = push(ward, "POST", "/fhir/Observation", anc(patient, on="2030-01-01"))
    assert answer.status_code == 422
    assert expressions(answer) == ["Observation.effective"]


def test_the_same_again_is_the_same_and_no_new_version(ward, patient):
    first = push(ward, "POST", "/fhir/Observation", anc(patient, **named("1")))
    counts = ward.counts()
    again = push(ward, "POST", "/fhir/Observation", anc(patient, **named("1")))
    assert (again.status_code, again.headers["Location"]) == (200, first.headers["Location"])
    assert ward.counts() == counts


def test_another_value_under_the_same_identifier_is_a_new_version(ward, patient):
    push(ward, "POST", "/fhir/Observation", anc(patient, **named("1")))
    answer = push(ward, "POST", "/fhir/Observation", anc(patient, "0.7", **named("1")))
    assert (answer.status_code, answer.headers["ETag"]) == (200, 'W/"2"')
    assert str(told(answer)["valueQuantity"]["value"]) == "0.7"


def test_a_form_that_tells_the_same_count_tells_the_same_item(ward, patient):
    answer = push(ward, "POST", "/fhir/Observation", anc(patient, **named("1")))
    count = {"date": "2026-03-17", "neutrophils": {"value": 1, "unit": "10*9/L"}}
    ward.ask("POST", "/follow-ups", document=FOLLOW_UP | {"engraftment": {"counts": [count]}})
    found = told(ward.ask("GET", "/fhir/Observation?code=http://loinc.org|26499-4"))
    assert [one["resource"]["id"] for one in found["entry"]] == [told(answer)["id"]]


def test_a_count_of_a_form_is_the_one_that_is_pushed(ward, patient):
    count = {"date": "2026-03-17", "neutrophils": {"value": 1, "unit": "10*9/L"}}
    ward.ask("POST", "/follow-ups", document=FOLLOW_UP | {"engraftment": {"counts": [count]}})
    answer = push(ward, "POST", "/fhir/Observation", anc(patient, **named("1")))
    assert answer.status_code == 200
    found = told(ward.ask("GET", "/fhir/Observation?code=http://loinc.org|26499-4"))
    assert [one["resource"]["id"] for one in found["entry"]] == [told(answer)["id"]]
    put = push(ward, "PUT", "/fhir/Observation/lab-77", anc(patient, "0.8", id="lab-77"))
    assert (put.status_code, place_of(put)) == (200, place_of(answer))


def test_two_results_of_one_day_by_two_identifiers_are_two(ward, patient):
    first = push(ward, "POST", "/fhir/Observation", anc(patient, **named("1")))
    second = push(ward, "POST", "/fhir/Observation", anc(patient, "0.4", **named("2")))
    assert second.status_code == 201
    assert place_of(first) != place_of(second)


def test_a_second_panel_of_one_day_is_refused_and_not_mixed_with_the_first(ward, patient):
    cd4 = observation(patient, code("24467-3", "http://loinc.org"), valueQuantity=anc(patient)["valueQuantity"])
    assert push(ward, "POST", "/fhir/Observation", cd4 | named("1")).status_code == 201
    assert push(ward, "POST", "/fhir/Observation", cd4 | named("2")).status_code == 409


def test_an_id_of_ones_own_is_kept(ward, patient):
    answer = push(ward, "PUT", "/fhir/Observation/lab-77", anc(patient, id="lab-77"))
    assert (answer.status_code, place_of(answer)) == (201, "Observation/lab-77")
    assert told(ward.ask("GET", "/fhir/Observation/lab-77"))["id"] == "lab-77"
    count = {"date": "2026-03-17", "neutrophils": {"value": 1, "unit": "10*9/L"}}
    ward.ask("POST", "/follow-ups", document=FOLLOW_UP | {"engraftment": {"counts": [count]}})
    found = told(ward.ask("GET", "/fhir/Observation?code=http://loinc.org|26499-4"))
    assert [one["resource"]["id"] for one in found["entry"]] == ["lab-77"]


def test_a_corrected_day_stays_the_same_resource(ward, patient):
    push(ward, "PUT", "/fhir/Observation/lab-77", anc(patient, id="lab-77"))
    answer = push(ward, "PUT", "/fhir/Observation/lab-77", anc(patient, on="2026-03-18", id="lab-77"))
    assert (answer.status_code, answer.headers["ETag"]) == (200, 'W/"2"')
    assert told(answer)["effectiveDateTime"] == "2026-03-18"
    found = told(ward.ask("GET", "/fhir/Observation?code=http://loinc.org|26499-4"))
    assert [one["resource"]["id"] for one in found["entry"]] == ["lab-77"]


def test_if_none_exist_finds_what_is_there(ward, patient):
    query = "identifier=urn:oid:1.2.250.1.213.9.1|1"
    first = push(ward, "POST", "/fhir/Observation", anc(patient, **named("1")), **{"If-None-Exist": query})
    assert first.status_code == 201
    again = push(ward, "POST", "/fhir/Observation", anc(patient, "0.9", **named("1")), **{"If-None-Exist": query})
    assert (again.status_code, again.data, place_of(again)) == (200, b"", place_of(first))
    assert told(ward.ask("GET", f"/fhir/{place_of(first)}"))["meta"]["versionId"] == "1"
    for value in ("2", "3"):
        push(ward, "POST", "/fhir/Observation", anc(patient, on=f"2026-03-2{value}", **named(value)))
    several = push(ward, "POST", "/fhir/Observation", anc(patient), **{"If-None-Exist": "status=final"})
    assert several.status_code == 412
    wrong = push(ward, "POST", "/fhir/Observation", anc(patient), **{"If-None-Exist": "colour=red"})
    assert wrong.status_code == 400


def test_if_match_must_be_the_newest_version(ward, patient):
    push(ward, "PUT", "/fhir/Observation/lab-77", anc(patient, id="lab-77"))
    stale = push(ward, "PUT", "/fhir/Observation/lab-77", anc(patient, "0.9", id="lab-77"), **{"If-Match": 'W/"2"'})
    assert stale.status_code == 412
    newest = push(ward, "PUT", "/fhir/Observation/lab-77", anc(patient, "0.9", id="lab-77"), **{"If-Match": 'W/"1"'})
    assert (newest.status_code, newest.headers["ETag"]) == (200, 'W/"2"')
    nothing = push(ward, "PUT", "/fhir/Observation/lab-78", anc(patient, "0.9", id="lab-78"), **{"If-Match": 'W/"1"'})
    assert nothing.status_code == 412


def test_a_conditional_update_creates_then_updates(ward, patient):
    path = "/fhir/Observation?identifier=urn:oid:1.2.250.1.213.9.1|1"
    first = push(ward, "PUT", path, anc(patient, **named("1")))
    assert first.status_code == 201
    second = push(ward, "PUT", path, anc(patient, "0.9", **named("1")))
    assert (second.status_code, second.headers["ETag"], place_of(second)) == (200, 'W/"2"', place_of(first))
    other = push(ward, "PUT", path, anc(patient, "0.9", id="other", **named("1")))
    assert (other.status_code, expressions(other)) == (400, ["Observation.id"])
    assert push(ward, "PUT", "/fhir/Observation", anc(patient)).status_code == 400


def test_a_condition_that_says_nothing_is_not_passed_over(ward, patient):
    answer = push(ward, "POST", "/fhir/Observation", anc(patient), **{"If-None-Exist": ""})
    assert (answer.status_code, expressions(answer)) == (400, ["If-None-Exist"])


def test_the_id_of_body_and_address_are_one(ward, patient):
    for body in (anc(patient), anc(patient, id="other")):
        answer = push(ward, "PUT", "/fhir/Observation/lab-77", body)
        assert (answer.status_code, expressions(answer)) == (400, ["Observation.id"])


def test_what_was_entered_in_error_is_taken_back(ward, patient):
    push(ward, "PUT", "/fhir/Observation/lab-77", anc(patient, id="lab-77"))
    wrong = anc(patient, id="lab-77", status="entered-in-error")
    answer = push(ward, "PUT", "/fhir/Observation/lab-77", wrong)
    assert (answer.status_code, told(answer)["status"]) == (200, "entered-in-error")
    assert push(ward, "PUT", "/fhir/Observation/lab-77", wrong).headers["ETag"] == answer.headers["ETag"]
    unknown = push(ward, "PUT", "/fhir/Observation/lab-78", wrong | {"id": "lab-78"})
    assert (unknown.status_code, expressions(unknown)) == (422, ["Observation.status"])
    again = push(ward, "PUT", "/fhir/Observation/lab-77", anc(patient, id="lab-77"))
    assert (again.status_code, told(again)["status"]) == (201, "final")


def test_how_much_of_the_answer_is_wanted(ward, patient):
    minimal = push(ward, "POST", "/fhir/Observation", anc(patient), Prefer="return=minimal")
    assert (minimal.status_code, minimal.data) == (201, b"")
    outcome = push(ward, "POST", "/fhir/Observation", anc(patient), Prefer="return=OperationOutcome")
    assert told(outcome)["resourceType"] == "OperationOutcome"


def test_a_condition_with_its_grade_is_an_episode(ward, patient):
    answer = push(ward, "POST", "/fhir/Condition", gvhd(patient, "agvhd-2", **named("c1")))
    assert answer.status_code == 201
    assert told(answer)["stage"][0]["summary"]["coding"][0]["code"] == "agvhd-2"
    grades = told(ward.ask("GET", f"/fhir/Observation?focus={place_of(answer)}"))
    assert [one["resource"]["valueCodeableConcept"]["coding"][0]["code"] for one in grades["entry"]] == ["agvhd-2"]


def test_a_death_is_told_by_the_patient(ward, patient):
    id_ = patient.partition("/")[2]
    dead = {"resourceType": "Patient", "id": id_, "deceasedDateTime": "2026-08-01", "name": [{"family": "Doe"}]}
    answer = push(ward, "PUT", f"/fhir/{patient}", dead)
    assert (answer.status_code, told(answer)["deceasedDateTime"]) == (200, "2026-08-01")
    assert "name" not in told(answer)
    vital = told(ward.ask("GET", f"/fhir/Observation?patient={id_}&code={LOCAL_VITAL}"))
    assert [one["resource"]["effectiveDateTime"] for one in vital["entry"]] == ["2026-08-01"]
    alive = push(ward, "PUT", f"/fhir/{patient}", {"resourceType": "Patient", "id": id_})
    assert "deceasedDateTime" not in told(alive)
    undated = {"resourceType": "Patient", "id": id_, "deceasedBoolean": True}
    unknown_day = push(ward, "PUT", f"/fhir/{patient}", undated)
    assert told(unknown_day)["deceasedBoolean"] is True


LOCAL_VITAL = "https://engraft.example/fhir/CodeSystem/engraft|vital-status"


def test_of_a_patient_nothing_but_the_death_is_taken(ward, patient):
    id_ = patient.partition("/")[2]
    other = push(ward, "PUT", f"/fhir/{patient}", {"resourceType": "Patient", "id": id_, "gender": "male"})
    assert (other.status_code, expressions(other)) == (422, ["Patient.gender"])
    unknown = push(ward, "PUT", "/fhir/Patient/nobody", {"resourceType": "Patient", "id": "nobody"})
    assert (unknown.status_code, expressions(unknown)) == (422, ["Patient.id"])
    assert push(ward, "POST", "/fhir/Patient", {"resourceType": "Patient"}).status_code == 405


def test_a_death_that_a_form_tells_is_corrected_there(ward, patient):
    dead = {"status": "dead", "date": "2026-06-02"}
    ward.ask("POST", "/follow-ups", document=FOLLOW_UP | {"vital_status": dead})
    id_ = patient.partition("/")[2]
    answer = push(ward, "PUT", f"/fhir/{patient}", {"resourceType": "Patient", "id": id_, "deceasedBoolean": False})
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"code": code("1-1", "http://loinc.org")}, "Observation.code"),
        ({"code": code("disease-status")}, "Observation.code"),
        ({"status": "preliminary"}, "Observation.status"),
        ({"status": "colour"}, "Observation.status"),
        ({"effectiveDateTime": "2027-01-01"}, "Observation.effective"),
        ({"effectiveDateTime": "1950-01-01"}, "Observation.effective"),
        (
            {"valueQuantity": {"value": 3, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}},
            "Observation.value.unit",
        ),
        ({"valueQuantity": {"unit": "10*9/L"}}, "Observation.value"),
        ({"colour": "red"}, "Observation"),
        ({"modifierExtension": [{"url": "http://a.example", "valueBoolean": True}]}, "Observation.modifierExtension"),
        ({"subject": {"reference": "Patient/nobody"}}, "Observation.subject"),
        ({"component": [{"code": {"text": "x"}, "valueBoolean": True}]}, "Observation.component[0].code"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(ward, patient, change, where):
    before = ward.counts()
    answer = push(ward, "POST", "/fhir/Observation", anc(patient) | change)
    assert answer.status_code in (400, 422)
    assert where in expressions(answer)
    assert ward.counts() == before


def test_only_a_centre_pushes_and_only_of_its_own_patients(ward, patient):
    assert push(ward, "POST", "/fhir/Observation", anc(patient), "ehr").status_code == 403
    assert push(ward, "POST", "/fhir/Observation", anc(patient), None).status_code == 401
    others = push(ward, "POST", "/fhir/Observation", anc(patient), "other-centre")
    nobody = push(ward, "POST", "/fhir/Observation", anc("Patient/nobody"), "other-centre")
    assert (others.status_code, others.data) == (422, nobody.data)
    push(ward, "PUT", "/fhir/Observation/lab-77", anc(patient, id="lab-77"))


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "https://engraft.test/fhir/{patient}"},
        {"reference": "Patient?identifier=https://engraft.example/fhir/sid/patient|FR-037/P-0001"},
        {"identifier": {"system": "https://engraft.example/fhir/sid/patient", "value": "FR-037/P-0001"}},
        {"identifier": {"value": "P-0001"}},
        {"reference": "Patient/abc"},
        {"reference": "http://127.0.0.1:9/fhir/Patient/abc"},
    ],
)
def test_the_patient_is_named_in_any_of_its_ways(ward, patient, subject):
    enrolled = ENROLMENT | {"hospital_patient": "Patient/abc"}
    ward.ask("POST", "/enrolments", document=enrolled)
    said = {name: text.format(patient=patient) if isinstance(text, str) else text for name, text in subject.items()}
    answer = push(ward, "POST", "/fhir/Observation", anc(patient) | {"subject": said})
    assert (answer.status_code, told(answer)["subject"]) == (201, {"reference": patient})


@pytest.mark.parametrize(
    ("element", "where"),
    [("focus", "Condition?code=91861009"), ("partOf", "Procedure?code=234336002")],
)
def test_a_count_may_name_the_disease_or_the_graft(ward, patient, element, where):
    (one,) = told(ward.ask("GET", f"/fhir/{where}"))["entry"]
    named_one = f"{one['resource']['resourceType']}/{one['resource']['id']}"
    answer = push(ward, "POST", "/fhir/Observation", anc(patient, **{element: [{"reference": named_one}]}))
    assert answer.status_code == 201
    assert str(told(answer)["valueQuantity"]["value"]) == "0.6"


def test_cells_of_the_graft_are_told_by_the_enrolment(ward):
    cells = {name: {"value": 5, "unit": "10*6/kg"} for name in ("cd34_per_kg", "cd3_per_kg")}
    ward.ask("POST", "/enrolments", document=ENROLMENT | {"transplant": ENROLMENT["transplant"] | cells})
    everything = [one["resource"] for one in told(ward.ask("GET", "/fhir/Observation?_count=100"))["entry"]]
    cells = [one for one in everything if "graft" in one["identifier"][0]["value"]]
    assert len(cells) == 2
    for one in cells:
        answer = push(ward, "PUT", f"/fhir/Observation/{one['id']}", one)
        assert (answer.status_code, expressions(answer)) == (422, ["Observation.code"])


def test_counts_that_name_one_episode_are_still_of_their_own_days(ward, patient):
    focus = [{"reference": place_of(push(ward, "POST", "/fhir/Condition", gvhd(patient)))}]
    answers = [
        push(ward, "POST", "/fhir/Observation", anc(patient, on=on, focus=focus)) for on in ("2026-05-01", "2026-05-02")
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({place_of(answer) for answer in answers}) == 2


@pytest.mark.parametrize("focus", ["RelatedPerson/donor", "Patient/another", "https://other.example/Group/1", "count"])
def test_a_count_of_somebody_else_is_no_count_of_the_patient(ward, patient, focus):
    """R4: `focus` says that the Observation is not about the subject itself, as blood of the donor."""
    if focus == "count":
        focus = place_of(push(ward, "POST", "/fhir/Observation", anc(patient)))
    answer = push(ward, "POST", "/fhir/Observation", anc(patient, on="2026-03-18", focus=[{"reference": focus}]))
    assert (answer.status_code, expressions(answer)) == (422, ["Observation.focus"])


def test_a_count_whose_focus_is_the_patient_is_the_patients(ward, patient):
    assert push(ward, "POST", "/fhir/Observation", anc(patient, focus=[{"reference": patient}])).status_code == 201


def test_what_is_named_must_be_of_the_kind_that_is_told_of(ward, patient):
    count = [{"reference": place_of(push(ward, "POST", "/fhir/Observation", anc(patient)))}]
    (graft,) = told(ward.ask("GET", "/fhir/Procedure?code=234336002"))["entry"]
    grade = observation(patient, code("agvhd-overall-grade"), valueCodeableConcept=code("agvhd-2"), focus=count)
    cells = observation(
        patient,
        code("dli-cd3-per-kg"),
        valueQuantity=amount("1", "10*6/kg"),
        partOf=[{"reference": f"Procedure/{graft['resource']['id']}"}],
    )
    for resource, element in ((grade, "focus"), (cells, "partOf")):
        answer = push(ward, "POST", "/fhir/Observation", resource)
        assert (answer.status_code, expressions(answer)) == (422, [f"Observation.{element}"])


def test_a_dose_may_be_of_a_month(ward, patient):
    dosed = dose(subject={"reference": patient}, dosage={"dose": amount("350", "mg")}, effectiveDateTime="2026-02")
    answer = push(ward, "POST", "/fhir/MedicationAdministration", dosed)
    assert (answer.status_code, told(answer)["effectiveDateTime"]) == (201, "2026-02")
