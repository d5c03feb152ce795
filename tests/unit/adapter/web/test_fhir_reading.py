"""read, vread, history, search: what is served, to whom, and how it is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from mappings.r4.wire import decode

NOW = datetime(2026, 9, 3, 11, 0, tzinfo=UTC)

OBSERVATION = {
    "resourceType": "Observation",
    "id": "o-1",
    "identifier": [{"system": "urn:test", "value": "o-1"}],
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "26464-8"}]},
    "subject": {"reference": "Patient/p-1"},
    "valueQuantity": {"value": Decimal("2.50"), "unit": "10*9/L"},
}
PATIENT = {"resourceType": "Patient", "id": "p-1", "identifier": [{"system": "urn:centre", "value": "P-0001"}]}


def body(answer):
    assert answer.content_type.startswith("application/fhir+json")
    return decode(answer.data)


def issue(answer):
    outcome = body(answer)
    assert outcome["resourceType"] == "OperationOutcome"
    return outcome["issue"][0]


def test_a_resource_is_read_with_its_version_and_its_decimals_as_written(ward):
    ward.put(OBSERVATION)
    answer = ward.ask("GET", "/fhir/Observation/o-1", "ehr")
    assert answer.status_code == 200
    assert answer.headers["ETag"] == 'W/"1"'
    assert "Last-Modified" in answer.headers
    assert b'"value":2.50' in answer.data
    assert body(answer)["meta"]["versionId"] == "1"


def test_a_version_that_the_caller_has_is_not_sent_again(ward):
    ward.put(OBSERVATION)
    tag = {"If-None-Match": 'W/"1"'}
    since = {"If-Modified-Since": "Thu, 03 Sep 2026 10:00:00 GMT"}
    before = {"If-Modified-Since": "Thu, 03 Sep 2026 09:59:59 GMT"}
    assert ward.ask("GET", "/fhir/Observation/o-1", headers=tag).status_code == 304
    assert ward.ask("GET", "/fhir/Observation/o-1", headers=since).status_code == 304
    assert ward.ask("GET", "/fhir/Observation/o-1", headers=before).status_code == 200
    assert ward.ask("GET", "/fhir/Observation/o-1", headers=since | {"If-None-Match": 'W/"7"'}).status_code == 200
    assert ward.ask("GET", "/fhir/Observation/o-1", headers={"If-None-Match": 'W/"2"'}).status_code == 200


def test_every_version_stays_readable(ward):
    ward.put(OBSERVATION)
    ward.put(OBSERVATION | {"status": "amended"})
    assert body(ward.ask("GET", "/fhir/Observation/o-1"))["status"] == "amended"
    assert body(ward.ask("GET", "/fhir/Observation/o-1/_history/1"))["status"] == "final"
    history = body(ward.ask("GET", "/fhir/Observation/o-1/_history"))
    assert (history["type"], history["total"]) == ("history", 2)
    assert [e["resource"]["status"] for e in history["entry"]] == ["amended", "final"]
    assert [e["response"]["status"] for e in history["entry"]] == ["200", "201"]
    assert history["entry"][0]["fullUrl"] == "https://engraft.test/fhir/Observation/o-1"


@pytest.mark.parametrize("version", ["3", "0", "x", "99999999999", "-1"])
def test_a_version_that_never_was_is_missing(ward, version):
    ward.put(OBSERVATION)
    answer = ward.ask("GET", f"/fhir/Observation/o-1/_history/{version}")
    assert (answer.status_code, issue(answer)["code"]) == (404, "not-found")


def test_another_centres_patient_answers_exactly_as_a_missing_one(ward):
    ward.put(PATIENT)
    ward.put(OBSERVATION)
    for path in ("Patient/{}", "Patient/{}/_history", "Patient/{}/_history/1"):
        there = ward.ask("GET", f"/fhir/{path.format('p-1')}", "other-ehr")
        nowhere = ward.ask("GET", f"/fhir/{path.format('p-2')}", "other-ehr")
        assert there.status_code == nowhere.status_code == 404
        assert there.data == nowhere.data
    found = body(ward.ask("GET", "/fhir/Observation?patient=p-1", "other-centre"))
    assert found["total"] == 0
    assert "entry" not in found


@pytest.mark.parametrize("who", ["ehr", "centre", "registry"])
def test_definitions_are_for_everybody_with_a_token(ward, who):
    plan = body(ward.ask("GET", "/fhir/PlanDefinition/set-haplo-pdli", who))
    assert plan["resourceType"] == "PlanDefinition"
    tag = plan["meta"]["versionId"]
    assert ward.ask("GET", f"/fhir/PlanDefinition/set-haplo-pdli/_history/{tag}", who).status_code == 200
    assert ward.ask("GET", "/fhir/PlanDefinition/set-haplo-pdli/_history/1", who).status_code == 404
    history = body(ward.ask("GET", "/fhir/PlanDefinition/set-haplo-pdli/_history", who))
    assert history["total"] == 1
    unchanged = ward.ask("GET", "/fhir/PlanDefinition/set-haplo-pdli", who, headers={"If-None-Match": f'W/"{tag}"'})
    assert unchanged.status_code == 304


def test_each_activity_that_the_plan_cites_can_be_read(ward):
    def cited(actions):
        for action in actions:
            yield from cited(action.get("action", ()))
            if "definitionCanonical" in action:
                yield action["definitionCanonical"].partition("|")[0]

    plan = body(ward.ask("GET", "/fhir/PlanDefinition/set-haplo-pdli"))
    urls = set(cited(plan["action"]))
    assert len(urls) > 10
    for url in urls:
        found = body(ward.ask("GET", f"/fhir/ActivityDefinition?url={url}"))
        assert [e["resource"]["url"] for e in found["entry"]] == [url]


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("_id=set-haplo-pdli", 1),
        ("_id=nothing,set-haplo-pdli", 1),
        ("status=active", 1),
        ("status=http://hl7.org/fhir/publication-status|active", 1),
        ("status=draft", 0),
        ("identifier=set-haplo-pdli", 1),
        ("identifier=https://engraft.example/fhir/sid/definition|set-haplo-pdli", 1),
        ("identifier=urn:other|set-haplo-pdli", 0),
        ("version=0.0.0", 0),
        ("name=zzz", 0),
        ("_count=0", 1),
    ],
)
def test_definitions_are_searched(ward, query, total):
    found = body(ward.ask("GET", f"/fhir/PlanDefinition?{query}"))
    assert found["total"] == total
    assert len(found.get("entry", [])) == (0 if "_count=0" in query else total)


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("patient=p-1", 1),
        ("patient=Patient/p-1", 1),
        ("subject=Patient/p-1", 1),
        ("patient=p-2", 0),
        ("code=26464-8", 1),
        ("code=http://loinc.org|26464-8", 1),
        ("code=http://snomed.info/sct|26464-8", 0),
        ("status=final,amended", 1),
        ("status=final&code=1", 0),
        ("identifier=urn:test|o-1", 1),
        ("_id=o-1", 1),
    ],
)
def test_observations_are_searched_by_get_and_by_post(ward, query, total):
    ward.put(OBSERVATION)
    got = body(ward.ask("GET", f"/fhir/Observation?{query}"))
    posted = ward.ask("POST", "/fhir/Observation/_search", data=query, content_type="application/x-www-form-urlencoded")
    assert got["total"] == body(posted)["total"] == total
    assert got["type"] == "searchset"
    assert got["link"][0]["relation"] == "self"
    for entry in got.get("entry", []):
        assert entry["search"]["mode"] == "match"
        assert entry["fullUrl"] == "https://engraft.test/fhir/Observation/o-1"


def test_pages_follow_each_other_to_the_last(ward):
    for number in range(5):
        ward.put(OBSERVATION | {"id": f"o-{number}"})
    path, seen = "/fhir/Observation?patient=p-1&_count=2", []
    while path:
        page = body(ward.ask("GET", path))
        assert page["total"] == 5
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        links = {link["relation"]: link["url"].removeprefix("https://engraft.test") for link in page["link"]}
        path = links.get("next")
    assert sorted(seen) == [f"o-{number}" for number in range(5)]
    assert links["first"] == "/fhir/Observation?patient=p-1&_count=2"


def test_a_page_is_never_larger_than_the_largest(ward):
    assert "_count=500" in body(ward.ask("GET", "/fhir/Observation?_count=100000"))["link"][0]["url"]


UNKNOWN = [
    "_id=" + ",".join(map(str, range(201))),
    "colour=red",
    "code:text=x",
    "_sort=code",
    "_sort=-code,date",
    "date=spring",
    "_total=many",
    "_summary=short",
    "_elements=colour",
    "_elements=status&_summary=true",
    "_after=nobody",
    "_include:iterate=Observation:focus",
    "_include=Observation:subject:Group",
    "_include=Observation:code",
    "_revinclude=CarePlan:patient",
    "_revinclude=*",
    "_has:Observation:patient:code=1",
    "patient.identifier=1",
    "_count=1&_count=2",
    "_count=x",
    "_count=-1",
    "status=",
]


@pytest.mark.parametrize("query", UNKNOWN)
def test_a_parameter_that_is_not_understood_is_refused_by_its_name(ward, query):
    answer = ward.ask("GET", f"/fhir/Observation?{query}")
    assert answer.status_code == 400
    named = issue(answer)["expression"]
    assert named == ["_elements"] if "_elements" in query else named == [query.partition("=")[0]]


def test_who_asks_for_leniency_gets_the_rest_of_the_search(ward):
    ward.put(OBSERVATION)
    lenient = {"Prefer": "return=representation, handling=lenient"}
    query = "colour=red&_include=X:y&patient=p-1&_sort=code,-date&_include:iterate=Observation:focus"
    answer = ward.ask("GET", f"/fhir/Observation?{query}", headers=lenient)
    assert answer.status_code == 200
    assert body(answer)["total"] == 1
    understood = "https://engraft.test/fhir/Observation?patient=p-1&_sort=-date&_count=50"
    assert body(answer)["link"][0]["url"] == understood
    assert ward.ask("GET", "/fhir/Observation/o-1?colour=red", headers=lenient).status_code == 200


@pytest.mark.parametrize("query", ["date=spring", "code:text=x", "_count=x", "_summary=short", "_after=nobody"])
def test_leniency_is_for_what_is_not_known_and_not_for_what_cannot_be_read(ward, query):
    """R4 lets a server ignore a parameter, and never a modifier: the answer would be another patient's data."""
    answer = ward.ask("GET", f"/fhir/Observation?{query}", headers={"Prefer": "handling=lenient"})
    assert (answer.status_code, issue(answer)["expression"]) == (400, [query.partition("=")[0]])


