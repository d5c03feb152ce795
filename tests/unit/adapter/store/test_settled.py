"""What is dated at a settled instant, or before, has been written: whoever was shown that instant misses nothing."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from adapter.errors import StoreUnavailable
from adapter.store.streaming import Wanted

EARLIER = timedelta(seconds=30)
PATIENT = {"resourceType": "Patient", "id": "p-1"}


def put(tx, at, id_="p-1"):
    return tx.resources.put(PATIENT | {"id": id_}, centre="FR-037", course="course", sources=[], at=at)


def settle(store, at):
    with store.transaction() as tx:
        return tx.resources.settle(at)


def shown(store, as_of):
    with store.reading() as tx:
        return list(tx.resources.ids(Wanted(as_of=as_of)))


def test_nothing_is_settled_while_a_change_is_on_its_way(store, prepared, opened, noon):
    impatient = opened(prepared, busy_seconds=0.2)
    with store.transaction() as tx:
        put(tx, noon - EARLIER)
        with pytest.raises(StoreUnavailable):
            settle(impatient, noon)
    assert settle(impatient, noon) == noon
    assert shown(store, noon) == ["p-1"]


def test_a_change_that_waited_is_dated_after_what_was_settled_meanwhile(store, noon):
    settle(store, noon)
    with store.transaction() as tx:
        first = put(tx, noon - EARLIER)
    with store.transaction() as tx:
        tx.resources.delete("Patient", "p-1", noon)
    assert first.at > noon
    assert shown(store, noon) == []
    with store.reading() as tx:
        assert {one.at for one in tx.resources.history("Patient", "p-1")} == {first.at}


def test_a_change_that_came_after_keeps_its_instant(store, noon):
    settle(store, noon)
    with store.transaction() as tx:
        assert put(tx, noon + EARLIER).at == noon + EARLIER


def test_who_settles_again_is_shown_what_was_written_in_between(store, noon):
    settle(store, noon)
    with store.transaction() as tx:
        put(tx, noon)
    again = settle(store, noon)
    assert noon < again < noon + EARLIER
    assert shown(store, again) == ["p-1"]


def test_a_clock_that_was_a_year_ahead_dates_nothing(store, noon):
    settle(store, noon + timedelta(days=365))
    with store.transaction() as tx:
        assert put(tx, noon).at == noon
    assert settle(store, noon) == noon


@pytest.mark.contract
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
class TestManyWritersAtOnce:
    def test_writers_of_resources_do_not_wait_for_each_other(self, store, prepared, opened, noon):
        impatient = opened(prepared, busy_seconds=0.2)
        with store.transaction() as one, impatient.transaction() as other:
            assert put(one, noon).version == put(other, noon, "p-2").version

    def test_a_transaction_that_began_before_and_writes_after_is_dated_after(self, store, noon):
        with store.transaction() as tx:
            tx.hold("course")
            settle(store, noon)
            assert put(tx, noon - EARLIER).at > noon

    def test_a_writer_whose_patient_is_held_by_one_behind_the_waiting_is_not_stuck(self, prepared, opened, noon):
        """One writes and wants the course; one holds it and wants to write, behind somebody who wants to settle."""
        store = opened(f"{prepared}?options=-c%20deadlock_timeout%3D50ms")
        written, held = threading.Event(), threading.Event()

        def writer():
            with store.transaction() as tx:
                put(tx, noon - EARLIER)
                written.set()
                assert held.wait(timeout=20)
                tx.hold("course")

        def behind():
            with store.transaction() as tx:
                tx.hold("course")
                held.set()
                blocked(store, 2)
                put(tx, noon - EARLIER, "p-2")

        with ThreadPoolExecutor(3) as pool:
            first = pool.submit(writer)
            assert written.wait(timeout=20)
            done = [first, pool.submit(settle, store, noon), pool.submit(behind)]
            assert done[1].result(timeout=20) == noon
            for one in done:
                one.result(timeout=20)
        assert sorted(shown(store, noon + EARLIER)) == ["p-1", "p-2"]


def blocked(store, wanted):
    """Returns when so many wait for a lock."""
    found, end = 0, time.monotonic() + 10
    while found < wanted:
        assert time.monotonic() < end, "nobody waits"
        with store.reading() as tx:
            asked = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            found = tx._connection.exec_driver_sql(asked).scalar_one()
