"""`$export` as Bulk Data asks for it: asynchronous, a file a type, for the own centre or de-identified."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapter.flows import bulk_files
from mappings.r4.validate import validate
from tests.lib.forms import ENROLMENT, FOLLOW_UP
from tests.unit.adapter.web.conftest import NOW
from tests.unit.adapter.web.exporting import AGREES, ASYNC


class TestAsking:
    def test_it_is_answered_at_once_and_says_how_far_it_is_until_it_is_done(self, exporting):
        job = exporting.begin()
        told = exporting.ward.ask("GET", job)
        assert told.status_code == 202
        assert told.headers["X-Progress"] == "0 resources written"
        assert int(told.headers["Retry-After"]) >= 1
        exporting.work()
        assert exporting.ward.ask("GET", job).status_code == 200

    def test_the_manifest_is_that_of_bulk_data(self, exporting):
        manifest = exporting.whole("/fhir/$export?_type=Patient")
        assert manifest["transactionTime"].startswith("2026-09-03T10:00:00.000")
        assert manifest["request"] == "https://engraft.test/fhir/$export?_type=Patient"
        assert manifest["requiresAccessToken"] is True
        assert [one["type"] for one in manifest["output"]] == ["Patient"]
        assert manifest["deleted"] == manifest["error"] == []

    @pytest.mark.parametrize("path", ["/fhir/$export", "/fhir/Patient/$export", "/fhir/Group/set-haplo-pdli/$export"])
    def test_system_patients_and_the_group_of_the_protocol(self, exporting, path):
        assert "Observation" in exporting.output(exporting.whole(path))

    def test_who_only_asks_for_the_head_begins_none(self, exporting):
        answer = exporting.ward.ask("HEAD", "/fhir/$export", headers=ASYNC)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST")
        assert "Content-Location" not in answer.headers

    def test_who_does_not_ask_for_an_asynchronous_answer_is_refused(self, exporting):
        answer = exporting.ward.ask("GET", "/fhir/$export")
        assert answer.status_code == 400
        assert answer.json["issue"][0]["expression"] == ["Prefer"]

    def test_an_unknown_group_is_not_found(self, exporting):
        assert exporting.ward.ask("GET", "/fhir/Group/nobody/$export", headers=ASYNC).status_code == 404

    @pytest.mark.parametrize(
        ("query", "expression"),
        [
            ("includeAssociatedData=LatestProvenanceResources", "includeAssociatedData"),
            ("_until=2026-01-01", "_until"),
            ("patient=Patient/1", "patient"),
            ("colour=red", "colour"),
            ("_type=Patient,Banana", "_type"),
            ("_type=PlanDefinition", "_type"),
            ("_since=2026-01-01", "_since"),
            ("_since=yesterday", "_since"),
            ("_since=2026-01-01T00:00:00Z&_since=2026-01-02T00:00:00Z", "_since"),
            ("_outputFormat=csv", "_outputFormat"),
            ("_elements=Patient.colour", "_elements"),
            ("_elements=Banana.id", "_elements"),
        ],
    )
    def test_what_is_not_done_is_refused_by_its_name_and_nothing_begins(self, exporting, query, expression):
        answer = exporting.ward.ask("GET", f"/fhir/$export?{query}", headers=ASYNC)
        assert answer.status_code == 400
        assert [issue["expression"] for issue in answer.json["issue"]] == [[expression]]
        assert exporting.waiting == []

    def test_who_asks_for_leniency_gets_what_can_be_done(self, exporting):
        lenient = {"Prefer": "respond-async, handling=lenient"}
        manifest = exporting.whole("/fhir/$export?_type=Patient,Banana&_typeFilter=x", headers=lenient)
        assert [one["type"] for one in manifest["output"]] == ["Patient"]

    def test_parameters_may_come_as_a_resource(self, exporting):
        parameters = [
            {"name": "_type", "valueString": "Patient"},
            {"name": "_since", "valueInstant": "2026-01-01T00:00:00Z"},
            {"name": "_outputFormat", "valueString": "application/fhir+ndjson"},
        ]
        document = {"resourceType": "Parameters", "parameter": parameters}
        manifest = exporting.whole(method="POST", document=document, content_type="application/fhir+json")
        assert [one["type"] for one in manifest["output"]] == ["Patient"]

    @pytest.mark.parametrize(
        ("document", "expression"),
        [
            ({"resourceType": "Patient"}, "Parameters"),
            ([], "Parameters"),
            ({"resourceType": "Parameters", "parameter": {}}, "Parameters"),
            ({"resourceType": "Parameters", "parameter": ["_type"]}, "Parameters.parameter[0]"),
            ({"resourceType": "Parameters", "parameter": [{"name": "_type"}]}, "Parameters.parameter[0]"),
            (
                {
                    "resourceType": "Parameters",
                    "parameter": [{"name": "patient", "valueReference": {"reference": "Patient/1"}}],
                },
                "patient",
            ),
        ],
    )
    def test_a_body_that_is_no_parameters_is_refused(self, exporting, document, expression):
        answer = exporting.ward.ask("POST", "/fhir/$export", document=document, headers=ASYNC)
        assert answer.status_code == 400
        assert answer.json["issue"][0]["expression"] == [expression]

    @pytest.mark.parametrize(
        ("data", "kind"),
        [
            (b"<Parameters/>", "application/fhir+xml"),
            (b"_type=Patient", "text/plain"),
            (b'{"resourceType":"Parameters"}', None),
        ],
    )
    def test_a_body_that_is_not_read_is_refused_and_does_not_mean_everything(self, exporting, data, kind):
        answer = exporting.ward.ask("POST", "/fhir/$export", data=data, content_type=kind, headers=ASYNC)
        assert answer.status_code == 415
        assert exporting.waiting == []

    @pytest.mark.parametrize("kind", [None, "application/fhir+json"])
    def test_who_posts_nothing_names_no_parameter(self, exporting, kind):
        assert exporting.begin(method="POST", data=b"", content_type=kind)

    @pytest.mark.parametrize("value", [{"valueBoolean": True}, {"part": []}, {"valueString": "a", "valueCode": "b"}])
    def test_what_is_not_known_is_refused_by_its_name_whatever_its_value(self, exporting, value):
        document = {"resourceType": "Parameters", "parameter": [{"name": "allowPartialManifests"} | value]}
        answer = exporting.ward.ask("POST", "/fhir/$export", document=document, headers=ASYNC)
        assert (answer.status_code, answer.json["issue"][0]["expression"]) == (400, ["allowPartialManifests"])
        lenient = {"Prefer": "respond-async, handling=lenient"}
        assert exporting.begin(method="POST", document=document, headers=lenient)

    def test_a_parameter_has_one_value(self, exporting):
        twice = {"name": "_type", "valueString": "Patient", "valueCode": "Observation"}
        document = {"resourceType": "Parameters", "parameter": [twice]}
        answer = exporting.ward.ask("POST", "/fhir/$export", document=document, headers=ASYNC)
        assert (answer.status_code, answer.json["issue"][0]["expression"]) == (400, ["Parameters.parameter[0]"])

    def test_a_preference_is_known_in_capitals_too(self, exporting):
        assert exporting.begin(headers={"Prefer": "Respond-Async"})

    def test_the_capability_statement_claims_the_three(self, exporting):
        rest = exporting.ward.ask("GET", "/fhir/metadata", None).json["rest"][0]
        kinds = {one["type"]: [o["definition"] for o in one.get("operation", [])] for one in rest["resource"]}
        assert rest["operation"][0]["definition"].endswith("bulkdata/OperationDefinition/export")
        assert any(each.endswith("/patient-export") for each in kinds["Patient"])
        assert any(each.endswith("/group-export") for each in kinds["Group"])


class TestWhatItHolds:
    def test_a_centre_gets_its_own_patients_as_they_are_and_nobody_elses(self, exporting):
        found = exporting.output(exporting.whole())
        assert [one["birthDate"] for one in found["Patient"]] == [ENROLMENT["birth_date"]]
        theirs = exporting.output(exporting.whole(who="other-centre"), "other-centre")
        assert found["Patient"][0]["id"] != theirs["Patient"][0]["id"]
        assert {"CarePlan", "MedicationRequest", "Observation", "Procedure"} <= found.keys()
        for resources in found.values():
            assert all(fault.severity != "error" for one in resources for fault in validate(one))

    def test_it_is_what_the_searches_find(self, exporting):
        found = exporting.output(exporting.whole())
        for kind, resources in found.items():
            searched = exporting.ward.ask("GET", f"/fhir/{kind}?_count=1000").json
            assert {one["id"] for one in resources} == {entry["resource"]["id"] for entry in searched["entry"]}

    def test_a_registry_gets_who_agrees_without_who_they_are(self, exporting):
        found = exporting.output(exporting.whole(who="registry"), "registry")
        assert len(found["Patient"]) == 2
        text = str(found)
        for secret in ("P-0001", "P-0002", "FR-037", ENROLMENT["birth_date"], "2026-03-02"):
            assert secret not in text
        assert "Consent" not in found
        assert all({"PSEUDED"} <= {label["code"] for label in one["meta"]["security"]} for one in found["Observation"])

    def test_since_brings_what_changed_then(self, exporting):
        exporting.clock.now = NOW + timedelta(days=1)
        changed = FOLLOW_UP | {"visit": "m12", "date": "2026-09-03"}
        assert exporting.ward.ask("POST", "/follow-ups", document=changed).status_code == 202
        found = exporting.output(exporting.whole("/fhir/$export?_since=2026-09-03T12:00:00Z"))
        assert "Observation" in found
        assert "MedicationRequest" not in found

    def test_elements_make_parts_that_say_so(self, exporting):
        path = "/fhir/$export?_type=Patient,Observation&_elements=Patient.gender"
        found = exporting.output(exporting.whole(path))
        (patient,) = found["Patient"]
        assert patient.keys() <= {"resourceType", "id", "meta", "gender"}
        assert "SUBSETTED" in str(patient["meta"]["tag"])
        assert all("SUBSETTED" not in str(one) for one in found["Observation"])
        every = exporting.output(exporting.whole("/fhir/$export?_type=Patient&_elements=identifier"))["Patient"][0]
        assert "gender" not in every

    def test_who_withdraws_is_told_to_the_registry_as_deleted(self, exporting):
        before = exporting.output(exporting.whole(who="registry"), "registry")
        exporting.clock.now = NOW + timedelta(days=1)
        withdrawn = AGREES | {"consent": {"status": "inactive", "date": "2026-09-04", "registry": True}}
        assert exporting.ward.ask("POST", "/enrolments", document=withdrawn).status_code == 200
        manifest = exporting.whole("/fhir/$export?_since=2026-09-03T12:00:00Z", "registry")
        (file,) = manifest["deleted"]
        (bundle,) = exporting.lines(file["url"], "registry")
        assert (file["type"], bundle["type"]) == ("Bundle", "transaction")
        gone = {entry["request"]["url"] for entry in bundle["entry"]}
        assert {entry["request"]["method"] for entry in bundle["entry"]} == {"DELETE"}
        known = {f"{kind}/{one['id']}" for kind, all_ in before.items() for one in all_}
        left = exporting.output(exporting.whole(who="registry"), "registry")
        still = {f"{kind}/{one['id']}" for kind, all_ in left.items() for one in all_}
        assert gone >= known - still
        assert not gone & still

    def test_what_was_deleted_is_told_to_its_centre(self, exporting, monkeypatch):
        monkeypatch.setattr(bulk_files, "DELETIONS_AT_ONCE", 2)
        observations = exporting.output(exporting.whole())["Observation"]
        with exporting.ward.store.transaction() as tx:
            for one in observations[:3]:
                tx.resources.delete("Observation", one["id"], NOW + timedelta(hours=1))
        exporting.clock.now = NOW + timedelta(hours=2)
        manifest = exporting.whole("/fhir/$export?_since=2026-09-03T10:30:00Z")
        bundles = exporting.lines(manifest["deleted"][0]["url"])
        assert [len(bundle["entry"]) for bundle in bundles] == [2, 1]
        urls = {entry["request"]["url"] for bundle in bundles for entry in bundle["entry"]}
        assert urls == {f"Observation/{one['id']}" for one in observations[:3]}