def test_every_fault_of_a_search_is_named_at_once(ward):
    answer = ward.ask("GET", "/fhir/Observation?colour=red&date=spring&_count=x&_sort=code&code:text=y")
    named = [one["expression"] for one in body(answer)["issue"]]
    assert sorted(named) == [["_count"], ["_sort"], ["code:text"], ["colour"], ["date"]]


def test_a_read_takes_no_search_parameters(ward):
    answer = ward.ask("GET", "/fhir/Observation/o-1?colour=red")
    assert (answer.status_code, issue(answer)["expression"]) == (400, ["colour"])


def test_one_include_brings_the_whole_plan(ward):
    orders = [{"resourceType": kind, "id": f"r-{kind}"} for kind in ("RequestGroup", "MedicationRequest", "Task")]
    references = [{"reference": {"reference": f"{one['resourceType']}/{one['id']}"}} for one in orders]
    foreign = {"resourceType": "Task", "id": "foreign"}
    plan = {
        "resourceType": "CarePlan",
        "id": "cp",
        "subject": {"reference": "Patient/p-1"},
        "activity": [*references, {"reference": {"reference": "Task/foreign"}}, {"detail": {"status": "unknown"}}],
    }
    for resource in (*orders, plan):
        ward.put(resource)
    ward.put(foreign, "BE-001")
    found = body(ward.ask("GET", "/fhir/CarePlan?patient=p-1&_include=CarePlan:activity-reference", "ehr"))
    assert found["total"] == 1
    assert [(e["search"]["mode"], e["resource"]["id"]) for e in found["entry"]] == [
        ("match", "cp"),
        ("include", "r-RequestGroup"),
        ("include", "r-MedicationRequest"),
        ("include", "r-Task"),
    ]
    some = body(ward.ask("GET", "/fhir/CarePlan?_include=CarePlan:activity-reference:Task"))
    assert [e["resource"]["resourceType"] for e in some["entry"]] == ["CarePlan", "Task"]
    assert "_include=CarePlan%3Aactivity-reference%3ATask" in some["link"][0]["url"]


