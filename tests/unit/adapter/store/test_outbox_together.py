"""Several patients leased and settled together: as if one by one, in a few statements."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event

from adapter.store.delivery import Said

MINUTE = timedelta(minutes=1)


def dose(id_="cd34"):
    return {"resourceType": "Observation", "id": id_}


def add(store, noon, *courses, id_="cd34"):
    with store.transaction() as tx:
        return [tx.outbox.add("chu-a", course, [dose(id_)], source="m1", at=noon) for course in courses]


def claim(store, noon, worker="w", lanes=9, rows=99):
    with store.transaction() as tx:
        found = tx.outbox.claim("chu-a", worker, at=noon, lease_seconds=60, lanes=lanes, rows=rows)
    return [[row.id for row in lane] for lane in found]


def rows(store):
    with store.reading() as tx:
        return {row.id: row for row in tx.outbox.listing()}


def test_so_many_patients_are_leased_and_what_follows_with_each(store, noon):
    a1, b1, c1 = add(store, noon, "anna", "bela", "carl")
    (a2,) = add(store, noon, "anna", id_="other")
    (c2,) = add(store, noon, "carl")  # the same again: each version shall arrive
    assert claim(store, noon, lanes=2) == [[a1, a2], [b1]]
    assert claim(store, noon, worker="other") == [[c1]]
    found = rows(store)
    assert [found[id_].state for id_ in (a1, a2, b1, c1)] == ["leased"] * 4
    assert (found[a2].worker, found[a2].attempts, found[a2].due) == ("w", 1, noon + MINUTE)
    assert found[c2].state == "waiting"


def test_so_many_rows_and_no_more_but_one_of_each_patient(store, noon):
    firsts = add(store, noon, "anna", "bela")
    add(store, noon, "anna", id_="b")
    add(store, noon, "bela", id_="b")
    assert claim(store, noon, rows=3)[1:] == [[firsts[1]]]
    assert claim(store, noon) == []


def test_near_the_end_nobody_takes_more_than_a_part(store, noon):
    courses = [f"c{n}" for n in range(10)]
    add(store, noon, *courses)

    def share(lanes):
        with store.transaction() as tx:
            return len(tx.outbox.claim("chu-a", "w", at=noon, lease_seconds=60, lanes=lanes, rows=99, among=3))

    assert [share(8), share(2), share(8), share(8), share(8), share(8)] == [4, 2, 2, 1, 1, 0]


def test_what_a_dead_worker_left_comes_first(store, noon):
    anna, bela = add(store, noon, "anna", "bela")
    claim(store, noon - MINUTE, lanes=1)  # nothing is due yet
    with store.transaction() as tx:
        tx.outbox.lease("dead", at=noon, lease_seconds=60)
    assert claim(store, noon) == [[bela]]
    with store.transaction() as tx:
        tx.outbox.retry(bela, "w", Said("away"), due=noon)
    assert claim(store, noon + MINUTE) == [[anna], [bela]]


def test_all_delivered_promotes_each_patients_next(store, noon):
    anna, bela = add(store, noon, "anna", "bela")
    (next_,) = add(store, noon, "anna")
    claim(store, noon)
    with store.transaction() as tx:
        done = tx.outbox.all_delivered("chu-a", {"anna": [anna], "bela": [bela]}, "w", noon)
    assert done == {anna, bela}
    found = rows(store)
    assert (found[anna].state, found[anna].finished, found[anna].worker) == ("delivered", noon, None)
    assert not found[anna].front
    assert claim(store, noon) == [[next_]]


def test_the_word_of_who_lost_the_lease_of_one_counts_for_the_others(store, noon):
    anna, bela = add(store, noon, "anna", "bela")
    claim(store, noon)
    with store.transaction() as tx:
        tx.outbox.release(["w"], noon)
        tx.outbox.lease("heir", at=noon, lease_seconds=60)
        tx.outbox.lease("w", at=noon, lease_seconds=60)
        assert tx.outbox.all_delivered("chu-a", {"anna": [anna], "bela": [bela]}, "w", noon) == {bela}
    assert rows(store)[anna].worker == "heir"


def test_what_was_not_tried_waits_again_as_if_it_had_not_been_leased(store, noon):
    anna, bela = add(store, noon, "anna", "bela")
    (behind,) = add(store, noon, "anna", id_="b")
    claim(store, noon)
    later = noon + timedelta(seconds=5)
    with store.transaction() as tx:
        assert tx.outbox.give_back("chu-a", {"anna": [anna, behind]}, "w", later) == {anna, behind}
        assert tx.outbox.give_back("chu-a", {"bela": [bela]}, "other", later) == set()
    found = rows(store)
    assert (found[anna].state, found[anna].attempts, found[anna].worker, found[anna].front) == (
        "waiting",
        0,
        None,
        True,
    )
    assert found[bela].state == "leased"
    assert claim(store, later, worker="other") == [[anna, behind]]


def test_which_patients_have_something_parked(store, noon):
    anna, bela = add(store, noon, "anna", "bela")
    (next_,) = add(store, noon, "anna")
    claim(store, noon)
    with store.transaction() as tx:
        tx.outbox.park(anna, "w", Said("422"), holds=False)
        assert tx.outbox.parked_in([next_, bela]) == {"anna"}
        assert tx.outbox.parked_in([]) == set()


def test_links_of_several_courses(store):
    with store.transaction() as tx:
        tx.links.put_all("chu-a", {"one": "Patient/1", "two": "Patient/2"})
        tx.links.put("chu-b", "three", "Patient/3")
        assert tx.links.of("chu-a", ["one", "two", "three"]) == {"one": "Patient/1", "two": "Patient/2"}
        tx.links.put_all("chu-a", {})


def test_the_patient_of_each_course_is_its_first_that_is_there(store, noon):
    with store.transaction() as tx:
        for course, id_ in (("c1", "p1"), ("c1", "p2"), ("c2", "p3"), ("c3", "p4")):
            patient = {"resourceType": "Patient", "id": id_}
            tx.resources.put(patient, centre="FR-037", course=course, sources=["x"], at=noon)
        tx.resources.put(dose(), centre="FR-037", course="c4", sources=["x"], at=noon)
        tx.resources.delete("Patient", "p3", noon)
        assert tx.resources.patients_of(["c1", "c2", "c4"]) == {"c1": ("p1", "FR-037")}


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_no_statement_walks_over_what_waits(store, noon):
    """For `id IN (...) AND state = ?` SQLite takes the index of states, from some ids on: a walk over all waiting."""
    courses = [f"c{n}" for n in range(30)]
    ids = add(store, noon, *courses)
    add(store, noon, *courses, id_="b")
    said = []
    with store.transaction() as tx:
        event.listen(tx._connection, "before_cursor_execute", lambda *told: said.append((told[2], told[3])))
        lanes = tx.outbox.claim("chu-a", "w", at=noon, lease_seconds=60, lanes=30, rows=60)
        tx.outbox.extend([row.id for lane in lanes for row in lane], "w", noon)
        by_course = {lane[0].course: [row.id for row in lane] for lane in lanes}
        tx.outbox.give_back("chu-a", by_course, "w", noon)
        tx.outbox.all_delivered("chu-a", by_course, "w", noon)
        tx.outbox.parked_in(ids)
        tx.outbox.requeue(ids, noon)
        tx.resources.patients_of(courses)
    with store.reading() as tx:
        plans = {
            step.detail
            for statement, values in said
            if statement.startswith(("SELECT", "UPDATE"))
            for step in tx._connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        }
    assert [plan for plan in plans if "SCAN outbox" in plan or "ix_outbox_state_due_id" in plan] == []
    assert [plan for plan in plans if "resource_heads" in plan] == [
        "SEARCH resource_heads USING INDEX ix_resource_heads_course (course=?)"
    ]
