"""What centres sent: every version kept, nothing written twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from adapter.errors import NotFound, StoreUnavailable

NUMBERS = count()
NOON_LATER = datetime(2026, 9, 3, 13, 0, tzinfo=UTC)
NAMES = {"id": "f1", "centre": "FR-037", "patient": "P-1", "course": "course-1", "key": "FR-037/P-1/m1"}


@pytest.fixture(params=["enrolments", "follow_ups"])
def kind(request):
    return request.param


@pytest.fixture
def change(store, noon, kind):
    def change(verb, *args, **more):
        with store.transaction() as tx:
            return getattr(getattr(tx, kind), verb)(*args, **more)

    def put(content, at=noon, **names):
        return change("put", content=content, at=at, **(NAMES | names))

    change.put = put
    return change


def test_a_document_comes_back_as_it_was_sent(change, noon):
    document = {"visit": "m1", "weight": Decimal("66.50"), "é": [None, True]}
    sent, written = change.put(document)
    assert written
    kept = change("get", "f1")
    assert kept == sent
    assert str(kept.content["weight"]) == "66.50"
    assert (kept.version, kept.status, kept.reason, kept.at) == (1, "recorded", None, noon)
    assert (kept.centre, kept.patient, kept.course, kept.key) == ("FR-037", "P-1", "course-1", "FR-037/P-1/m1")


def test_the_same_content_in_another_order_writes_nothing(change, noon):
    change.put({"visit": "m1", "date": "2026-04-02"})
    again, written = change.put({"date": "2026-04-02", "visit": "m1"}, at=noon + timedelta(days=1))
    assert not written
    assert (again.version, again.at) == (1, noon)
    assert len(change("history", "f1")) == 1


def test_other_content_is_a_new_version(change):
    change.put({"n": 1})
    assert change.put({"n": 2})[0].version == 2
    assert [(one.version, one.content["n"]) for one in change("history", "f1")] == [(2, 2), (1, 1)]
    assert change("get", "f1").content == {"n": 2}


def test_content_that_returns_is_a_new_version_too(change):
    for number in (1, 2, 1):
        change.put({"n": number})
    assert [one.content["n"] for one in change("history", "f1")] == [1, 2, 1]


def test_what_is_retracted_stays_with_its_reason(change):
    change.put({"n": 1})
    retracted, written = change("retract", "f1", "wrong patient", NOON_LATER)
    assert written
    assert (retracted.version, retracted.status, retracted.reason) == (2, "retracted", "wrong patient")
    assert retracted.content == {"n": 1}
    assert change("get", "f1") == retracted
    assert change("of_course", "course-1") == []


def test_retracting_again_writes_nothing(change):
    change.put({"n": 1})
    first, _ = change("retract", "f1", "wrong patient", NOON_LATER)
    assert change("retract", "f1", "another reason", NOON_LATER) == (first, False)


def test_what_was_retracted_can_be_recorded_again(change):
    change.put({"n": 1})
    change("retract", "f1", "wrong patient", NOON_LATER)
    again, written = change.put({"n": 1})
    assert (written, again.version, again.status, again.reason) == (True, 3, "recorded", None)


def test_what_is_not_there_cannot_be_retracted(change):
    assert change("get", "f1") is None
    with pytest.raises(NotFound):
        change("retract", "f1", "wrong patient", NOON_LATER)


def test_a_course_by_visit(change):
    change.put({"n": 3}, id="f3", key="FR-037/P-1/m3")
    change.put({"n": 0}, id="f1", key="FR-037/P-1/m1")
    change.put({"n": 1}, id="f1", key="FR-037/P-1/m1")
    change.put({"n": 9}, id="f9", key="FR-037/P-2/m1", course="course-2")
    assert [one.content["n"] for one in change("of_course", "course-1")] == [1, 3]


def test_an_enrolment_is_found_by_the_centres_own_number(store, noon):
    with store.transaction() as tx:
        tx.enrolments.put(content={"n": 1}, at=noon, **NAMES)
        tx.enrolments.put(content={"n": 2}, at=noon, **NAMES)
        assert tx.enrolments.of("FR-037", "P-1").content == {"n": 2}
        assert tx.enrolments.of("FR-038", "P-1") is None


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(["a", "b", "retract"]), max_size=8))
def test_any_sequence_leaves_a_consistent_history(store, noon, said):
    """One current version; numbers without gaps; neighbours differ in content or in status; nothing rewritten."""
    id_ = f"visit-{next(NUMBERS)}"
    names = NAMES | {"id": id_, "course": id_}
    seen = []
    with store.transaction() as tx:
        for word in said:
            if word != "retract":
                tx.follow_ups.put(content={"word": word}, at=noon, **names)
            elif tx.follow_ups.get(id_):
                tx.follow_ups.retract(id_, "because", noon)
            history = tx.follow_ups.history(id_)
            assert history[len(history) - len(seen) :] == seen
            seen = history
        assert [one.version for one in seen] == list(range(len(seen), 0, -1))
        assert all((a.content, a.status) != (b.content, b.status) for a, b in pairwise(seen))
        assert tx.follow_ups.get(id_) == (seen[0] if seen else None)
        holds = [one for one in seen[:1] if one.status == "recorded"]
        assert tx.follow_ups.of_course(id_) == holds


class TestOneThatComesLate:
    """A centre that gives up a request sends it again, and corrects it; the first may still be under way."""

    def test_it_does_not_take_the_place_of_what_arrived_after_it(self, change, noon):
        change.put({"cd4": 1}, at=noon)
        change.put({"cd4": 2}, at=noon + timedelta(seconds=40))
        for late in (lambda: change.put({"cd4": 1}, at=noon + timedelta(seconds=5)),
                     lambda: change("retract", "f1", "because", noon + timedelta(seconds=5))):  # fmt: skip
            with pytest.raises(StoreUnavailable, match="send it again if it still holds"):
                late()
        assert change("get", "f1").content == {"cd4": 2}
        assert change.put({"cd4": 1}, at=noon + timedelta(seconds=41))[1], "sent again, it is a correction"

    def test_the_same_content_is_acknowledged_whenever_it_comes(self, change, noon):
        change.put({"cd4": 1}, at=noon)
        assert not change.put({"cd4": 1}, at=noon - timedelta(seconds=5))[1]

    def test_a_clock_that_was_wrong_holds_nobody_up(self, change, noon):
        change.put({"cd4": 1}, at=noon + timedelta(hours=1))
        assert change.put({"cd4": 2}, at=noon)[1]


def test_what_was_pushed_of_a_course_is_read_once_until_something_is_written(store, noon):
    def push(tx, id_):
        tx.pushed.put(**NAMES | {"id": id_, "key": f"FR-037/P-1/{id_}"}, content={"id": id_}, at=noon)

    def ids(rows):
        return [one.id for one in rows]

    with store.transaction() as tx:
        push(tx, "a")
        asked = []
        event.listen(tx._connection, "before_cursor_execute", lambda *said: asked.append(said[2]))
        assert ids(tx.pushed.of_course("course-1")) == ids(tx.pushed.ever_of_course("course-1")) == ["a"]
        assert len(asked) == 1
        push(tx, "b")
        tx.pushed.retract("a", "typed twice", noon)
        assert ids(tx.pushed.of_course("course-1")) == ["b"]
        assert ids(tx.pushed.ever_of_course("course-1")) == ["a", "b"]
        assert tx.pushed.of_course("course-2") == []
