"""The sandbox hospital as an R4 server: what it answers, resource by resource."""

from __future__ import annotations

import socket
from decimal import Decimal

import pytest
import requests
from fhirclient.models.fhirelementfactory import FHIRElementFactory
from fhirclient.models.resource import Resource as Model

from adapter.hospital import r4_gate
from adapter.hospital.sandbox.metadata import KINDS
from tests.lib.exchange import SYSTEM, identified, observation, patient, says


class TestCapability:
    def test_it_is_readable_r4_and_claims_what_is_served(self, http):
        statement = http("GET", "metadata").json()
        model = r4_gate.read(statement)
        assert (model.fhirVersion, model.kind, model.rest[0].mode) == ("4.0.1", "instance", "server")
        observation = next(r for r in statement["rest"][0]["resource"] if r["type"] == "Observation")
        assert {p["name"] for p in observation["searchParam"]} >= {"_id", "identifier", "patient", "_lastUpdated"}

    def test_every_type_is_one_of_r4(self):
        assert all(isinstance(FHIRElementFactory.instantiate(kind, None), Model) for kind in KINDS)
        assert len(KINDS) == 145


class TestOneResource:
    def test_create_gives_an_id_a_version_and_where_it_is(self, http):
        answer = http("POST", "Patient", patient("mine"))
        assert answer.status_code == 201
        assert answer.headers["ETag"] == 'W/"1"'
        assert answer.headers["Location"].endswith(f"/Patient/{answer.json()['id']}/_history/1")
        assert answer.json()["id"] != "mine"
        assert "Last-Modified" in answer.headers

    def test_put_on_our_id_creates_then_updates_and_an_equal_one_makes_no_version(self, http, name):
        path = f"Patient/{name}"
        statuses = [http("PUT", path, patient(name)).status_code, http("PUT", path, patient(name)).status_code]
        assert statuses == [201, 200]
        assert http("GET", path).headers["ETag"] == 'W/"1"'
        assert http("PUT", path, patient(name, active=True)).json()["meta"]["versionId"] == "2"

    def test_decimals_come_back_as_written(self, http, name):
        http("PUT", f"Patient/{name}", patient(name))
        written = observation(name, f"Patient/{name}", valueQuantity={"value": Decimal("2.50")})
        http("PUT", f"Observation/{name}", written)
        assert b"2.50" in http("GET", f"Observation/{name}").content

    def test_versions_and_history(self, http, name):
        for gender in ("female", "male"):
            http("PUT", f"Patient/{name}", patient(name, gender=gender))
        http("DELETE", f"Patient/{name}")
        assert http("GET", f"Patient/{name}/_history/1").json()["gender"] == "female"
        assert says(http("GET", f"Patient/{name}/_history/3")) == (410, "deleted")
        assert says(http("GET", f"Patient/{name}/_history/9")) == (404, "not-found")
        history = http("GET", f"Patient/{name}/_history").json()
        r4_gate.read(history)
        assert [e["request"]["method"] for e in history["entry"]] == ["DELETE", "PUT", "PUT"]
        assert [e["response"]["status"] for e in history["entry"]] == ["204", "200", "201"]

    def test_delete_is_410_afterwards_and_safe_to_repeat(self, http, name):
        http("PUT", f"Patient/{name}", patient(name))
        assert [http("DELETE", f"Patient/{name}").status_code for _ in range(2)] == [204, 204]
        assert says(http("GET", f"Patient/{name}")) == (410, "deleted")
        assert http("PUT", f"Patient/{name}", patient(name)).status_code == 201
        assert http("GET", f"Patient/{name}").headers["ETag"] == 'W/"3"'

    def test_what_never_was_is_404(self, http):
        assert says(http("GET", "Patient/nobody")) == (404, "not-found")
        assert says(http("GET", "Patient/nobody/_history")) == (404, "not-found")
        assert says(http("GET", "Nothing/1")) == (404, "not-found")

    def test_what_is_referred_to_cannot_be_deleted(self, http, name):
        http("PUT", f"Patient/{name}", patient(name))
        http("PUT", f"Observation/{name}", observation(name, f"Patient/{name}"))
        assert says(http("DELETE", f"Patient/{name}")) == (409, "conflict")
        assert http("DELETE", f"Observation/{name}").status_code == 204
        assert http("DELETE", f"Patient/{name}").status_code == 204

    @pytest.mark.parametrize("subject", ["Patient/nobody", "Patient/nobody/_history/1"])
    def test_a_reference_to_nothing_is_refused(self, http, name, subject):
        assert says(http("PUT", f"Observation/{name}", observation(name, subject))) == (400, "invalid")
        assert http("GET", f"Observation/{name}").status_code == 404

    @pytest.mark.parametrize("subject", ["https://elsewhere.example/fhir/Patient/1", "#inside"])
    def test_references_to_others_and_to_the_inside_pass(self, http, name, subject):
        inside = {"contained": [{"resourceType": "Patient", "id": "inside"}]} if subject == "#inside" else {}
        content = observation(name, subject, **inside)
        assert http("PUT", f"Observation/{name}", content).status_code == 201

    @pytest.mark.parametrize(
        ("method", "path", "content", "status"),
        [
            ("PUT", "Patient/a", patient("b"), 400),
            ("PUT", "Patient/a", patient(), 400),
            ("PUT", "Patient/a", {"resourceType": "Group", "id": "a"}, 400),
            ("PUT", "Patient/a", [], 400),
            ("PUT", "Patient/a", b"{not json", 400),
            ("PUT", "Patient/a", b'{"resourceType": "Patient", "resourceType": "Patient"}', 400),
            ("PUT", "Patient/a_b", patient("a_b"), 400),
            ("PUT", "Patient/" + "a" * 65, patient("a" * 65), 400),
            ("PUT", "Patient", patient("a"), 405),
            ("PATCH", "Patient/a", patient("a"), 405),
            ("GET", "Patient/a/b/c/d", None, 405),
            ("DELETE", "Patient", None, 405),
            ("POST", "", {"resourceType": "Bundle", "type": "collection"}, 400),
            ("POST", "", patient(), 400),
            ("GET", "", None, 410),
        ],
    )
    def test_what_is_not_a_request_is_refused_with_an_outcome(self, http, method, path, content, status):
        assert says(http(method, path, content))[0] == status

    def test_media_types(self, http):
        assert says(http("PUT", "Patient/a", patient("a"), Content_Type="text/plain"))[0] == 415
        assert says(http("POST", "Patient/_search", b'{"a": 1}'))[0] == 415
        assert says(http("GET", "Patient/a", Accept="application/fhir+xml"))[0] == 406
        assert http("GET", "metadata", Accept="text/html, */*").status_code == 200
        assert http("GET", "metadata?_format=json", Accept="text/html").status_code == 200
        assert http("HEAD", "metadata").content == b""

    def test_what_is_not_r4_is_refused_with_its_path(self, http, name):
        answer = http("PUT", f"Patient/{name}", patient(name, gender="blue"))
        assert says(answer) == (422, "code-invalid")
        assert answer.json()["issue"][0]["expression"] == ["Patient.gender"]

    def test_types_that_engraft_never_sends_are_looked_at_too(self, http, name):
        visit = {"resourceType": "Slot", "id": name, "status": "free", "schedule": {"display": "synthetic"}}
        times = {"start": "2026-11-24T08:00:00Z", "end": "2026-11-24T09:00:00Z"}
        assert http("PUT", f"Slot/{name}", visit | times).status_code == 201
        assert says(http("PUT", f"Slot/{name}", visit)) == (422, "structure")

    def test_return_minimal_sends_no_body(self, http, name):
        answer = http("PUT", f"Patient/{name}", patient(name), Prefer="return=minimal")
        assert (answer.status_code, answer.content) == (201, b"")

    def test_outside_the_base_there_is_nothing(self, hospital):
        with requests.get(hospital.base_url.removesuffix("/fhir") + "/", timeout=5) as answer:
            assert says(answer)[0] == 404

    @pytest.mark.parametrize("head", ["Content-Length: 99999999999", "Content-Length: x", "Transfer-Encoding: chunked"])
    def test_a_body_that_is_too_large_or_of_unknown_size_is_not_read(self, hospital, head):
        host, port = hospital.base_url.removeprefix("http://").removesuffix("/fhir").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(f"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
            answer = connection.makefile("rb").read()
        assert answer.split()[1] in (b"413", b"411")
        assert b"OperationOutcome" in answer


class TestConditions:
    """R4, http.html: conditional create and update, version-aware updates."""

    def test_create_if_none_exists(self, http, name):
        condition = {"If_None_Exist": f"identifier={SYSTEM}|{name}"}
        first, second = (http("POST", "Patient", identified(name), **condition) for _ in range(2))
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json()["id"] == second.json()["id"]
        http("POST", "Patient", identified(name))
        assert says(http("POST", "Patient", identified(name), **condition)) == (412, "conflict")
        assert says(http("POST", "Patient", identified(name), If_None_Exist=""))[0] == 400

    def test_update_by_condition(self, http, name):
        path = f"Patient?identifier={SYSTEM}|{name}"
        first = http("PUT", path, identified(name))
        assert first.status_code == 201
        second = http("PUT", path, identified(name, gender="female"))
        assert (second.status_code, second.json()["id"]) == (200, first.json()["id"])
        assert http("PUT", path, identified(name, id=first.json()["id"])).status_code == 200
        assert says(http("PUT", path, identified(name, id="another")))[0] == 400
        http("POST", "Patient", identified(name))
        assert says(http("PUT", path, identified(name)))[0] == 412

    def test_update_by_condition_on_an_id_of_ours(self, http, name):
        assert http("PUT", f"Patient?identifier={SYSTEM}|{name}", identified(name, id=name)).status_code == 201
        assert http("GET", f"Patient/{name}").status_code == 200
        assert says(http("PUT", f"Patient?identifier={SYSTEM}|other-{name}", patient(name)))[0] == 409

    def test_if_match(self, http, name):
        path = f"Patient/{name}"
        http("PUT", path, patient(name))
        assert http("PUT", path, patient(name, active=True), If_Match='W/"1"').status_code == 200
        assert says(http("PUT", path, patient(name), If_Match='W/"1"')) == (412, "conflict")
        assert says(http("PUT", path, patient(name), If_Match="1"))[0] == 400
        assert says(http("DELETE", path, If_Match='"1"'))[0] == 412
        assert says(http("PUT", f"{path}-new", patient(f"{name}-new"), If_Match='W/"1"'))[0] == 412
        assert http("DELETE", path, If_Match='"2"').status_code == 204


class TestBundles:
    def post(self, http, kind, *entries):
        return http("POST", "", {"resourceType": "Bundle", "type": kind, "entry": list(entries)})

    def entry(self, method, url, resource=None, full_url=None, **conditions):
        entry = {"request": {"method": method, "url": url} | conditions}
        return entry | ({"resource": resource} if resource else {}) | ({"fullUrl": full_url} if full_url else {})

    def test_a_transaction_links_its_new_resources_by_their_urns(self, http, name):
        urn = "urn:uuid:0b6f8a52-7c0e-4c39-9a35-5a3f1f0f0001"
        answer = self.post(
            http,
            "transaction",
            self.entry("PUT", f"Observation/{name}", observation(name, urn)),
            self.entry("POST", "Patient", identified(name), urn),
        ).json()
        r4_gate.read(answer)
        assert [e["response"]["status"] for e in answer["entry"]] == ["201 Created", "201 Created"]
        created = answer["entry"][1]["response"]["location"].split("/")[-3]
        assert http("GET", f"Observation/{name}").json()["subject"]["reference"] == f"Patient/{created}"

    def test_all_or_nothing_and_the_refusal_names_the_entry(self, http, name):
        bad = observation(name, "Patient/x") | {"id": "other"}
        entries = [self.entry("PUT", f"Patient/{name}", patient(name)), self.entry("PUT", f"Observation/{name}", bad)]
        answer = self.post(http, "transaction", *entries)
        assert says(answer)[0] == 400
        assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.id"]
        assert http("GET", f"Patient/{name}").status_code == 404

    def test_a_transaction_that_fails_leaves_older_versions_as_they_were(self, http, name):
        http("PUT", f"Patient/{name}", patient(name))
        self.post(
            http,
            "transaction",
            self.entry("PUT", f"Patient/{name}", patient(name, active=True)),
            self.entry("PUT", f"Observation/{name}", observation(name, "Patient/nobody")),
        )
        assert http("GET", f"Patient/{name}").json()["meta"]["versionId"] == "1"

    def test_deletes_come_first_and_reads_last(self, http, name):
        http("PUT", f"Patient/{name}", identified(name, id=name))
        answer = self.post(
            http,
            "transaction",
            self.entry("GET", f"Patient?identifier={SYSTEM}|{name}"),
            self.entry("POST", "Patient", identified(name), ifNoneExist=f"identifier={SYSTEM}|{name}"),
            self.entry("DELETE", f"Patient/{name}"),
        ).json()
        assert [e["response"]["status"][:3] for e in answer["entry"]] == ["200", "201", "204"]
        assert answer["entry"][0]["resource"]["total"] == 1

    def test_conditions_inside_a_transaction(self, http, name):
        urn, condition = "urn:uuid:0b6f8a52-7c0e-4c39-9a35-5a3f1f0f0002", f"identifier={SYSTEM}|{name}"
        http("PUT", f"Patient/{name}", identified(name, id=name))
        answer = self.post(
            http,
            "transaction",
            self.entry("POST", "Patient", identified(name), urn, ifNoneExist=condition),
            self.entry("PUT", f"Observation/{name}-1", observation(f"{name}-1", urn)),
            self.entry("PUT", f"Observation/{name}-2", observation(f"{name}-2", f"Patient?{condition}")),
            self.entry(
                "PUT", f"Group?identifier={SYSTEM}|{name}", {"resourceType": "Group", "type": "person", "actual": True}
            ),
        ).json()
        assert [e["response"]["status"][:3] for e in answer["entry"]] == ["200", "201", "201", "201"]
        for number in (1, 2):
            assert http("GET", f"Observation/{name}-{number}").json()["subject"]["reference"] == f"Patient/{name}"
        again = self.entry("PUT", f"Patient?{condition}", identified(name, active=True), ifMatch='W/"1"')
        assert self.post(http, "transaction", again).json()["entry"][0]["response"]["etag"] == 'W/"2"'

    @pytest.mark.parametrize(
        ("entries", "status"),
        [
            ([("PUT", "Patient/a", patient("a")), ("PUT", "Patient/a", patient("a"))], 400),
            ([("PUT", "Patient/a", patient("a"), "urn:x:1"), ("PUT", "Patient/b", patient("b"), "urn:x:1")], 400),
            ([("PUT", "Observation/a", observation("a", "urn:uuid:nobody"))], 400),
            ([("PUT", "Observation/a", observation("a", "Patient?identifier=nobody"))], 404),
            ([("PATCH", "Patient/a", patient("a"))], 400),
            ([("PUT", "Patient?identifier=nobody", [1])], 400),
            ([("GET", "Patient/nobody")], 404),
        ],
    )
    def test_what_makes_a_transaction_fail(self, http, entries, status):
        answer = self.post(http, "transaction", *(self.entry(*entry) for entry in entries))
        assert says(answer)[0] == status
        assert answer.json()["issue"][0]["expression"][0].startswith("Bundle.entry[")

    def test_a_conditional_reference_to_several_is_refused(self, http, name):
        for suffix in "ab":
            http("PUT", f"Patient/{name}-{suffix}", identified(name, id=f"{name}-{suffix}"))
        wish = observation(name, f"Patient?identifier={SYSTEM}|{name}")
        assert says(self.post(http, "transaction", self.entry("PUT", f"Observation/{name}", wish)))[0] == 412

    @pytest.mark.parametrize("entry", [{}, "odd", {"request": {"method": "PUT"}}, {"request": 1}])
    def test_an_entry_without_a_request_is_refused(self, http, entry):
        assert says(self.post(http, "transaction", entry))[0] == 400

    def test_entries_that_are_no_list(self, http):
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": {"a": 1}}
        assert says(http("POST", "", bundle))[0] == 400
        assert http("POST", "", {"resourceType": "Bundle", "type": "transaction"}).json()["entry"] == []

    def test_in_a_batch_each_entry_stands_for_itself(self, http, name):
        answer = self.post(
            http,
            "batch",
            self.entry("PUT", f"Patient/{name}", patient(name)),
            self.entry("PUT", f"Observation/{name}", observation(name, "Patient/nobody")),
            self.entry("GET", f"Patient/{name}"),
        ).json()
        assert [e["response"]["status"][:3] for e in answer["entry"]] == ["201", "400", "200"]
        assert answer["entry"][1]["response"]["outcome"]["resourceType"] == "OperationOutcome"
        assert answer["entry"][2]["resource"]["id"] == name

    def test_an_absolute_address_on_this_server_is_one_of_it(self, http, hospital, name):
        entry = self.entry("PUT", f"{hospital.base_url}/Patient/{name}", patient(name))
        assert self.post(http, "transaction", entry).status_code == 200
