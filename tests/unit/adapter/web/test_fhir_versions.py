"""Versions of a resource: which the caller has, which there were, and how a long history is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mappings.r4.validate import validate
from mappings.r4.wire import decode

START = datetime(2026, 9, 3, 10, 0, tzinfo=UTC)
TASK = {"resourceType": "Task", "id": "t", "status": "draft", "intent": "plan", "description": "0"}


@pytest.fixture
def corrected(ward):
    """A task in five versions, an hour apart, the last of which says that it is gone."""
    with ward.store.transaction() as tx:
        for number in range(4):
            at = START + timedelta(hours=number)
            task = TASK | {"description": str(number)}
            tx.resources.put(task, centre="FR-037", course="c", sources=["test"], at=at)
        tx.resources.delete("Task", "t", START + timedelta(hours=4))
    return ward


def told(answer):
    assert answer.status_code == 200, answer.text
    bundle = decode(answer.data)
    assert [fault for fault in validate(bundle) if fault.severity == "error"] == []
    return bundle


def numbers(bundle):
    return [int(entry["response"]["etag"].strip('W/"')) for entry in bundle.get("entry", ())]


def test_a_history_is_read_page_by_page_whatever_is_added_meanwhile(corrected):
    path, seen = "/fhir/Task/t/_history?_count=2", []
    while path:
        bundle = told(corrected.ask("GET", path))
        assert bundle["link"][0] == {"relation": "self", "url": f"https://engraft.test{path}"}
        if not seen:
            assert bundle["total"] == 5
            with corrected.store.transaction() as tx:
                tx.resources.put(TASK, centre="FR-037", course="c", sources=["test"], at=START + timedelta(hours=5))
        seen += numbers(bundle)
        links = {link["relation"]: link["url"].removeprefix("https://engraft.test") for link in bundle["link"]}
        path = links.get("next")
    assert seen == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("_since=2026-09-03T12:00:00Z", [5, 4, 3]),
        ("_since=2026-09-03T14:00:00%2B02:00", [5, 4, 3]),
        ("_since=2026-09-03T14:00:00+02:00", [5, 4, 3]),
        ("_since=2026-09-03T12:00:01Z&_count=1", [5]),
        ("_since=2027-01-01T00:00:00Z", []),
        ("_count=0", []),
        ("_count=99999", [5, 4, 3, 2, 1]),
        ("_pretty=true&_format=json", [5, 4, 3, 2, 1]),
    ],
)
def test_a_part_of_a_history(corrected, query, found):
    bundle = told(corrected.ask("GET", f"/fhir/Task/t/_history?{query}"))
    assert numbers(bundle) == found
    assert bundle["total"] == {"_since=2026-09-03T12:00:01Z&_count=1": 2, "_count=0": 5}.get(query, len(found))


@pytest.mark.parametrize(
    "query",
    ["_since=2026-09-03", "_since=spring", "_since=2026-09-03T12:00:00", "_count=x", "_at=2026", "status=draft"],
)
def test_what_a_history_does_not_know_is_refused_by_name(corrected, query):
    answer = corrected.ask("GET", f"/fhir/Task/t/_history?{query}")
    (issue,) = decode(answer.data)["issue"]
    assert (answer.status_code, issue["expression"]) == (400, [query.partition("=")[0]])


def test_who_asks_for_leniency_gets_the_history(corrected):
    answer = corrected.ask("GET", "/fhir/Task/t/_history?_at=2026&_count=1", headers={"Prefer": "handling=lenient"})
    assert numbers(told(answer)) == [5]
    refused = corrected.ask("GET", "/fhir/Task/t/_history?_since=2026", headers={"Prefer": "handling=lenient"})
    assert refused.status_code == 400


def test_the_history_of_a_definition_has_its_one_version(ward):
    bundle = told(ward.ask("GET", "/fhir/PlanDefinition/set-haplo-pdli/_history", "registry"))
    assert (bundle["total"], len(bundle["entry"])) == (1, 1)
    assert (
        ward.ask("GET", "/fhir/PlanDefinition/set-haplo-pdli/_history?_since=2026-01-01T00:00:00Z").status_code == 400
    )


def test_there_is_no_history_of_a_type(corrected):
    for path in ("/fhir/Task/_history", "/fhir/_history"):
        assert corrected.ask("GET", path).status_code == 404


def test_another_centres_history_answers_exactly_as_a_missing_one(corrected):
    for path in ("Task/{}/_history?_count=1", "Task/{}/_history/2?_summary=true", "Task/{}?_elements=status"):
        there = corrected.ask("GET", f"/fhir/{path.format('t')}", "other-ehr")
        nowhere = corrected.ask("GET", f"/fhir/{path.format('u')}", "other-ehr")
        assert there.status_code == nowhere.status_code == 404
        assert there.data == nowhere.data


@pytest.mark.parametrize(
    ("tag", "status"),
    [('W/"1"', 304), ('"1"', 304), ('W/"9", W/"1"', 304), ("*", 304), ('W/"2"', 200), ("1", 304), ("nonsense", 200)],
)
@pytest.mark.parametrize("path", ["/fhir/Task/t", "/fhir/Task/t/_history/1", "/fhir/Task/t?_summary=true"])
def test_the_version_that_the_caller_has_is_not_sent_again(ward, path, tag, status):
    ward.put(TASK)
    answer = ward.ask("GET", path, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.headers["ETag"]) == (status, 'W/"1"')
    assert bool(answer.data) == (status == 200)


@pytest.mark.parametrize("path", ["Task/t", "Task/t/_history/1", "Task/t/_history", "Task?status=draft", "metadata"])
def test_a_head_is_answered_as_its_get_without_the_body(ward, path):
    ward.put(TASK)
    got, head = (ward.ask(method, f"/fhir/{path}") for method in ("GET", "HEAD"))
    assert head.status_code == got.status_code == 200
    assert head.data == b""
    different = {"X-Request-Id"}
    assert {k: v for k, v in head.headers if k not in different} == {k: v for k, v in got.headers if k not in different}


def test_a_head_of_what_is_missing_or_of_another_centre_says_so(ward):
    ward.put(TASK)
    assert ward.ask("HEAD", "/fhir/Task/u").status_code == 404
    assert ward.ask("HEAD", "/fhir/Task/t", "other-ehr").status_code == 404