def test_a_posted_search_is_a_form(ward):
    answer = ward.ask("POST", "/fhir/Observation/_search", document={"patient": "p-1"})
    assert (answer.status_code, issue(answer)["code"]) == (415, "not-supported")


@pytest.mark.parametrize("path", ["PlanDefinition/nothing", "PlanDefinition/nothing/_history", "ActivityDefinition/x"])
def test_a_definition_that_does_not_exist_is_missing(ward, path):
    answer = ward.ask("GET", f"/fhir/{path}", "registry")
    assert (answer.status_code, issue(answer)["code"]) == (404, "not-found")


def test_a_type_that_is_not_served_is_an_unknown_address(ward):
    answer = ward.ask("GET", "/fhir/Encounter/1")
    assert (answer.status_code, issue(answer)["code"]) == (404, "not-supported")


@pytest.mark.parametrize("query", ["_pretty=true", "_format=json", "_format=application/fhir+json"])
def test_the_shape_of_an_answer_may_be_asked_for(ward, query):
    ward.put(PATIENT)
    answer = ward.ask("GET", f"/fhir/Patient/p-1?{query}")
    assert answer.status_code == 200
    assert (b"\n" in answer.data) == ("_pretty" in query)


def test_what_was_deleted_is_gone_but_its_history_stays(ward):
    ward.put(OBSERVATION)
    with ward.store.transaction() as tx:
        assert tx.resources.delete("Observation", "o-1", NOW)
    for path in ("/fhir/Observation/o-1", "/fhir/Observation/o-1/_history/2"):
        answer = ward.ask("GET", path)
        assert (answer.status_code, issue(answer)["code"]) == (410, "deleted")
    assert ward.ask("GET", "/fhir/Observation/o-1", "other-ehr").status_code == 404
    assert ward.ask("GET", "/fhir/Observation/o-1/_history/1").status_code == 200
    entries = body(ward.ask("GET", "/fhir/Observation/o-1/_history"))["entry"]
    assert [entry["request"]["method"] for entry in entries] == ["DELETE", "PUT"]
    assert "resource" not in entries[0]
    assert body(ward.ask("GET", "/fhir/Observation?patient=p-1"))["total"] == 0
