"""Enrolments and follow-ups over HTTP: taken, corrected, taken back; and every bad input refused by its field."""

from __future__ import annotations

import copy

import pytest

from mappings.r4.wire import decode, encode
from tests.lib.forms import ENROLMENT, FOLLOW_UP


def changed(document, path, value):
    """A copy of the document with one field set (or, with the value None, left out)."""
    made = copy.deepcopy(document)
    *above, last = path.split(".")
    node = made
    for part in above:
        node = node[int(part)] if part.isdigit() else node[part]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return made


def post(ward, path, document, who="centre", **sent):
    return ward.ask("POST", path, who, document=document, **sent)


def enrol(ward, document=ENROLMENT, who="centre"):
    return post(ward, "/enrolments", document, who)


def test_a_new_patient_is_created_and_found_again_where_it_says(ward):
    answer = enrol(ward)
    assert answer.status_code == 201
    told = decode(answer.data)
    assert answer.headers["Location"] == f"/enrolments/{told['id']}"
    assert (told["version"], told["changed"], told["regimen"]) == (1, True, "dated")
    assert any(one.startswith("Patient/") for one in told["resources"])
    kept = ward.ask("GET", answer.headers["Location"])
    assert decode(kept.data)["document"]["patient"] == "P-0001"
    assert kept.headers["ETag"] == 'W/"1"'


def test_the_stored_plan_comes_with_every_order_in_one_search(ward):
    enrol(ward)
    found = decode(ward.ask("GET", "/fhir/CarePlan?_include=CarePlan:activity-reference", "ehr").data)
    plan, *orders = [entry["resource"] for entry in found["entry"]]
    assert (plan["intent"], plan["status"]) == ("plan", "draft")
    wanted = {one["reference"]["reference"] for one in plan["activity"]}
    assert wanted == {f"{one['resourceType']}/{one['id']}" for one in orders}
    assert len(wanted) > 30


def test_the_same_again_is_the_same_enrolment(ward):
    first = decode(enrol(ward).data)
    again = enrol(ward)
    assert again.status_code == 200
    assert decode(again.data) | {"changed": True} == first


def test_other_content_is_a_new_version(ward):
    enrol(ward)
    answer = enrol(ward, changed(ENROLMENT, "measurements.weight.value", 68))
    assert (answer.status_code, decode(answer.data)["version"]) == (200, 2)


def test_an_enrolment_without_a_graft_date_has_no_regimen_and_says_why(ward):
    told = decode(enrol(ward, changed(ENROLMENT, "transplant", None)).data)
    assert told["regimen"] == "open"
    assert [issue["expression"] for issue in told["regimen_issues"]] == [["transplant.date"]]


def test_an_enrolment_is_corrected_at_its_own_address(ward):
    place = enrol(ward).headers["Location"]
    heavier = changed(ENROLMENT, "measurements.weight.value", 72)
    answer = ward.ask("PUT", place, document=heavier, headers={"If-Match": 'W/"1"'})
    assert (answer.status_code, decode(answer.data)["version"]) == (200, 2)
    assert ward.ask("PUT", place, document=ENROLMENT, headers={"If-Match": 'W/"1"'}).status_code == 412
    assert ward.ask("PUT", place, document=ENROLMENT, headers={"If-Match": "newest"}).status_code == 400
    assert ward.ask("PUT", place, document=ENROLMENT, headers={"If-Match": "*"}).status_code == 200


def test_an_enrolment_is_not_corrected_at_anothers_address(ward):
    place = enrol(ward).headers["Location"]
    other = changed(ENROLMENT, "patient", "P-0002")
    assert ward.ask("PUT", place, document=other).status_code in (404, 409, 422)
    assert ward.ask("PUT", "/enrolments/nothing", document=other).status_code in (404, 422)
    assert ward.counts()["resources"] == len({*resources(ward)})
    assert not [one for one in resources(ward) if "P-0002" in one]


def resources(ward):
    with ward.store.reading() as tx:
        return [encode(one.content).decode() for one in tx.resources.stream(centres=None)]


def test_a_visit_is_accepted_and_tells_what_became_of_it(ward):
    enrol(ward)
    answer = post(ward, "/follow-ups", FOLLOW_UP)
    assert answer.status_code == 202
    told = decode(answer.data)
    assert answer.headers["Location"] == f"/follow-ups/{told['id']}"
    state = decode(ward.ask("GET", answer.headers["Location"]).data)
    assert (state["visit"], state["status"]) == ("m3", "recorded")
    assert any(one["reference"].startswith("Condition/") for one in state["resources"])
    assert [one["state"] for one in state["deliveries"]] == ["waiting"]


def test_the_same_visit_again_has_no_new_version(ward):
    enrol(ward)
    first = post(ward, "/follow-ups", FOLLOW_UP)
    again = post(ward, "/follow-ups", FOLLOW_UP)
    assert again.status_code == 202
    assert decode(again.data) | {"changed": True} == decode(first.data)


