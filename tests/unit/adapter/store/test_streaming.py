"""What is streamed as bytes is what is read as resources, whatever order its elements are stored in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from adapter.store.courses import decoded
from adapter.store.criteria import read
from adapter.store.streaming import Wanted, moment
from mappings.r4 import wire

NOW = datetime(2026, 9, 3, 10, 0, 0, 123456, tzinfo=UTC)
AS_WE_WRITE = {"resourceType": "Patient", "id": "p1", "meta": {"profile": ["http://a.example"]}, "gender": "female"}
OF_OTHERS = [
    {"id": "p2", "resourceType": "Patient", "gender": "male"},
    {"resourceType": "Patient", "id": "p3", "gender": "male", "meta": {"source": "http://a.example/é"}},
    {"resourceType": "Patient", "id": "p4", "meta": {}, "birthDate": "1971"},
    {"resourceType": "Patient", "meta": {"source": "http://a.example"}, "id": "p5"},
]
COUNT = {"resourceType": "Observation", "id": "o1", "status": "final", "subject": {"reference": "Patient/p1"}}


def put(store, *resources, course="c-1", at=NOW):
    with store.transaction() as tx:
        for resource in resources:
            tx.resources.put(resource, centre="FR-037", course=course, sources=[], at=at)


def lines(store, **wanted):
    with store.reading() as tx:
        return [line for _, _, line in tx.resources.lines(Wanted(**wanted))]


@pytest.mark.parametrize("resource", [AS_WE_WRITE, *OF_OTHERS], ids=lambda one: one["id"])
def test_a_line_is_the_resource_with_its_version_in_meta(store, resource):
    put(store, resource)
    with store.reading() as tx:
        (whole,) = tx.resources.stream(centres=None)
        ((key, kind, line),) = tx.resources.lines(Wanted())
    assert (key > 0, kind) == (True, "Patient")
    assert line == wire.encode(whole.content)
    assert whole.content["meta"]["lastUpdated"] == "2026-09-03T10:00:00.123Z"


def test_digits_stay_as_they_were_written(store):
    put(store, COUNT | {"valueQuantity": {"value": wire.decode("2.50")}})
    assert b'"value":2.50' in lines(store)[0]


def test_a_moment_is_told_in_utc_whatever_zone_the_database_tells_it_in():
    paris = timezone(timedelta(hours=2))
    assert (
        moment(NOW.astimezone(paris)) == moment(NOW) == moment(NOW.replace(tzinfo=None)) == "2026-09-03T10:00:00.123Z"
    )


def test_what_is_wanted_is_what_meets_everything(store):
    other, later = AS_WE_WRITE | {"id": "p9"}, NOW + timedelta(hours=1)
    put(store, AS_WE_WRITE, COUNT)
    put(store, other, COUNT | {"id": "o9", "subject": {"reference": "Patient/p9"}}, course="c-9", at=later)
    subject = {"resourceType": "ResearchSubject", "id": "s9", "study": {"reference": "ResearchStudy/set"}}
    put(store, subject, course="c-9", at=later)

    def ids(**wanted):
        return [wire.decode(line)["id"] for line in lines(store, **wanted)]

    assert ids(kinds=["Patient"]) == ["p1", "p9"]
    assert ids(since=later) == ["p9", "o9", "s9"]
    assert ids(until=later) == ["p1", "o1"]
    assert ids(patients=["p1"]) == ["p1", "o1"]
    assert ids(study="set") == ["p9", "o9", "s9"]
    assert ids(centres=["BE-001"]) == []
    found = [read("Observation", "subject", "Patient/p9")]
    assert ids(searches={"Observation": [found]}, kinds=["Observation", "Patient"]) == ["p1", "p9", "o9"]
    with store.reading() as tx:
        first = next(tx.resources.lines(Wanted()))[0]
        assert tx.resources.count(Wanted(kinds=["Patient"])) == 2
        assert list(tx.resources.ids(Wanted(kinds=["Observation"]))) == ["o1", "o9"]
    assert ids(after=first) == ["o1", "p9", "o9", "s9"]


def test_what_stood_there_at_an_instant_is_found_though_it_changed_since(store):
    later, last = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    consent = {"resourceType": "Consent", "id": "c1", "status": "active"}
    put(store, AS_WE_WRITE, COUNT, COUNT | {"id": "o2"}, consent)
    put(store, AS_WE_WRITE | {"gender": "other"}, consent | {"status": "inactive"}, COUNT | {"id": "o3"}, at=later)
    put(store, AS_WE_WRITE | {"gender": "unknown"}, at=last)
    with store.transaction() as tx:
        tx.resources.delete("Observation", "o2", later)

    def told(**wanted):
        found = (wire.decode(line) for line in lines(store, **wanted))
        return {one["id"]: one.get("gender") or one["status"] for one in found}

    newest = {"p1": "unknown", "o1": "final", "c1": "inactive", "o3": "final"}
    assert told() == told(as_of=last) == newest
    assert told(as_of=later) == newest | {"p1": "other"}
    assert told(as_of=NOW) == {"p1": "female", "o1": "final", "o2": "final", "c1": "active"}
    assert told(as_of=NOW - timedelta(hours=1)) == {}
    assert told(as_of=NOW, since=later) == told(as_of=later, since=last) == {}
    assert told(as_of=later, since=later) == {"p1": "other", "c1": "inactive", "o3": "final"}
    assert told(as_of=later, until=later) == {"o1": "final"}
    with store.reading() as tx:
        assert tx.resources.gone(Wanted(as_of=NOW)) == []
        assert tx.resources.gone(Wanted(as_of=later, since=later)) == [("Observation", "o2")]
        assert tx.resources.gone(Wanted(as_of=NOW, since=NOW)) == []
        (course,) = tx.resources.of_courses(["c-1"], NOW).values()
        assert tx.resources.count(Wanted(as_of=NOW)) == 4
    of_course = {one.id: one.content.get("gender") or one.content["status"] for one in decoded(course)}
    assert of_course == {"p1": "female", "o1": "final", "o2": "final", "c1": "inactive"}  # taken back is taken back
