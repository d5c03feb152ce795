"""`/regimens/<id>` for programs: how a plan stands, signing it, taking the signature back."""

from __future__ import annotations

import pytest

from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT

ADA = {"name": "Ada Example", "role": "pharmacist"}


def told(ward, course, who="centre"):
    answer = ward.ask("GET", f"/regimens/{course}", who)
    assert answer.status_code == 200
    return decode(answer.data)


def sign(ward, course, who="centre", **said):
    return ward.ask("POST", f"/regimens/{course}/validation", who, document=ADA | said)


def paths(answer):
    return [issue["expression"][0] for issue in decode(answer.data)["issue"]]


def heavier(ward):
    measures = ENROLMENT["measurements"] | {"weight": {"value": 80, "unit": "kg", "date": "2026-02-10"}}
    assert ward.ask("POST", "/enrolments", document=ENROLMENT | {"measurements": measures}).status_code == 200


def test_a_plan_tells_its_state_its_digest_and_who_signed(ward, course):
    before = told(ward, course)
    assert (before["course"], before["status"], before["validations"], before["issues"]) == (course, "draft", [], [])
    assert len(before["digest"]) == 64
    answer = sign(ward, course, shown=before["digest"])
    assert answer.status_code == 200
    after = decode(answer.data)
    assert (after["status"], after["digest"]) == ("active", before["digest"])
    (one,) = after["validations"]
    assert one == {
        "deed": "signed",
        "name": "Ada Example",
        "role": "pharmacist",
        "at": "2026-09-03T10:00:00+00:00",
        "digest": before["digest"],
        "by": "client:centre",
        "reason": None,
        "holds": True,
    }
    assert told(ward, course) == after


@pytest.mark.parametrize("who", ["ehr", "centre"])
def test_an_ehr_and_a_centre_may_bring_a_signature(ward, course, who):
    assert decode(sign(ward, course, who).data)["validations"][0]["by"] == f"client:{who}"


def test_the_care_plan_is_another_name_of_the_regimen(ward, course):
    care_plan = told(ward, course)["care_plan"].removeprefix("CarePlan/")
    assert told(ward, care_plan)["course"] == course
    assert sign(ward, care_plan).status_code == 200


def test_the_ehr_then_pulls_an_active_plan_and_its_provenance(ward, course):
    care_plan = told(ward, course)["care_plan"]
    sign(ward, course)
    found = decode(ward.ask("GET", "/fhir/CarePlan?_include=CarePlan:activity-reference", "ehr").data)
    statuses = {entry["resource"]["resourceType"]: entry["resource"]["status"] for entry in found["entry"]}
    assert (statuses["CarePlan"], statuses["RequestGroup"], statuses["MedicationRequest"]) == ("active",) * 3
    entries = decode(ward.ask("GET", f"/fhir/Provenance?target={care_plan}", "ehr").data)["entry"]
    by = {one["resource"]["agent"][0]["type"]["coding"][0]["code"]: one["resource"] for one in entries}
    assert set(by) == {"assembler", "verifier"}
    assert by["verifier"]["agent"][0]["who"]["display"] == "Ada Example, pharmacist"
    assert by["verifier"]["target"][0]["reference"].startswith(f"{care_plan}/_history/")
    assert decode(ward.ask("GET", "/fhir/Provenance?target=CarePlan/another", "ehr").data)["total"] == 0


def test_what_was_shown_must_be_what_stands(ward, course):
    shown = told(ward, course)["digest"]
    heavier(ward)
    answer = sign(ward, course, shown=shown)
    assert answer.status_code == 409
    assert told(ward, course)["status"] == "draft"


def test_a_change_asks_again_and_the_history_says_what_ended_the_signature(ward, course):
    sign(ward, course)
    heavier(ward)
    after = told(ward, course)
    assert (after["status"], [one["holds"] for one in after["validations"]]) == ("draft", [False])
    assert [one["deed"] for one in after["history"]] == ["signed", "lapsed"]
    assert after["history"][1]["digest"] == after["digest"]


def test_a_signature_is_taken_back(ward, course):
    sign(ward, course)
    place = f"/regimens/{course}/validation/withdrawal"
    assert paths(ward.ask("POST", place, document=ADA)) == ["reason"]
    answer = ward.ask("POST", place, document=ADA | {"reason": "busulfan to be discussed"})
    assert (answer.status_code, decode(answer.data)["status"]) == (200, "draft")
    assert decode(answer.data)["history"][-1]["reason"] == "busulfan to be discussed"
    assert ward.ask("POST", place, document=ADA | {"reason": "again"}).status_code == 409


@pytest.mark.parametrize("path", ["", "/validation", "/validation/withdrawal"])
def test_another_centres_regimen_is_as_missing_as_none(ward, course, path):
    method = "POST" if path else "GET"
    said = ADA | ({"reason": "x"} if path.endswith("withdrawal") else {})
    for id_, who in ((course, "other-centre"), (course, "other-ehr"), ("nothing", "centre")):
        answer = ward.ask(method, f"/regimens/{id_}{path}", who, document=said)
        assert answer.status_code == 404
        assert decode(answer.data)["issue"][0]["diagnostics"] == "no such regimen"


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({}, ["name", "role"]),
        ({"name": "Ada Example"}, ["role"]),
        (ADA | {"name": ""}, ["name"]),
        (ADA | {"name": 7}, ["name"]),
        (ADA | {"role": "nurse"}, ["role"]),
        (ADA | {"shown": None}, ["shown"]),
        (ADA | {"colour": "red"}, ["colour"]),
        (ADA | {"name": None, "role": ["pharmacist"]}, ["name", "role"]),
    ],
)
def test_a_signature_that_is_none_is_refused_by_its_field(ward, course, document, fields):
    answer = ward.ask("POST", f"/regimens/{course}/validation", document=document)
    assert (answer.status_code, paths(answer)) == (422, fields)


@pytest.mark.parametrize("document", [[], "Ada", 7, None])
def test_what_is_no_object_is_refused(ward, course, document):
    assert ward.ask("POST", f"/regimens/{course}/validation", document=document).status_code == 400


def test_a_plan_without_a_graft_date_says_what_is_missing_and_is_not_signed(ward):
    open_ = {key: said for key, said in ENROLMENT.items() if key != "transplant"}
    course = decode(ward.ask("POST", "/enrolments", document=open_).data)["course"]
    found = told(ward, course)
    assert (found["status"], found["digest"], found["care_plan"]) == ("open", None, None)
    assert [issue["expression"] for issue in found["issues"]] == [["transplant.date"]]
    answer = sign(ward, course)
    assert (answer.status_code, paths(answer)) == (422, ["transplant.date"])
