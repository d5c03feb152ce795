"""What goes together, what passes what is parked, and what is said anew: the order of one patient's deliveries."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from adapter.store.delivery import Said

MINUTE = timedelta(minutes=1)
DOSE = {"resourceType": "Observation", "id": "cd34", "valueQuantity": {"value": Decimal("5.10")}}


def add(store, *courses, destination="chu-a", at):
    with store.transaction() as tx:
        return [tx.outbox.add(destination, course, [DOSE], source="m1", at=at) for course in courses]


def lease(store, at, worker="worker", seconds=60.0):
    with store.transaction() as tx:
        return tx.outbox.lease(worker, at=at, lease_seconds=seconds)


def show(store, id_):
    with store.reading() as tx:
        return tx.outbox.show(id_)


def test_what_follows_is_leased_with_the_first_up_to_a_second_version_of_the_same(store, noon):
    with store.transaction() as tx:
        ids = [
            tx.outbox.add("chu-a", "anna", [DOSE | {"id": id_}], source="m1", at=noon)
            for id_ in ("one", "two", "one", "three")
        ]
        tx.outbox.add("chu-a", "bela", [DOSE], source="m1", at=noon)
    first = lease(store, noon)
    with store.transaction() as tx:
        followers = tx.outbox.follow(first, until=noon + MINUTE, most=9)
        assert [(row.id, row.state, row.worker, row.attempts) for row in followers] == [(ids[1], "leased", "worker", 1)]
        assert tx.outbox.extend([ids[0], ids[1]], "worker", noon + 2 * MINUTE)
        assert not tx.outbox.extend([ids[0], ids[2]], "worker", noon + 2 * MINUTE)
    assert [row.course for row in iter(lambda: lease(store, noon), None)] == ["bela"], "anna is under way"
    with store.transaction() as tx:
        assert tx.outbox.delivered(ids[0], "worker", noon)
        assert tx.outbox.delivered(ids[1], "worker", noon)
    assert lease(store, noon).id == ids[2]


def test_so_many_follow_and_no_more(store, noon):
    with store.transaction() as tx:
        for number in range(5):
            tx.outbox.add("chu-a", "anna", [DOSE | {"id": str(number)}], source="m1", at=noon)
    first = lease(store, noon)
    with store.transaction() as tx:
        assert len(tx.outbox.follow(first, until=noon, most=2)) == 2


def test_a_row_that_is_parked_for_itself_lets_the_next_one_pass(store, noon):
    first, second = add(store, "anna", "anna", at=noon)
    lease(store, noon)
    with store.transaction() as tx:
        assert tx.outbox.park(first, "worker", Said("422: no"), holds=False)
    assert lease(store, noon).id == second
    with store.transaction() as tx:
        assert tx.outbox.requeue([first], noon) == [first]
    assert lease(store, noon) is None, "the second is still under way"
    with store.transaction() as tx:
        tx.outbox.retry(second, "worker", Said("away"), due=noon)
    assert lease(store, noon).id == first, "the older one goes before it"


def test_a_parked_row_never_says_again_what_a_later_one_has_said_anew(store, noon):
    old, other = DOSE | {"id": "old"}, DOSE | {"id": "other"}
    with store.transaction() as tx:
        first = tx.outbox.add("chu-a", "anna", [old, other], source="m1", at=noon)
        second = tx.outbox.add("chu-a", "anna", [old], source="m1", at=noon)
        third = tx.outbox.add("chu-a", "anna", [other], source="m1", at=noon)
    lease(store, noon)
    with store.transaction() as tx:
        tx.outbox.park(first, "worker", Said("no"), holds=False)
        tx.outbox.supersede("chu-a", "anna", {"Observation/old"}, by=second, at=noon)
        assert [one["id"] for one in tx.outbox.show(first).content] == ["other"]
        tx.outbox.supersede("chu-a", "anna", {"Observation/other"}, by=third, at=noon)
        assert (tx.outbox.show(first).state, tx.outbox.show(first).finished) == ("delivered", noon)
        assert str(third) in tx.outbox.show(first).error


def test_what_was_refused_stays_and_what_went_through_is_on_record(store, noon):
    good, bad = DOSE | {"id": "good"}, DOSE | {"id": "bad"}
    with store.transaction() as tx:
        first = tx.outbox.add("chu-a", "anna", [good, bad], source="m1", at=noon)
    row = lease(store, noon)
    with store.transaction() as tx:
        tx.outbox.split(row, [bad], noon)
        tx.outbox.park(first, "worker", Said("422"), holds=False)
        left, through = tx.outbox.listing()
    assert ([one["id"] for one in left.content], left.state) == (["bad"], "parked")
    assert ([one["id"] for one in through.content], through.state, through.source) == (["good"], "delivered", "m1")


def test_a_row_that_the_server_breaks_over_is_counted_until_a_person_says_again(store, noon):
    (first,) = add(store, "anna", at=noon)
    for strikes in (1, 2):
        lease(store, noon)
        with store.transaction() as tx:
            tx.outbox.retry(first, "worker", Said("500"), due=noon, struck=True)
        assert show(store, first).strikes == strikes
    with store.transaction() as tx:
        tx.outbox.requeue([first], noon)
    assert show(store, first).strikes == 0


def test_where_something_waits(store, noon):
    add(store, "anna", destination="b", at=noon)
    add(store, "anna", "bela", destination="a", at=noon + MINUTE)
    with store.transaction() as tx:
        assert tx.outbox.destinations() == ["a", "b"]
        assert tx.outbox.lease("worker", at=noon, lease_seconds=60, destination="a") is None
        assert tx.outbox.lease("worker", at=noon, lease_seconds=60, destination="b").course == "anna"
        assert (tx.outbox.next_due("a"), tx.outbox.next_due("c"), tx.outbox.waiting()) == (noon + MINUTE, None, 2)
        assert tx.outbox.backlog() == {"a": (2, noon + MINUTE), "b": (1, noon)}


def test_what_the_dead_hold_can_be_given_back(store, noon):
    add(store, "anna", "bela", at=noon)
    lease(store, noon, worker="dead")
    lease(store, noon, worker="alive")
    with store.transaction() as tx:
        assert sorted(tx.outbox.workers()) == ["alive", "dead"]
        assert tx.outbox.release(["dead"], noon) == 1
    row = lease(store, noon, worker="heir")
    assert (row.course, row.attempts) == ("anna", 2)
