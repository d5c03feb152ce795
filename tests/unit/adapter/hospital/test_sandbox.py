"""The sandbox hospital as an R4 server: what it answers, resource by resource."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import requests
from fhirclient.models.fhirelementfactory import FHIRElementFactory
from fhirclient.models.resource import Resource as Model

from adapter.hospital import r4_gate
from adapter.hospital.client import HospitalClient
from adapter.hospital.sandbox import Sandbox
from adapter.hospital.sandbox.metadata import KINDS
from mappings.r4 import wire

JSON = {"Content-Type": "application/fhir+json"}
SYSTEM = "urn:oid:1.2.3"


@pytest.fixture(scope="module")
def hospital():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def http(hospital):
    with requests.Session() as session:
        session.headers.update(JSON)

        def ask(method, path="", content=None, **headers):
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            body = None if content is None else content if isinstance(content, bytes) else wire.encode(content)
            return session.request(
                method, f"{hospital.base_url}{'/' if path else ''}{path}", data=body, headers=headers
            )

        yield ask


@pytest.fixture
def name(request):
    return "".join(c if c.isalnum() else "-" for c in request.node.name)[-50:].strip("-")


def patient(id_=None, **more):
    return {"resourceType": "Patient", **({"id": id_} if id_ else {})} | more


def observation(id_, subject, **more):
    content = {"resourceType": "Observation", "id": id_, "status": "final", "code": {"text": "synthetic"}}
    return content | {"subject": {"reference": subject}} | more


def identified(value, **more):
    return patient(identifier=[{"system": SYSTEM, "value": value}], **more)


def says(answer):
    """(status, first issue code), after checking that the body is an R4 OperationOutcome."""
    assert r4_gate.read(answer.json()).resource_type == "OperationOutcome"
    assert answer.headers["Content-Type"].startswith("application/fhir+json")
    return answer.status_code, answer.json()["issue"][0]["code"]


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


@pytest.fixture(scope="module")
def ward():
    """A server of its own whose clock moves a day with every write."""
    days = iter(datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=n) for n in range(10_000))
    with Sandbox(clock=lambda: next(days)) as sandbox:
        loinc = {"coding": [{"system": "http://loinc.org", "code": "26499-4"}, {"code": "local"}]}
        sandbox.put(identified("1|2", id="p1"), identified("7", id="p2"))
        sandbox.put(observation("o1", "Patient/p1", code=loinc), observation("o2", "Patient/p2", code=loinc))
        sandbox.put(observation("o3", "Patient/p1", status="amended"))
        request = {"resourceType": "MedicationRequest", "id": "m1", "status": "draft", "intent": "plan"}
        sandbox.put(request | {"medicationCodeableConcept": loinc, "subject": {"reference": "Patient/p1"}})
        task = {"resourceType": "Task", "id": "t1", "status": "draft", "intent": "plan"}
        sandbox.put(task | {"for": {"reference": "Patient/p1"}})
        yield sandbox


class TestSearch:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("Patient?identifier=urn:oid:1.2.3|7", ["p2"]),
            ("Patient?identifier=urn:oid:1.2.3|1\\|2", ["p1"]),
            ("Patient?identifier=7", ["p2"]),
            ("Patient?identifier=|7", []),
            ("Patient?identifier=urn:oid:1.2.3|", ["p1", "p2"]),
            ("Patient?identifier=urn:oid:9|7", []),
            ("Patient?_id=p1,p2", ["p1", "p2"]),
            ("Observation?patient=p1", ["o1", "o3"]),
            ("Observation?patient=Patient/p2", ["o2"]),
            ("Observation?subject=Patient/p1&status=amended", ["o3"]),
            ("Observation?subject=http://h/fhir/Patient/p1", ["o1", "o3"]),
            ("Observation?code=http://loinc.org|26499-4", ["o1", "o2"]),
            ("Observation?code=|local&patient=p2", ["o2"]),
            ("Observation?code=26499-4&status=amended", []),
            ("MedicationRequest?code=26499-4", ["m1"]),
            ("Task?patient=p1", ["t1"]),
            ("Observation?_lastUpdated=2026-01-04", ["o2"]),
            ("Observation?_lastUpdated=ne2026-01-04", ["o1", "o3"]),
            ("Observation?_lastUpdated=gt2026-01-03", ["o2", "o3"]),
            ("Observation?_lastUpdated=sa2026-01-03", ["o2", "o3"]),
            ("Observation?_lastUpdated=lt2026-01-04", ["o1"]),
            ("Observation?_lastUpdated=eb2026-01-04", ["o1"]),
            ("Observation?_lastUpdated=ge2026-01-04T12:00:00Z", ["o2", "o3"]),
            ("Observation?_lastUpdated=le2026-01-04T12:00:00.000Z", ["o1", "o2"]),
            ("Observation?_lastUpdated=ge2026-01-04T14:00:00%2B02:00", ["o2", "o3"]),
            ("Observation?_lastUpdated=ge2026-01-04T12:00:01", ["o3"]),
            ("Observation?_lastUpdated=2026-01", ["o1", "o2", "o3"]),
            ("Observation?_lastUpdated=2026", ["o1", "o2", "o3"]),
            ("Observation?_lastUpdated=ge2026-02", []),
            ("Observation?_lastUpdated=gt2026", []),
            ("Observation", ["o1", "o2", "o3"]),
        ],
    )
    def test_parameters(self, ward, query, found):
        with requests.get(f"{ward.base_url}/{query}", timeout=5) as answer:
            bundle = answer.json()
        r4_gate.read(bundle)
        assert [entry["resource"]["id"] for entry in bundle.get("entry", [])] == found
        assert bundle["total"] == len(found)
        assert bundle["link"][0]["relation"] == "self"

    @pytest.mark.parametrize(
        "query",
        [
            "name=x",
            "patient:Patient=p1",
            "_lastUpdated=spring",
            "_lastUpdated=ap2026",
            "_lastUpdated=2026-13",
            "_count=-1",
        ],
    )
    def test_what_is_not_understood_is_refused_not_ignored(self, ward, query):
        with requests.get(f"{ward.base_url}/Observation?{query}", timeout=5) as answer:
            assert says(answer)[0] == 400

    def test_pages_show_the_search_as_it_was(self, ward):
        client = HospitalClient("ward", ward.base_url, None)
        first = requests.get(f"{ward.base_url}/Observation?_count=2", timeout=5).json()
        following = next(link["url"] for link in first["link"] if link["relation"] == "next")
        ward.put(observation("o1", "Patient/p1", status="corrected"))
        second = requests.get(following, timeout=5).json()
        assert [e["resource"]["id"] for e in second["entry"]] == ["o3"]
        assert second["total"] == 3
        assert [link["relation"] for link in second["link"]] == ["self"]
        assert len(client.search("Observation", [("_count", "1")])) == 3
        client.close()

    def test_count_zero_gives_the_total_only(self, ward):
        bundle = requests.get(f"{ward.base_url}/Observation?_count=0", timeout=5).json()
        assert bundle["total"] == 3
        assert "entry" not in bundle

    def test_forgotten_pages_are_410(self, ward):
        first = requests.get(f"{ward.base_url}/Observation?_count=1", timeout=5).json()
        following = next(link["url"] for link in first["link"] if link["relation"] == "next")
        for _ in range(200):
            ward._resources.pages.first("Observation", [("_count", "1")], ward._resources.matching("Observation", []))
        with requests.get(following, timeout=5) as answer:
            assert says(answer)[0] == 410


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