def test_a_visit_is_taken_back_only_with_a_reason(ward):
    enrol(ward)
    place = post(ward, "/follow-ups", FOLLOW_UP).headers["Location"]
    for reason in ("", "?reason=%20", "?reason=a%00b", f"?reason={'x' * 1001}"):
        refused = ward.ask("DELETE", f"{place}{reason}")
        assert (refused.status_code, expressions(refused)) == (422, ["reason"])
    assert ward.ask("DELETE", f"{place}?reason=wrong+patient").status_code == 200
    state = decode(ward.ask("GET", place).data)
    assert (state["status"], state["reason"]) == ("retracted", "wrong patient")
    assert ward.ask("DELETE", "/follow-ups/nothing?reason=x").status_code == 404


def test_the_history_of_a_visit_is_told(ward):
    enrol(ward)
    place = post(ward, "/follow-ups", FOLLOW_UP).headers["Location"]
    ward.ask("DELETE", f"{place}?reason=wrong+patient")
    answer = ward.ask("GET", f"{place}/history")
    told = decode(answer.data)["history"]
    assert [(one["version"], one["status"], one["who"]) for one in told] == [
        (2, "retracted", "centre"),
        (1, "recorded", "centre"),
    ]
    assert ward.ask("GET", f"{place}/history", "other-centre").status_code == 404


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_centres_visit_answers_exactly_as_a_missing_one(ward, method):
    enrol(ward)
    place = post(ward, "/follow-ups", FOLLOW_UP).headers["Location"]
    there = ward.ask(method, f"{place}?reason=x", "other-centre")
    nowhere = ward.ask(method, "/follow-ups/nothing?reason=x", "other-centre")
    assert there.status_code == nowhere.status_code == 404
    assert there.data == nowhere.data


def test_another_centres_enrolment_answers_exactly_as_a_missing_one(ward):
    place = enrol(ward).headers["Location"]
    there = ward.ask("GET", place, "other-centre")
    assert there.status_code == 404
    assert there.data == ward.ask("GET", "/enrolments/nothing", "other-centre").data


def test_nobody_speaks_for_another_centre(ward):
    assert enrol(ward, who="other-centre").status_code == 403
    enrol(ward)
    known = post(ward, "/follow-ups", FOLLOW_UP, "other-centre")
    unknown = post(ward, "/follow-ups", changed(FOLLOW_UP, "patient", "P-9"), "other-centre")
    assert known.status_code == unknown.status_code == 403
    assert known.data == unknown.data


def test_a_visit_of_a_patient_nobody_enrolled_is_refused(ward):
    answer = post(ward, "/follow-ups", FOLLOW_UP)
    assert answer.status_code == 404
    assert decode(answer.data)["issue"][0]["expression"] == ["patient"]
    assert ward.counts()["follow-ups"] == 0


def expressions(answer):
    assert answer.content_type.startswith("application/fhir+json")
    outcome = decode(answer.data)
    assert outcome["resourceType"] == "OperationOutcome"
    return [issue.get("expression", [""])[0] for issue in outcome["issue"]]


BAD_ENROLMENTS = [
    ("transplant.date", "the second of March"),
    ("transplant.date", "2026-02-30"),
    ("transplant.date", 20260302),
    ("transplant.date", "2030-01-01"),
    ("measurements.weight.value", 0),
    ("measurements.weight.value", -5),
    ("measurements.weight.value", 700),
    ("measurements.weight.value", "70 kg"),
    ("measurements.weight", "70 kg"),
    ("measurements.weight.unit", "stone"),
    ("measurements.height.value", 2),
    ("birth_date", "2027-01-01"),
    ("consent.date", "1960-01-01"),
    ("colour", "red"),
    ("sex", "f"),
    ("protocol", "another"),
    ("centre", None),
]


@pytest.mark.parametrize(("path", "value"), BAD_ENROLMENTS, ids=[f"{p} {v}" for p, v in BAD_ENROLMENTS])
def test_a_bad_enrolment_is_refused_by_its_field_and_nothing_is_stored(ward, path, value):
    before = ward.counts()
    answer = enrol(ward, changed(ENROLMENT, path, value))
    assert 400 <= answer.status_code < 500
    assert any(path in named or named in path for named in expressions(answer) if named), expressions(answer)
    assert ward.counts() == before


def test_a_height_in_metres_is_refused_by_its_field(ward):
    metres = changed(ENROLMENT, "measurements.height", {"value": 1.75, "unit": "cm", "date": "2026-02-10"})
    answer = ward.ask("POST", "/enrolments", data=encode(metres), content_type="application/json")
    assert answer.status_code == 422
    assert all(one.startswith("measurements.height") for one in expressions(answer))


