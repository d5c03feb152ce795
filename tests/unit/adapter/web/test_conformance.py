"""What a resource names as its profile, or the server as its operation, can be read here under the URL that it has."""

from __future__ import annotations

import pytest

from adapter.web.definitions import CONFORMANCE, Definitions
from mappings.canonicals import Canonicals
from mappings.r4.validate import validate
from mappings.r4.wire import decode
from tests.unit.adapter.web.applying import enrolled


def found(ward, query):
    return [one["resource"] for one in decode(ward.ask("GET", f"/fhir/{query}", "ehr").data).get("entry", ())]


def test_every_profile_that_a_stored_plan_names_is_served(ward):
    enrolled(ward)
    plan = found(ward, "CarePlan?_include=*&_count=200")
    named = {profile for one in plan for profile in one["meta"]["profile"]}
    assert len(named) > 5
    for profile in sorted(named):
        url, _, version = profile.partition("|")
        (definition,) = found(ward, f"StructureDefinition?url={url}&version={version}")
        assert definition["url"] == url
        assert definition["type"] in {one["resourceType"] for one in plan}
        again = ward.ask("GET", f"/fhir/StructureDefinition/{definition['id']}", "registry")
        assert decode(again.data)["url"] == url


def test_it_is_found_by_id_type_and_name_too(ward):
    (by_id,) = found(ward, "StructureDefinition?_id=engraft-task")
    assert by_id in found(ward, "StructureDefinition?type=Task")
    assert found(ward, "StructureDefinition?name=EngraftTask") == [by_id]
    assert found(ward, "StructureDefinition?_id=nobody") == []
    (operation,) = found(ward, "OperationDefinition?_id=plandefinition-apply")
    assert operation["code"] == "apply"


@pytest.mark.parametrize(
    "kind", ["StructureDefinition", "CodeSystem", "OperationDefinition", "ValueSet", "Questionnaire"]
)
def test_what_is_served_is_valid_r4(ward, kind):
    resources = found(ward, f"{kind}?_count=200")
    assert resources
    assert [fault for one in resources for fault in validate(one) if fault.severity == "error"] == []


def test_it_is_claimed(ward):
    statement = decode(ward.ask("GET", "/fhir/metadata", None).data)
    assert {*CONFORMANCE} <= {one["type"] for one in statement["rest"][0]["resource"]}


def test_its_urls_are_those_of_the_deployment(ward):
    """The links inside it too: what a profile extends, binds to and refers to."""
    base = "https://hospital.example/r4"
    known = Definitions(Canonicals(base))
    for id_ in ("engraft-medication-order", "dose-calculation"):
        definition = known.get("StructureDefinition", id_)
        assert definition["url"] == f"{base}/StructureDefinition/{id_}"
        assert "engraft.example" not in str(definition)


def test_a_version_that_a_client_has_is_not_sent_again(ward):
    first = ward.ask("GET", "/fhir/StructureDefinition/engraft-task", "ehr")
    again = ward.ask(
        "GET", "/fhir/StructureDefinition/engraft-task", "ehr", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert (first.status_code, again.status_code) == (200, 304)
