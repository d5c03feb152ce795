"""FHIR resources: versions without noise, decimals as written, each centre's own."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.errors import Conflict
from adapter.store import courses, criteria, resources, stored
from adapter.store.paging import Window

COURSE = "0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60"

FINAL = criteria.read("Observation", "status", "final")
NUMBERS = count()


def observation(id_="cd4", value="120.50", status="final"):
    quantity = {"value": Decimal(value), "unit": "/uL"}
    return {"resourceType": "Observation", "id": id_, "status": status, "valueQuantity": quantity}


@pytest.fixture
def put(store, noon):
    def put(resource, at=noon, centre="FR-037", course=COURSE, sources=("FR-037/P-1/m1",), **more):
        with store.transaction() as tx:
            return tx.resources.put(resource, centre=centre, course=course, sources=sources, at=at, **more)

    return put


@pytest.fixture
def read(store):
    def read(verb, *args, **more):
        with store.reading() as tx:
            found = getattr(tx.resources, verb)(*args, **more)
            return list(found) if verb == "stream" else found

    return read


def test_a_resource_comes_back_as_it_was_written(put, read, noon):
    put(observation(value="120.50"))
    stored = read("get", "Observation", "cd4")
    assert str(stored.content["valueQuantity"]["value"]) == "120.50"
    assert (stored.version, stored.at, stored.centre, stored.course) == (1, noon, "FR-037", COURSE)
    assert not stored.deleted
    assert stored.reference == "Observation/cd4"


def test_its_meta_says_which_version_it_is_and_since_when(put, read):
    put(observation() | {"meta": {"source": "https://engraft.example/fhir/engraft", "versionId": "77"}})
    assert read("get", "Observation", "cd4").content["meta"] == {
        "source": "https://engraft.example/fhir/engraft",
        "versionId": "1",
        "lastUpdated": "2026-09-03T12:00:00.000Z",
    }
    assert list(read("get", "Observation", "cd4").content)[:3] == ["resourceType", "id", "meta"]


def test_the_same_content_writes_nothing(put, read, noon):
    assert put(observation()).version == 1
    assert put(observation(), at=noon + timedelta(days=1)) is None
    assert put(read("get", "Observation", "cd4").content, at=noon + timedelta(days=1)) is None
    assert [one.version for one in read("history", "Observation", "cd4")] == [1]
    assert read("get", "Observation", "cd4").at == noon


def test_other_content_is_a_new_version_and_the_old_one_stays(put, read, noon):
    put(observation(value="120"))
    put(observation(value="130"), at=noon + timedelta(hours=1))
    newest, oldest = read("history", "Observation", "cd4")
    assert (newest.version, newest.content["valueQuantity"]["value"]) == (2, 130)
    assert (oldest.version, oldest.content["valueQuantity"]["value"]) == (1, 120)
    assert oldest.content["meta"]["lastUpdated"] == "2026-09-03T12:00:00.000Z"
    assert read("version", "Observation", "cd4", 1) == oldest
    assert read("get", "Observation", "cd4") == newest


def test_more_digits_are_other_content(put):
    put(observation(value="2.5"))
    assert put(observation(value="2.50")).version == 2


@pytest.mark.parametrize("number", [0, -1, 2, 2**31, 2**70])
def test_a_version_that_is_not_there(put, read, number):
    put(observation())
    assert read("version", "Observation", "cd4", number) is None


def test_what_is_not_there(read):
    assert read("get", "Observation", "cd4") is None
    assert read("history", "Observation", "cd4") == []


def test_the_same_id_in_another_type_is_another_resource(put, read):
    put(observation("x"))
    put({"resourceType": "Procedure", "id": "x", "status": "completed"})
    assert read("get", "Procedure", "x").version == 1


def test_a_resource_stays_with_its_centre(put, read):
    put(observation())
    with pytest.raises(Conflict, match="not this centre's"):
        put(observation(value="1"), centre="FR-038")
    assert read("get", "Observation", "cd4").version == 1


def test_what_is_expected_must_be_there(put):
    with pytest.raises(Conflict, match="not there") as caught:
        put(observation(), expected_version=1)
    assert caught.value.status == 412
    put(observation())
    assert put(observation(value="1"), expected_version=1).version == 2
    with pytest.raises(Conflict, match="is version 2, not version 1"):
        put(observation(value="3"), expected_version=1)


def test_sources_are_known_both_ways(put, read):
    put(observation("a"), sources=["FR-037/P-1/m1", "FR-037/P-1/m3"])
    put(observation("b"), sources=["FR-037/P-1/m3"])
    assert read("sources_of", "Observation", "a") == ("FR-037/P-1/m1", "FR-037/P-1/m3")
    assert [one.id for one in read("from_source", COURSE, "FR-037/P-1/m3")] == ["a", "b"]
    assert read("from_source", "another course", "FR-037/P-1/m3") == []
    assert read("sources_of_course", COURSE) == {
        "Observation/a": ("FR-037/P-1/m1", "FR-037/P-1/m3"),
        "Observation/b": ("FR-037/P-1/m3",),
    }


def test_other_sources_of_the_same_content_are_no_new_version(put, read):
    put(observation(), sources=["m1"])
    assert put(observation(), sources=["m3"]) is None
    assert read("sources_of", "Observation", "cd4") == ("m3",)
    put(observation(), sources=[])
    assert read("sources_of", "Observation", "cd4") == ()


def test_everything_of_a_course(put, read):
    put(observation("a"))
    put(observation("b"), course="another")
    assert [one.id for one in read("of_course", COURSE)] == ["a"]


def test_whole_courses_wait_undecoded_and_are_then_the_same_as_read_alone(put, read, store, noon):
    put(observation("b"))
    put({"id": "a", "valueInteger": 7, "resourceType": "Observation"}, at=noon + timedelta(days=1))
    put(observation("c"), course="another", centre="FR-038")
    put(observation("d"))
    put(observation("e"), course="third")
    with store.transaction() as tx:
        tx.resources.delete("Observation", "d", noon)
    found = read("of_courses", [COURSE, "another", "nowhere"])
    assert found.keys() == {COURSE, "another"}
    assert all(isinstance(one.content, bytes) for one in found[COURSE])
    for course, written in found.items():
        alone = read("of_course", course)
        assert courses.decoded(written) == alone
        assert [[*one.content] for one in courses.decoded(written)] == [[*one.content] for one in alone]
    assert [one.id for one in found[COURSE]] == ["b", "a"]


def test_many_by_reference_in_the_order_asked(put, read, monkeypatch):
    monkeypatch.setattr(resources, "AT_ONCE", 2)
    for id_ in "abcde":
        put(observation(id_))
    asked = [f"Observation/{id_}" for id_ in "dabca"] + ["Observation/zz", "Patient/a", "#contained"]
    assert [one.id for one in read("get_many", asked)] == list("dabc")
    assert read("get_many", []) == []


def test_streaming_by_centre_type_and_age(put, read, noon):
    put(observation("a"))
    put(observation("b"), centre="FR-038", at=noon + timedelta(days=1))
    put({"resourceType": "Patient", "id": "c"}, centre=None, at=noon + timedelta(days=2))
    assert [one.id for one in read("stream", centres=None)] == ["a", "b", "c"]
    assert [one.id for one in read("stream", centres=["FR-038"])] == ["b"]
    assert [one.id for one in read("stream", centres=[])] == []
    assert [one.id for one in read("stream", centres=None, kinds=["Patient"])] == ["c"]
    assert [one.id for one in read("stream", centres=None, since=noon + timedelta(days=1))] == ["b", "c"]


def test_streaming_keeps_few_rows_in_memory(put, store, monkeypatch):
    monkeypatch.setattr(resources, "AT_ONCE", 2)
    for id_ in "abcde":
        put(observation(id_))
    made = []
    original = stored.of
    monkeypatch.setattr(resources, "of", lambda row: made.append(row) or original(row))
    with store.reading() as tx:
        stream = tx.resources.stream(centres=None)
        next(stream)
        assert len(made) == 1
        stream.close()


def test_what_is_gone_is_found_in_its_history_only(put, read, store, noon):
    put(observation())
    with store.transaction() as tx:
        assert tx.resources.delete("Observation", "cd4", noon)
        assert not tx.resources.delete("Observation", "cd4", noon)
        assert not tx.resources.delete("Observation", "zz", noon)
    assert read("get", "Observation", "cd4").deleted
    assert [one.deleted for one in read("history", "Observation", "cd4")] == [True, False]
    assert read("search", "Observation", [], Window(9), centres=None).total == 0
    assert read("search", "Observation", [FINAL], Window(9), centres=None).total == 0
    assert read("of_course", COURSE) == read("stream", centres=None) == read("get_many", ["Observation/cd4"]) == []


def test_what_was_gone_can_come_back(put, read, store, noon):
    put(observation())
    with store.transaction() as tx:
        tx.resources.delete("Observation", "cd4", noon)
    assert put(observation()).version == 3
    assert read("search", "Observation", [FINAL], Window(9), centres=None).total == 1


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(["1", "1.0", "2", "gone"]), max_size=8))
def test_history_is_what_was_said_without_repetitions(store, noon, said):
    """Versions count 1, 2, 3 ...; the newest is what was said last; nobody said the same thing twice running."""
    id_ = f"patient-{next(NUMBERS)}"
    spoken = [value for number, value in enumerate(said) if number == 0 or value != said[number - 1]]
    spoken = spoken[1:] if spoken[:1] == ["gone"] else spoken
    with store.transaction() as tx:
        for value in said:
            if value == "gone":
                tx.resources.delete("Observation", id_, noon)
            else:
                tx.resources.put(observation(id_, value), centre=None, course=None, sources=[], at=noon)
        history = tx.resources.history("Observation", id_)[::-1]
    assert [one.version for one in history] == list(range(1, len(spoken) + 1))
    told = ["gone" if one.deleted else str(one.content["valueQuantity"]["value"]) for one in history]
    assert told == spoken


class TestSeveralTogether:
    """Each is as if it had been put alone, whatever the others are."""

    @pytest.fixture
    def put_all(self, store, noon):
        def put_all(*resources, centre="FR-037", at=noon, sources=("FR-037/P-1/m1",)):
            with store.transaction() as tx:
                rows = [(one, sources) for one in resources]
                return tx.resources.put_all(rows, centre=centre, course=COURSE, at=at)

        return put_all

    def test_new_known_unchanged_and_deleted_ones_are_told_apart(self, put_all, put, store, read, noon):
        for id_ in ("known", "same", "gone"):
            put(observation(id_))
        with store.transaction() as tx:
            tx.resources.delete("Observation", "gone", noon)
        changed = observation("known", "7")
        told = put_all(observation("new"), changed, observation("same"), observation("gone"))
        assert [one and (one.id, one.version) for one in told] == [("new", 1), ("known", 2), None, ("gone", 3)]
        assert [one.id for one in read("of_course", COURSE)] == ["known", "same", "gone", "new"]
        assert read("get", "Observation", "known").content["valueQuantity"]["value"] == 7

    def test_many_keep_their_order_and_are_found(self, put_all, read):
        ids = [f"o-{number}" for number in range(450)]
        assert [one.id for one in put_all(*map(observation, ids))] == ids
        assert [one.id for one in read("of_course", COURSE)] == ids
        window = Window(count=1, total=True)
        assert read("search", "Observation", [FINAL], window, centres=None).total == len(ids)

    def test_what_is_found_by_the_old_content_is_found_no_more(self, put_all, read):
        put_all(observation("a"), observation("b"))
        put_all(observation("a", status="amended"), observation("b"))
        found = read("search", "Observation", [FINAL], Window(count=9), centres=None)
        assert [one.id for one in found.matches] == ["b"]

    def test_where_one_is_another_centres_none_is_written(self, put_all, put, read):
        put(observation("theirs"), centre="FR-044")
        with pytest.raises(Conflict, match="Observation/theirs"):
            put_all(observation("new"), observation("theirs"))
        assert read("get", "Observation", "new") is None

    def test_the_documents_that_each_comes_from_are_brought_up_to_date_where_nothing_else_changes(self, put_all, read):
        put_all(observation("a"), observation("b"))
        assert put_all(observation("a"), sources=("FR-037/P-1/m3", "FR-037/P-1/m1")) == [None]
        assert read("sources_of_course", COURSE) == {
            "Observation/a": ("FR-037/P-1/m1", "FR-037/P-1/m3"),
            "Observation/b": ("FR-037/P-1/m1",),
        }
