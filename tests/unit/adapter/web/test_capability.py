"""`GET /fhir/metadata` claims exactly what is served."""

from __future__ import annotations

import pytest

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


def test_each_type_that_it_claims_is_served_with_each_parameter(ward, statement):
    (rest,) = statement["rest"]
    assert [one["type"] for one in rest["resource"]] == sorted({**served.STORED, **served.DEFINED})
    for one in rest["resource"]:
        assert {i["code"] for i in one["interaction"]} == {"read", "vread", "history-instance", "search-type"}
        for parameter in one["searchParam"]:
            answer = ward.ask("GET", f"/fhir/{one['type']}?{parameter['name']}=x")
            assert answer.status_code == 200, (one["type"], parameter)
        for include in one.get("searchInclude", ()):
            assert ward.ask("GET", f"/fhir/{one['type']}?_include={include}").status_code == 200


def test_no_type_is_served_that_it_does_not_claim(ward, statement):
    claimed = {one["type"] for one in statement["rest"][0]["resource"]}
    for kind in ("Account", "Bundle", "Encounter", "Medication", "Organization", "StructureDefinition"):
        assert kind not in claimed
        assert ward.ask("GET", f"/fhir/{kind}").status_code == 404


def test_its_operations_are_served(ward, statement):
    found = {o["name"]: o["definition"] for one in statement["rest"][0]["resource"] for o in one.get("operation", ())}
    assert set(found) == {"apply", "r5.apply"}
    for name, definition in found.items():
        assert definition.partition("|")[0].startswith("https://engraft.example/fhir/OperationDefinition/")
        assert ward.ask("POST", f"/fhir/PlanDefinition/${name}", document={}).status_code == 422


def test_what_it_does_not_claim_is_refused(ward):
    assert ward.ask("PUT", "/fhir/Observation/x", document={}).status_code == 405
    assert ward.ask("POST", "/fhir/Observation", document={}).status_code == 405
    assert ward.ask("POST", "/fhir", document={}).status_code == 404


def test_a_checkout_that_nobody_installed_says_so(ward, monkeypatch):
    from importlib.metadata import PackageNotFoundError

    from adapter.web import capability

    def missing(_):
        raise PackageNotFoundError

    monkeypatch.setattr(capability, "version", missing)
    assert decode(ward.ask("GET", "/fhir/metadata", None).data)["software"]["version"] == "checkout"
