"""Deliveries: in order for each patient, never lost, never leased twice."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import event, select
from sqlalchemy.dialects import postgresql

from adapter.errors import Conflict, NotFound
from adapter.store import Store
from adapter.store.delivery import Said
from adapter.store.outbox import UNFINISHED
from adapter.store.schema import outbox

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


def test_what_is_leased_is_what_was_added(store, noon):
    (id_,) = add(store, "anna", at=noon)
    row = lease(store, noon)
    assert (row.id, row.destination, row.course, row.source, row.state) == (id_, "chu-a", "anna", "m1", "leased")
    assert (row.attempts, row.created, row.due) == (1, noon, noon + MINUTE)
    assert str(row.content[0]["valueQuantity"]["value"]) == "5.10"


def test_nothing_to_do(store, noon):
    assert lease(store, noon) is None
    with store.reading() as tx:
        assert tx.outbox.next_due() is None


def test_a_row_that_is_not_due_waits(store, noon):
    add(store, "anna", at=noon)
    assert lease(store, noon - MINUTE) is None
    with store.reading() as tx:
        assert tx.outbox.next_due() == noon


def test_the_oldest_comes_first(store, noon):
    second, first = add(store, "anna", at=noon)[0], add(store, "bela", at=noon - MINUTE)[0]
    assert [lease(store, noon).id for _ in range(2)] == [first, second]


def test_a_patients_second_change_waits_for_the_first(store, noon):
    first, second = add(store, "anna", "anna", at=noon)
    assert lease(store, noon).id == first
    assert lease(store, noon) is None
    with store.transaction() as tx:
        assert tx.outbox.delivered(first, "worker", noon)
    assert lease(store, noon).id == second


def test_another_patient_does_not_wait(store, noon):
    _, bela = add(store, "anna", "bela", at=noon)
    lease(store, noon)
    assert lease(store, noon).id == bela


def test_another_destination_does_not_wait(store, noon):
    add(store, "anna", at=noon)
    (registry,) = add(store, "anna", destination="national", at=noon)
    lease(store, noon)
    assert lease(store, noon).id == registry


def test_a_change_to_be_tried_again_later_holds_back_the_next_one(store, noon):
    first, second = add(store, "anna", "anna", at=noon)
    lease(store, noon)
    with store.transaction() as tx:
        assert tx.outbox.retry(first, "worker", Said("away", 503), due=noon + MINUTE)
        assert tx.outbox.next_due() == noon + MINUTE
    assert lease(store, noon) is None
    row = lease(store, noon + MINUTE)
    assert (row.id, row.attempts, row.error, row.status) == (first, 2, "away", 503)
    assert show(store, second).state == "waiting"


def test_a_parked_change_holds_back_the_next_one_until_a_person_decides(store, noon):
    first, second = add(store, "anna", "anna", at=noon)
    lease(store, noon)
    refusal = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid"}]}
    with store.transaction() as tx:
        assert tx.outbox.park(first, "worker", Said("422: no", 422, refusal))
        assert tx.outbox.next_due() is None
    assert lease(store, noon + MINUTE) is None
    row = show(store, first)
    assert (row.state, row.error, row.status, row.outcome) == ("parked", "422: no", 422, refusal)
    with store.transaction() as tx:
        tx.outbox.discard(first, "entered by hand", noon)
    assert (show(store, first).state, show(store, first).error) == ("discarded", "entered by hand")
    assert lease(store, noon).id == second


def test_a_person_sends_a_parked_change_again(store, noon):
    (first,) = add(store, "anna", at=noon)
    lease(store, noon)
    with store.transaction() as tx:
        tx.outbox.park(first, "worker", Said("422: no"))
        assert tx.outbox.requeue([first, 99], noon + MINUTE) == [first]
    row = lease(store, noon + MINUTE)
    assert (row.id, row.attempts) == (first, 1)


def test_what_is_finished_is_not_sent_again(store, noon):
    (first,) = add(store, "anna", at=noon)
    lease(store, noon)
    with store.transaction() as tx:
        tx.outbox.delivered(first, "worker", noon)
        assert tx.outbox.requeue([first], noon) == []
        with pytest.raises(Conflict, match="is delivered"):
            tx.outbox.discard(first, "too late", noon)
    assert (show(store, first).finished, show(store, first).worker) == (noon, None)
    assert lease(store, noon + MINUTE) is None


def test_what_is_being_sent_cannot_be_discarded(store, noon):
    (first,) = add(store, "anna", at=noon)
    lease(store, noon)
    with store.transaction() as tx, pytest.raises(Conflict, match="is leased"):
        tx.outbox.discard(first, "no", noon)


@pytest.mark.parametrize("id_", [7, -1, 2**70])
def test_a_delivery_that_is_not_there(store, noon, id_):
    with store.transaction() as tx:
        with pytest.raises(NotFound):
            tx.outbox.show(id_)
        with pytest.raises(NotFound):
            tx.outbox.discard(id_, "no", noon)
        assert tx.outbox.requeue([id_], noon) == []


def test_an_expired_lease_is_taken_over(store, noon):
    (first,) = add(store, "anna", at=noon)
    lease(store, noon, worker="dead", seconds=60)
    assert lease(store, noon + MINUTE - timedelta(microseconds=1), worker="heir") is None
    with store.reading() as tx:
        assert tx.outbox.next_due() == noon + MINUTE
    row = lease(store, noon + MINUTE, worker="heir")
    assert (row.id, row.worker, row.attempts) == (first, "heir", 2)


def test_the_word_of_a_worker_that_lost_its_lease_does_not_count(store, noon):
    (first,) = add(store, "anna", at=noon)
    lease(store, noon, worker="slow")
    lease(store, noon + MINUTE, worker="heir")
    with store.transaction() as tx:
        assert not tx.outbox.park(first, "slow", Said("no"))
        assert not tx.outbox.retry(first, "slow", Said("no"), due=noon)
        assert not tx.outbox.delivered(first, "slow", noon)
        assert tx.outbox.delivered(first, "heir", noon)
        assert not tx.outbox.delivered(first, "heir", noon)


def test_what_a_document_caused(store, noon):
    with store.transaction() as tx:
        first = tx.outbox.add("chu-a", "anna", [DOSE], source="A/1/m1", at=noon)
        tx.outbox.add("chu-a", "anna", [DOSE], source="A/1/m3", at=noon)
        assert [row.id for row in tx.outbox.for_source("anna", "A/1/m1")] == [first]
        assert tx.outbox.for_source("bela", "A/1/m1") == []


def test_a_discarded_change_never_reached_its_destination(store, noon):
    (first,) = add(store, "anna", at=noon)
    with store.transaction() as tx:
        assert tx.outbox.knows("chu-a", "anna")
        assert not tx.outbox.knows("chu-b", "anna")
        tx.outbox.discard(first, "no", noon)
        assert not tx.outbox.knows("chu-a", "anna")


def test_the_queue_for_a_person(store, noon):
    first, second, third = add(store, "anna", "bela", "carl", at=noon)
    lease(store, noon)
    with store.transaction() as tx:
        tx.outbox.delivered(first, "worker", noon)
        assert [row.id for row in tx.outbox.listing()] == [first, second, third]
        assert [row.id for row in tx.outbox.listing(["waiting"])] == [second, third]
        assert [row.id for row in tx.outbox.listing(limit=1)] == [first]
        outlines = tx.outbox.listing(whole=False)
        assert outlines == [replace(row, content=[], outcome=None) for row in tx.outbox.listing()]
        assert tx.outbox.counts() == {"delivered": 1, "waiting": 2}


def test_a_moment_needs_its_time_zone(store, noon):
    with pytest.raises(Exception, match="time zone"):
        add(store, "anna", at=noon.replace(tzinfo=None))


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_claim_is_one_leap_into_an_index_however_long_the_queue_is(store, noon):
    """SQLite's own plan of each statement of a claim: every table is entered by an index, no sort, no scan."""
    with store.transaction() as tx:
        for id_ in ("one", "two", "three"):
            tx.outbox.add("chu-a", "anna", [DOSE | {"id": id_}], source="m1", at=noon)
    said = []
    with store.transaction() as tx:
        event.listen(tx._connection, "before_cursor_execute", lambda *told: said.append((told[2], told[3])))
        row = tx.outbox.lease("w", at=noon, lease_seconds=60, destination="chu-a")
        tx.outbox.follow(row, until=noon, most=1)
        tx.outbox.delivered(row.id, "w", noon)
    with store.reading() as tx:
        plans = [
            step
            for statement, values in said
            for step in tx._connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert [step.detail for step in plans if "SCAN" in step.detail or "TEMP B-TREE" in step.detail] == []
    assert sum("ix_outbox_" in step.detail for step in plans) >= 4


def test_postgresql_passes_over_rows_that_others_are_taking():
    claim = select(outbox.c.id).where(outbox.c.front).with_for_update(skip_locked=True, of=outbox)
    assert str(claim.compile(dialect=postgresql.dialect())).endswith("FOR UPDATE OF outbox SKIP LOCKED")


def _drain(store: Store, worker: str, at) -> list[int]:
    taken = []
    while row := lease(store, at, worker):
        taken.append(row.id)
        with store.transaction() as tx:
            assert tx.outbox.delivered(row.id, worker, at)
    return taken


def _drain_in_a_process(job: tuple[str, str, object]) -> list[int]:
    url, worker, at = job
    with closing(Store(url)) as store:
        return _drain(store, worker, at)


def test_processes_never_lease_the_same_row(store, prepared, noon):
    ids = add(store, *(f"patient-{number % 10}" for number in range(60)), at=noon)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        shares = pool.map(_drain_in_a_process, [(prepared, "one", noon), (prepared, "two", noon)])
    assert sorted(id_ for share in shares for id_ in share) == ids


def test_threads_never_lease_the_same_row(store, noon):
    ids = add(store, *(f"patient-{number % 10}" for number in range(60)), at=noon)
    start = threading.Barrier(4)

    def work(worker: str) -> list[int]:
        start.wait()
        return _drain(store, worker, noon)

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(work, "abcd"))
    assert sorted(id_ for share in shares for id_ in share) == ids


