"""`GET /fhir/metadata` claims exactly what is served."""

from __future__ import annotations

from importlib import metadata

import pytest

from adapter.store import parameters
from adapter.web import served
from mappings.r4.validate import validate
from mappings.r4.wire import decode


@pytest.fixture
def statement(ward):
    return decode(ward.ask("GET", "/fhir/metadata", None).data)


def test_it_is_valid_r4_and_of_this_server(statement):
    assert [fault for fault in validate(statement) if fault.severity == "error"] == []
    assert (statement["kind"], statement["fhirVersion"]) == ("instance", "4.0.1")
    assert statement["implementation"]["url"] == "https://engraft.test/fhir"


ALL = {"create", "update", "delete"}
WRITTEN = {"Patient": {"update"}, "QuestionnaireResponse": ALL}


def test_it_says_what_is_written(ward, statement):
    """Each claim is an address that is there: an empty body is refused for what it lacks, not for the address."""
    assert {one["code"] for one in statement["rest"][0]["interaction"]} == {"transaction", "batch"}
    for one in statement["rest"][0]["resource"]:
        claimed = {interaction["code"] for interaction in one.get("interaction", ())}
        there = f"{one['type']}/x"
        for code, method, path in (
            ("create", "POST", one["type"]),
            ("update", "PUT", there),
            ("delete", "DELETE", there),
        ):
            status = ward.ask(method, f"/fhir/{path}", document={}).status_code
            assert (status not in (404, 405)) == (code in claimed), (one["type"], code)


def test_each_type_that_it_claims_is_served_with_each_parameter(ward, statement):
    (rest,) = statement["rest"]
    asked = [one for one in rest["resource"] if "interaction" not in one]
    operations = {one["type"]: [o["name"] for o in one["operation"]] for one in asked}
    assert operations == {"Group": ["export"]}
    read = [one for one in rest["resource"] if one not in asked]
    assert [one["type"] for one in read] == sorted(served.STORED | served.DEFINED)
    for one in read:
        written = ALL if one["type"] in served.PUSHED else WRITTEN.get(one["type"], set())
        reads = {"read", "vread", "history-instance", "search-type"}
        assert {i["code"] for i in one["interaction"]} == reads | written
        conditional = {one[name] for name in ("conditionalCreate", "conditionalUpdate", "updateCreate")}
        assert conditional == {one["type"] in served.PUSHED}
        assert (one["conditionalDelete"] == "single") == (one["type"] in served.PUSHED)
        for parameter in one["searchParam"]:
            assert parameter["type"] in parameters.KINDS
            value = {"date": "2026", "quantity": "1"}.get(parameter["type"], "x")
            for asked in (f"{parameter['name']}={value}", f"{parameter['name']}:missing=true"):
                answer = ward.ask("GET", f"/fhir/{one['type']}?{asked}")
                assert answer.status_code == 200, (one["type"], asked)
        for include in one.get("searchInclude", ()):
            assert ward.ask("GET", f"/fhir/{one['type']}?_include={include}").status_code == 200
        for include in one.get("searchRevInclude", ()):
            assert ward.ask("GET", f"/fhir/{one['type']}?_revinclude={include}").status_code == 200


PULLED = {
    "CarePlan": "patient subject status intent category date instantiates-canonical identifier activity-reference "
    "based-on",
    "RequestGroup": "patient subject status intent instantiates-canonical identifier group-identifier authored code",
    "MedicationRequest": "patient status intent code medication identifier authoredon date encounter",
    "ServiceRequest": "patient code status intent authored based-on instantiates-canonical requisition",
    "Task": "patient status code owner focus based-on modified authored-on intent",
    "Goal": "patient lifecycle-status",
    "PlanDefinition": "url version status name title identifier date context definition",
    "ActivityDefinition": "url version status name title identifier date context",
}
"""What an EHR that pulls a plan may search by."""


@pytest.mark.parametrize("kind", sorted(PULLED))
def test_what_a_plan_is_pulled_by(statement, kind):
    (one,) = [one for one in statement["rest"][0]["resource"] if one["type"] == kind]
    claimed = {parameter["name"] for parameter in one["searchParam"]}
    common = {"_id", "_profile", "_security", "_tag"} | ({"_lastUpdated"} if kind in served.STORED else set())
    assert {*PULLED[kind].split(), *common} <= claimed
    assert {p["definition"] for p in one["searchParam"] if p["name"] == "_id"} == {
        "http://hl7.org/fhir/SearchParameter/Resource-id"
    }


def test_each_type_tells_what_comes_with_it(statement):
    said = {one["type"]: one for one in statement["rest"][0]["resource"]}
    assert "CarePlan:activity-reference" in said["CarePlan"]["searchInclude"]
    assert "CarePlan:instantiates-canonical" not in said["CarePlan"]["searchInclude"]
    assert {"CarePlan:patient", "Task:focus", "Observation:subject"} <= {*said["Patient"]["searchRevInclude"]}
    assert "CarePlan:activity-reference" in said["MedicationRequest"]["searchRevInclude"]
    assert "searchInclude" not in said["PlanDefinition"]
    assert "searchInclude" not in said["Patient"]


def test_no_type_is_served_that_it_does_not_claim(ward, statement):
    claimed = {one["type"] for one in statement["rest"][0]["resource"]}
    for kind in ("Account", "Bundle", "Encounter", "Medication", "Organization"):
        assert kind not in claimed
        assert ward.ask("GET", f"/fhir/{kind}").status_code == 404


def test_its_operations_are_served(ward, statement):
    (plans,) = (one for one in statement["rest"][0]["resource"] if one["type"] == "PlanDefinition")
    found = {o["name"]: o["definition"] for o in plans["operation"]}
    assert set(found) == {"apply", "r5.apply"}
    for name, definition in found.items():
        assert definition.partition("|")[0].startswith("https://engraft.example/fhir/OperationDefinition/")
        assert ward.ask("POST", f"/fhir/PlanDefinition/${name}", document={}).status_code == 422


def test_what_it_does_not_claim_is_refused(ward):
    assert ward.ask("PUT", "/fhir/CarePlan/x", document={}).status_code == 405
    assert ward.ask("POST", "/fhir/Patient", document={}).status_code == 405
    assert ward.ask("DELETE", "/fhir/Patient/x").status_code == 405


def test_its_software_has_the_version_that_is_packaged(ward):
    told = decode(ward.ask("GET", "/fhir/metadata", None).data)["software"]
    assert told["version"] == metadata.version("engraft-fhir")
