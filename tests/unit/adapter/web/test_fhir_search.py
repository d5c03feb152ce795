"""How a search is answered: what comes along, how much of it, in which order, on pages, by GET and by POST."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapter.web import includes
from mappings.r4.validate import validate
from mappings.r4.wire import decode

NOW = datetime(2026, 9, 3, 11, 0, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"
BASE = "https://engraft.test"
PATIENT = {"resourceType": "Patient", "id": "anna", "gender": "female", "birthDate": "1971-05-02"}
SUBJECT = {"subject": {"reference": "Patient/anna"}}
SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
PLAN = {
    "resourceType": "CarePlan",
    "id": "plan",
    "status": "draft",
    "intent": "plan",
    "title": "SET",
    **SUBJECT,
    "period": {"start": "2026-02-17"},
    "goal": [{"reference": "Goal/alive"}],
    "activity": [
        {"reference": {"reference": target}}
        for target in ("RequestGroup/group", "MedicationRequest/thiotepa", "Task/rest")
    ],
}
ORDERS = [
    {"resourceType": "RequestGroup", "id": "group", "status": "draft", "intent": "plan", **SUBJECT},
    {
        "resourceType": "MedicationRequest",
        "id": "thiotepa",
        "status": "draft",
        "intent": "plan",
        "medicationCodeableConcept": {"text": "Thiotepa"},
        **SUBJECT,
        "dosageInstruction": [{"text": "350 mg", "timing": {"event": ["2026-02-17"]}}],
    },
    {
        "resourceType": "Task",
        "id": "rest",
        "status": "draft",
        "intent": "plan",
        "for": SUBJECT["subject"],
        "basedOn": [{"reference": "CarePlan/plan"}],
        "focus": {"reference": "MedicationRequest/thiotepa"},
    },
    {"resourceType": "Goal", "id": "alive", "lifecycleStatus": "proposed", "description": {"text": "alive"}, **SUBJECT},
]


@pytest.fixture
def pulled(ward):
    """Asks as an EHR; a bundle that is sent is valid R4."""
    for resource in (PATIENT, PLAN, *ORDERS):
        ward.put(resource)

    def pulled(path, who="ehr", **more):
        answer = ward.ask("GET", f"/fhir/{path}", who, **more)
        assert answer.status_code == 200, answer.text
        bundle = decode(answer.data)
        assert [fault for fault in validate(bundle) if fault.severity == "error"] == []
        return bundle

    return pulled


def ids(bundle, mode=None):
    return [e["resource"]["id"] for e in bundle.get("entry", ()) if mode in (None, e["search"]["mode"])]


def link(bundle, relation):
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), None)


@pytest.mark.parametrize(
    ("query", "included"),
    [
        ("CarePlan?_include=CarePlan:activity-reference", ["group", "thiotepa", "rest"]),
        ("CarePlan?_include=CarePlan:activity-reference:Task", ["rest"]),
        ("CarePlan?_include=CarePlan:goal&_include=CarePlan:patient", ["alive", "anna"]),
        ("CarePlan?_include=CarePlan:patient&_include=CarePlan:subject", ["anna"]),
        ("CarePlan?_include=*", ["group", "thiotepa", "rest", "alive", "anna"]),
        ("CarePlan?_include=CarePlan:*", ["group", "thiotepa", "rest", "alive", "anna"]),
        ("CarePlan?_revinclude=Task:based-on", ["rest"]),
        ("CarePlan?_include=CarePlan:goal&_revinclude=Task:based-on", ["alive", "rest"]),
        ("MedicationRequest?_revinclude=CarePlan:activity-reference&_revinclude=Task:focus", ["plan", "rest"]),
        ("MedicationRequest?_revinclude=CarePlan:activity-reference:MedicationRequest", ["plan"]),
        ("Patient?_revinclude=CarePlan:patient&_revinclude=Task:patient", ["plan", "rest"]),
        ("Patient?_id=nobody&_revinclude=CarePlan:patient", []),
        ("CarePlan?_include=CarePlan:based-on", []),
        ("CarePlan?_count=0&_include=*", []),
    ],
)
def test_what_comes_along(pulled, query, included):
    bundle = pulled(query)
    assert ids(bundle, "include") == included
    assert bundle["total"] == len(ids(bundle, "match")) or "_count=0" in query or "nobody" in query


def test_what_comes_along_is_never_another_centres(ward, pulled):
    ward.put(ORDERS[2] | {"id": "their-task"}, "BE-001")
    ward.put(PLAN | {"id": "their-plan", "activity": [{"reference": {"reference": "Task/rest"}}]}, "BE-001")
    assert ids(pulled("CarePlan?_revinclude=Task:based-on"), "include") == ["rest"]
    assert ids(pulled("Patient?_revinclude=Task:patient"), "include") == ["rest"]
    theirs = pulled("CarePlan?_include=*&_revinclude=Task:based-on", "other-ehr")
    assert ids(theirs) == ["their-plan"]


def test_what_was_deleted_does_not_come_along(ward, pulled):
    with ward.store.transaction() as tx:
        tx.resources.delete("Task", "rest", NOW)
    assert ids(pulled("CarePlan?_include=CarePlan:activity-reference"), "include") == ["group", "thiotepa"]
    assert ids(pulled("CarePlan?_revinclude=Task:based-on"), "include") == []


def test_a_match_does_not_come_along_once_more(ward, pulled):
    ward.put(ORDERS[2] | {"id": "after", "focus": {"reference": "Task/rest"}})
    bundle = pulled("Task?_include=Task:focus")
    assert ids(bundle, "match") == ["rest", "after"]
    assert ids(bundle, "include") == ["thiotepa"]


def test_a_page_that_would_bring_too_much_is_refused_and_not_cut(ward, pulled, monkeypatch):
    monkeypatch.setattr(includes, "MOST", 2)
    for name in ("_include=CarePlan:activity-reference", "_revinclude=Task:based-on"):
        for number in range(3):
            ward.put(ORDERS[2] | {"id": f"rest-{number}"})
        answer = ward.ask("GET", f"/fhir/CarePlan?{name}")
        (issue,) = decode(answer.data)["issue"]
        assert (answer.status_code, issue["code"]) == (400, "too-costly")
        assert issue["expression"] == [name.partition("=")[0]]
    assert ids(pulled("CarePlan?_include=CarePlan:goal&_include=CarePlan:patient"), "include") == ["alive", "anna"]


def test_a_refused_include_names_those_that_are_known(ward):
    for query in ("_include=CarePlan:instantiates-canonical", "_include=Task:focus", "_include=CarePlan:goal:Task"):
        (issue,) = decode(ward.ask("GET", f"/fhir/CarePlan?{query}").data)["issue"]
        assert "CarePlan:activity-reference" in issue["diagnostics"]
    (issue,) = decode(ward.ask("GET", "/fhir/CarePlan?_include:iterate=CarePlan:goal").data)["issue"]
    assert "one search for each step" in issue["diagnostics"]
    (issue,) = decode(ward.ask("GET", "/fhir/PlanDefinition?_include=PlanDefinition:definition").data)["issue"]
    assert issue["diagnostics"] == "known: none"


MANDATORY = {"resourceType", "id", "meta", "status", "intent", "subject"}


@pytest.mark.parametrize(
    ("query", "elements"),
    [
        ("_summary=true", MANDATORY | {"title", "period"}),
        ("_summary=text", MANDATORY),
        ("_summary=data", {*PLAN, "meta"}),
        ("_elements=title", MANDATORY | {"title"}),
        ("_elements=id,period,title", MANDATORY | {"title", "period"}),
    ],
)
def test_a_part_is_marked_and_has_what_is_mandatory(ward, pulled, query, elements):
    bundle = pulled(f"CarePlan?{query}&_include=CarePlan:goal")
    plan, goal = (entry["resource"] for entry in bundle["entry"])
    assert set(plan) == elements
    assert plan["meta"]["tag"] == [SUBSETTED]
    assert plan["meta"]["versionId"] == "1"
    # elements are those of the searched type, so what comes along is whole
    assert ("tag" in goal["meta"]) == ("_summary" in query)
    assert query.replace(",", "%2C") in link(bundle, "self")
    answer = ward.ask("GET", f"/fhir/CarePlan/plan?{query}")
    assert decode(answer.data) == plan
    assert (answer.status_code, answer.headers["ETag"]) == (200, 'W/"1"')
    assert ward.ask("GET", f"/fhir/CarePlan/plan/_history/1?{query}").data == answer.data


@pytest.mark.parametrize("query", ["_summary=false", "_summary=", "_elements="])
def test_the_whole_is_not_marked(pulled, query):
    (entry,) = pulled(f"CarePlan?{query}")["entry"]
    assert "tag" not in entry["resource"]["meta"]


@pytest.mark.parametrize(
    "query", ["_summary=count", "_count=0", "_summary=count&_total=none", "_count=0&_total=accurate"]
)
def test_only_the_number_may_be_asked_for(pulled, query):
    bundle = pulled(f"CarePlan?patient=anna&{query}")
    assert bundle["total"] == 1
    assert "entry" not in bundle
    assert link(bundle, "next") is None


def test_a_read_has_nothing_to_count(ward, pulled):
    answer = ward.ask("GET", "/fhir/CarePlan/plan?_summary=count")
    assert (answer.status_code, decode(answer.data)["issue"][0]["expression"]) == (400, ["_summary"])


@pytest.mark.parametrize(("said", "told"), [("none", False), ("estimate", True), ("accurate", True)])
def test_the_total_is_counted_unless_nobody_wants_it(pulled, said, told):
    bundle = pulled(f"CarePlan?_total={said}")
    assert bundle.get("total") == (1 if told else None)
    assert f"_total={said}" in link(bundle, "self")


def test_it_is_sorted_and_each_page_leads_to_the_next(ward, pulled):
    for number in range(1, 8):
        ward.put(PLAN | {"id": f"p{number}", "period": {"start": f"2026-03-{number:02}"}})
    path, seen, pages = "CarePlan?patient=anna&_sort=-date&_total=none&_count=3", [], 0
    while path:
        bundle = pulled(path)
        assert link(bundle, "self") == f"{BASE}/fhir/{path}"
        assert (link(bundle, "first") is not None) == bool(seen)
        seen += ids(bundle)
        pages += 1
        if pages == 1:
            ward.put(PLAN | {"id": "meanwhile", "period": {"start": "2026-12-24"}})
        path = (link(bundle, "next") or "").removeprefix(f"{BASE}/fhir/")
    assert seen == ["p7", "p6", "p5", "p4", "p3", "p2", "p1", "plan"]
    assert pages == 3


def test_an_equal_search_by_other_words_finds_the_same(pulled):
    for patient in ("anna", "Patient/anna", f"{BASE}/fhir/Patient/anna", "nobody,Patient/anna"):
        assert ids(pulled(f"CarePlan?patient={patient}")) == ["plan"]
    assert ids(pulled(f"CarePlan?subject={BASE}/fhir/Patient/nobody,{BASE}/fhir/Patient/anna")) == ["plan"]
    assert ids(pulled("CarePlan?patient=https://hospital/fhir/Patient/anna")) == []


def test_a_search_is_posted_and_its_url_counts_too(ward, pulled):
    form = "patient=Patient/anna&_count=1&_format=json&_pretty=true"
    answer = ward.ask(
        "POST", "/fhir/CarePlan/_search?status=draft&_include=CarePlan:goal", data=form, content_type=FORM
    )
    assert answer.status_code == 200
    assert b"\n  " in answer.data
    bundle = decode(answer.data)
    assert ids(bundle) == ["plan", "alive"]
    assert "status=draft" in link(bundle, "self")
    assert "patient=Patient%2Fanna" in link(bundle, "self")
    assert decode(ward.ask("POST", "/fhir/CarePlan/_search", data="", content_type=FORM).data)["total"] == 1
    nothing = ward.ask("POST", "/fhir/CarePlan/_search?status=active", data="status=draft", content_type=FORM)
    assert decode(nothing.data)["total"] == 0, "a parameter twice means both"


@pytest.mark.parametrize("place", ["body", "url"])
def test_a_posted_search_for_a_format_that_is_not_written_is_refused(ward, place):
    query, form = ("", "_format=xml") if place == "body" else ("?_format=xml", "_count=1")
    answer = ward.ask("POST", f"/fhir/CarePlan/_search{query}", data=form, content_type=FORM)
    assert (answer.status_code, decode(answer.data)["issue"][0]["code"]) == (406, "not-supported")
    assert ward.ask("POST", f"/fhir/CarePlan/_search{query}", None, data=form, content_type=FORM).status_code == 401


@pytest.mark.parametrize("content_type", ["application/fhir+json", "multipart/form-data; boundary=x", "text/plain", ""])
def test_a_search_posted_as_anything_but_a_form_is_refused(ward, content_type):
    answer = ward.ask("POST", "/fhir/CarePlan/_search", data="patient=anna", content_type=content_type)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("title=sequential", ["set-haplo-pdli"]),
        ("title:contains=HAPLOIDENTICAL", ["set-haplo-pdli"]),
        ("name:missing=true", []),
        ("definition=https://engraft.example/fhir/ActivityDefinition/set-haplo-pdli-thiotepa", ["set-haplo-pdli"]),
        ("definition=https://engraft.example/fhir/ActivityDefinition/set-haplo-pdli-nothing", []),
        ("status:not=active", []),
        ("_sort=-_id&_count=1", ["set-haplo-pdli"]),
        ("_profile:missing=false", ["set-haplo-pdli"]),
    ],
)
def test_definitions_are_searched_by_the_same_rules(pulled, query, found):
    assert ids(pulled(f"PlanDefinition?{query}", "registry")) == found


def test_definitions_have_pages_and_parts_and_no_time_of_change(ward, pulled):
    path, seen = "ActivityDefinition?_count=5&_elements=url", []
    while path:
        bundle = pulled(path)
        seen += [entry["resource"] for entry in bundle["entry"]]
        path = (link(bundle, "next") or "").removeprefix(f"{BASE}/fhir/")
    assert len({one["id"] for one in seen}) == len(seen) == bundle["total"] > 10
    assert {len(one["meta"]["versionId"]) for one in seen} == {16}
    assert {frozenset(one) for one in seen} == {frozenset({"resourceType", "id", "meta", "status", "url"})}
    for query in ("_lastUpdated=ge2026", "_sort=_lastUpdated"):
        assert ward.ask("GET", f"/fhir/ActivityDefinition?{query}").status_code == 400