BAD_FOLLOW_UPS = [
    ("date", "soon", "date"),
    ("date", "1960-01-01", "vital_status.date"),
    ("date", "2030-01-01", "date"),
    ("visit", "m4", "visit"),
    ("mood", "good", "mood"),
    ("vital_status.status", "well", "vital_status.status"),
    ("vital_status.date", "1970-01-01", "vital_status.date"),
    ("gvhd.acute.0.onset", "1950-01-01", "gvhd.acute.1.onset"),
    ("gvhd.acute.0.onset", "2026-07-01", "gvhd.acute.1.onset"),
    ("gvhd.acute.0.skin", 4, "gvhd.acute.1.grade"),
    ("gvhd.acute.0.skin", 9, "gvhd.acute.1.skin"),
    ("gvhd.acute.0.colour", "red", "gvhd.acute.1.colour"),
    ("gvhd.acute.0.grade", "V", "gvhd.acute.1.grade"),
]
"""What is sent, and the field that the refusal names: list items are counted from 1, as on paper forms."""


@pytest.mark.parametrize(("path", "value", "field"), BAD_FOLLOW_UPS, ids=[f"{p} {v}" for p, v, _ in BAD_FOLLOW_UPS])
def test_a_bad_follow_up_is_refused_by_its_field_and_nothing_is_stored(ward, path, value, field):
    enrol(ward)
    before = ward.counts()
    answer = post(ward, "/follow-ups", changed(FOLLOW_UP, path, value))
    assert answer.status_code == 422
    assert field in expressions(answer)
    assert ward.counts() == before


RAW = [
    (b'{"centre": "FR-037", "patient": NaN}', 400),
    (b'{"centre": "FR-037", "centre": "BE-001"}', 400),
    (b'{"centre": "\xff\xfe"}', 400),
    (b"{", 400),
    (b"", 400),
    (b"[" * 2000, 400),
    (b" " * 10_000_000, 413),
    (b"[]", 422),
    (b'"text"', 422),
    (b"null", 422),
    (b'{"resourceType": "QuestionnaireResponse", "status": "completed"}', 422),
]


@pytest.mark.parametrize(("data", "status"), RAW, ids=[repr(data[:40]) for data, _ in RAW])
@pytest.mark.parametrize("path", ["/enrolments", "/follow-ups"])
def test_what_is_no_form_is_refused_and_nothing_is_stored(ward, path, data, status):
    before = ward.counts()
    answer = ward.ask("POST", path, data=data, content_type="application/json")
    assert answer.status_code == status
    assert expressions(answer) is not None
    assert ward.counts() == before


def test_a_key_given_twice_is_named(ward):
    answer = ward.ask("POST", "/enrolments", data=b'{"sex": "male", "sex": "female"}', content_type="application/json")
    assert expressions(answer) == ["sex"]


@pytest.mark.parametrize("kind", ["text/csv", "application/x-ndjson"])
def test_an_enrolment_is_one_document(ward, kind):
    """Tables and batches have one door, whatever they hold: POST /follow-ups."""
    answer = ward.ask("POST", "/enrolments", data=b"{}", content_type=kind)
    assert answer.status_code == 415
    (issue,) = decode(answer.data)["issue"]
    assert issue["code"] == "not-supported"
    assert "application/json or application/fhir+json" in issue["diagnostics"]


@pytest.mark.parametrize("kind", ["text/plain", "", "application/json; charset=latin-1"])
def test_another_content_type_is_refused(ward, kind):
    answer = ward.ask("POST", "/follow-ups", data=b"{}", content_type=kind)
    assert answer.status_code == 415


MORE = {
    "relapse": {"date": "2026-06-01", "kind": "molecular"},
    "dli": [{"number": 1, "date": "2026-06-01"}],
    "dli_withheld": [{"number": 2, "date": "2026-06-01", "reason": "infection"}],
    "chimerism": [{"date": "2026-06-01", "sample": "blood", "lineage": "t-cell", "donor_percent": 99}],
    "infections": [{"onset": "2026-04-02", "kind": "viral"}],
    "quality_of_life": {"date": "2026-06-01", "instrument": "FACT-BMT", "scores": {"total": 101}},
    "immunosuppression": {"assessed": "2026-06-02", "drugs": [{"drug": "ciclosporin"}]},
    "administrations": [{"action": "thiotepa", "date": "2026-02-17"}],
}


@pytest.mark.parametrize("section", MORE)
def test_no_section_is_taken_and_then_dropped(ward, section):
    enrol(ward)
    place = post(ward, "/follow-ups", FOLLOW_UP).headers["Location"]
    plain = decode(ward.ask("GET", place).data)["resources"]
    assert post(ward, "/follow-ups", FOLLOW_UP | {section: MORE[section]}).status_code == 202
    more = decode(ward.ask("GET", place).data)["resources"]
    assert len(more) > len(plain)


@pytest.mark.parametrize("kind", ["MedicationStatement", "MedicationAdministration"])
def test_what_was_taken_and_given_is_found_by_the_ehr(ward, kind):
    enrol(ward)
    post(ward, "/follow-ups", FOLLOW_UP | {name: MORE[name] for name in ("immunosuppression", "administrations")})
    found = decode(ward.ask("GET", f"/fhir/{kind}", "ehr").data)
    assert [entry["resource"]["resourceType"] for entry in found["entry"]] == [kind]
