"""Notifications of hospitals: kept as they came, worked on by one worker at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

MINUTE = timedelta(minutes=1)
HEADERS = {"Content-Type": "application/fhir+json"}


def add(tx, noon, id_="42", body=b'{"resourceType": "Patient"}\xff'):
    return tx.inbox.add("chu-a", "PUT", "Patient", id_, HEADERS, body, noon)


def test_a_notification_is_kept_byte_for_byte(store, noon):
    with store.transaction() as tx:
        number = add(tx, noon)
    with store.transaction() as tx:
        notice = tx.inbox.lease("worker", at=noon, lease_seconds=60)
    assert (notice.id, notice.hospital, notice.method, notice.kind, notice.resource_id) == (
        number,
        "chu-a",
        "PUT",
        "Patient",
        "42",
    )
    assert (notice.headers, notice.body) == (HEADERS, b'{"resourceType": "Patient"}\xff')
    assert (notice.state, notice.attempts, notice.due) == ("leased", 1, noon + MINUTE)


def test_a_long_list_does_without_what_they_said(store, noon):
    with store.transaction() as tx:
        add(tx, noon)
        assert tx.inbox.listing(whole=False) == [replace(one, headers={}, body=b"") for one in tx.inbox.listing()]
        assert tx.inbox.listing()[0].body


def test_an_empty_ping_names_no_resource(store, noon):
    with store.transaction() as tx:
        tx.inbox.add("chu-a", "POST", None, None, {}, b"", noon)
        (notice,) = tx.inbox.listing()
    assert (notice.kind, notice.resource_id, notice.body) == (None, None, b"")


def test_a_notification_is_worked_on_once(store, noon):
    with store.transaction() as tx:
        number = add(tx, noon)
        tx.inbox.lease("worker", at=noon, lease_seconds=60)
        assert tx.inbox.lease("other", at=noon, lease_seconds=60) is None
        assert not tx.inbox.done(number, "other", noon)
        assert tx.inbox.done(number, "worker", noon)
        assert tx.inbox.lease("other", at=noon + 2 * MINUTE, lease_seconds=60) is None
        assert tx.inbox.counts() == {"done": 1}
        assert tx.inbox.listing()[0].finished == noon


def test_what_was_worked_on_is_kept_without_what_it_said(store, noon):
    with store.transaction() as tx:
        add(tx, noon)
        number = tx.inbox.lease("worker", at=noon, lease_seconds=60).id
        assert tx.inbox.done(number, "worker", noon)
        (notice,) = tx.inbox.listing()
    assert (notice.hospital, notice.kind, notice.resource_id) == ("chu-a", "Patient", "42")
    assert (notice.body, notice.headers) == (b"", {})


def test_what_a_dead_worker_left_is_taken_over(store, noon):
    with store.transaction() as tx:
        number = add(tx, noon)
        tx.inbox.lease("dead", at=noon, lease_seconds=60)
        assert tx.inbox.lease("heir", at=noon + MINUTE, lease_seconds=60).id == number


def test_what_failed_is_tried_again_or_parked(store, noon):
    with store.transaction() as tx:
        first, second = add(tx, noon), add(tx, noon, "43")
        tx.inbox.lease("worker", at=noon, lease_seconds=60)
        tx.inbox.lease("worker", at=noon, lease_seconds=60)
        assert tx.inbox.fail(first, "worker", error="hospital away", due=noon + MINUTE, at=noon)
        assert tx.inbox.fail(second, "worker", error="not FHIR", due=None, at=noon)
        assert tx.inbox.counts() == {"parked": 1, "waiting": 1}
        assert [notice.error for notice in tx.inbox.listing()] == ["hospital away", "not FHIR"]
        assert tx.inbox.lease("worker", at=noon, lease_seconds=60) is None
        again = tx.inbox.lease("worker", at=noon + 9 * MINUTE, lease_seconds=60)
        assert (again.id, again.attempts) == (first, 2)
        assert tx.inbox.lease("worker", at=noon + 9 * MINUTE, lease_seconds=60) is None
