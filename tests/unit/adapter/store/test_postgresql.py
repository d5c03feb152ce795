"""What only PostgreSQL does: many writers at once, locks that are passed over, and calls to whoever waits."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from adapter.errors import Invalid, NotFound, StoreUnavailable
from adapter.store import Store
from adapter.store.sent import Given

pytestmark = [pytest.mark.contract, pytest.mark.parametrize("databases", ["postgresql"], indirect=True)]


def queue(store, noon, *courses, destination="chu-a"):
    with store.transaction() as tx:
        return [tx.outbox.add(destination, course, [], source="m1", at=noon) for course in courses]


def test_what_another_holds_is_waited_for_and_then_told(store, prepared):
    with closing(Store(prepared, busy_seconds=0.1)) as impatient, store.transaction() as tx:
        tx.hold("course")
        with pytest.raises(StoreUnavailable, match="lock timeout"), impatient.transaction() as other:
            other.hold("course")


def test_a_text_that_it_cannot_hold_is_refused(store):
    with pytest.raises(Invalid, match="NUL"), store.reading() as tx:
        tx.resources.get("Patient", "\0")


def test_of_several_people_who_answer_at_once_the_first_word_counts(store, noon):
    with store.transaction() as tx:
        tx.questions.settle("chu-a", "course", "Patient/p", {"gone": {}}, noon)
        (asked,) = tx.questions.open_of()
    start = threading.Barrier(8)

    def answer(number):
        start.wait(10)
        try:
            with store.transaction() as tx:
                tx.questions.answer(asked.id, who=f"user:{number}", answer="seen", at=noon)
        except NotFound:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        assert sum(one is not None for one in pool.map(answer, range(8))) == 1


def test_a_row_that_another_is_taking_is_passed_over(store, noon):
    first, second = queue(store, noon, "a", "b")
    with store.transaction() as one:
        assert one.outbox.lease("w1", at=noon, lease_seconds=60).id == first
        with store.transaction() as other:  # does not wait for the first, which is not committed
            assert other.outbox.lease("w2", at=noon, lease_seconds=60).id == second


def test_what_a_person_discards_meanwhile_is_not_sent_behind_the_first(store, noon):
    _, behind, last = queue(store, noon, "a", "a", "a")
    with store.transaction() as worker:
        row = worker.outbox.lease("w1", at=noon, lease_seconds=60)
        with store.transaction() as person:
            person.outbox.discard(behind, "typed twice", noon)
        assert [one.id for one in worker.outbox.follow(row, until=noon, most=9)] == [last]


def test_writers_of_one_patient_at_once_keep_one_order_and_one_front(store, noon):
    start = threading.Barrier(4)

    def write(_):
        start.wait()
        for _ in range(10):
            queue(store, noon, "a")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    with store.reading() as tx:
        rows = tx.outbox.listing()
    assert [row.front for row in rows] == [True] + [False] * 39


def test_who_listens_is_called_once_it_is_committed(store, noon):
    stop, heard = threading.Event(), []
    arrived = threading.Condition()

    def listen():
        for place in store.calls(stop):
            with arrived:
                heard.append(place)
                arrived.notify_all()

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        with arrived:  # nobody says when LISTEN is through: knock until it is
            while not heard:
                queue(store, noon, "knock", destination="knock")
                arrived.wait(0.05)
            assert arrived.wait_for(lambda: set(heard) == {"knock"}, 20)
        with store.reading() as tx:
            knocks = tx.outbox.counts()["waiting"]
        with store.rehearsing() as never:
            queue(never, noon, "a", destination="never-said")
        queue(store, noon, "a", "b")
        with store.transaction() as tx:
            tx.inbox.add("chu-a", "POST", None, None, {}, b"", noon)
        with arrived:
            assert arrived.wait_for(lambda: heard[-1] == "", 20)
        assert len(heard) <= knocks + 2
        assert heard[-2:] == ["chu-a", ""], "a destination once for a transaction, and nothing of what was undone"
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


def test_who_listened_is_told_when_the_database_goes_away(store, prepared, postgresql):
    closing_down = threading.Timer(0.3, postgresql().hang_up, [prepared])
    closing_down.start()
    with pytest.raises(StoreUnavailable, match="no longer answers"):
        next(store.calls(threading.Event()))
    closing_down.join()


def test_two_that_keep_the_same_thing_at_once_both_can(store, noon):
    """What several workers find out about a hospital at the same moment."""
    start = threading.Barrier(4)

    def learn(number):
        start.wait()
        for _ in range(20):
            with store.transaction() as tx:
                given = [Given("Observation", id_, id_, str(number), None) for id_ in ("b", "a")]
                tx.sent.put("chu-a", given[:: 1 if number % 2 else -1], noon)
                tx.sent.learn("chu-a", "ids", "client-id")
                tx.links.put("chu-a", "course", f"Patient/{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(learn, range(4)))
    with store.reading() as tx:
        assert tx.sent.trait("chu-a", "ids") == "client-id"
        assert set(tx.sent.known("chu-a", [("Observation", "a"), ("Observation", "b")])) == {
            "Observation/a",
            "Observation/b",
        }


def test_it_tells_how_many_connections_it_gives(store):
    assert store.room() == 100 - 3, "three are kept for its own people"