class Deliveries(RuleBasedStateMachine):
    """Whatever workers and persons do, each patient's changes are delivered in the order in which they came."""

    store: Store

    @initialize()
    def empty(self):
        with self.store.transaction() as tx:
            tx._connection.execute(outbox.delete())
        self.leased: dict[int, str] = {}
        self.delivered: list[tuple[str, int]] = []

    @rule(course=st.sampled_from("ab"))
    def arrives(self, course):
        add(self.store, course, at=self.at)

    @rule(worker=st.sampled_from("xy"))
    def is_leased(self, worker):
        row = lease(self.store, self.at, worker)
        if row:
            assert row.id not in self.leased
            self.leased[row.id] = worker

    @rule(data=st.data(), how=st.sampled_from(["delivered", "retry", "park"]))
    def comes_back(self, data, how):
        if not self.leased:
            return
        id_ = data.draw(st.sampled_from(sorted(self.leased)))
        worker = self.leased.pop(id_)
        course = show(self.store, id_).course
        with self.store.transaction() as tx:
            if how == "delivered":
                assert tx.outbox.delivered(id_, worker, self.at)
                self.delivered.append((course, id_))
            elif how == "retry":
                assert tx.outbox.retry(id_, worker, Said("away"), due=self.at)
            else:
                assert tx.outbox.park(id_, worker, Said("no"))

    @rule()
    def is_sent_again(self):
        with self.store.transaction() as tx:
            tx.outbox.requeue([row.id for row in tx.outbox.listing(["parked"])], self.at)

    @invariant()
    def each_patient_in_order(self):
        for course in "ab":
            ids = [id_ for of, id_ in self.delivered if of == course]
            assert ids == sorted(ids)

    @invariant()
    def one_at_a_time_for_each_patient(self):
        with self.store.reading() as tx:
            rows = tx.outbox.listing(UNFINISHED)
        under_way = [row.course for row in rows if row.state == "leased"]
        assert len(under_way) == len(set(under_way))


def test_order_is_kept_whatever_happens(store, noon):
    Deliveries.store, Deliveries.at = store, noon
    quiet = settings(max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Deliveries, settings=quiet)
