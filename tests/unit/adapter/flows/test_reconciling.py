"""What a hospital has is held against what we think it has, and mended where that is ours to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import requests

from adapter.flows import reconciling
from adapter.flows.delivery import Policy, drain
from adapter.flows.reconciling import EDITED, GONE, NEVER_SENT, compare, courses, repair
from tests.lib.centre import M1, NOW, OURS


def deliver(ward, client, conflict="park"):
    policies = {"chu-a": Policy("auto", conflict)}
    later = ward.now + timedelta(hours=1)
    return drain(ward.store, lambda _: client, worker="w", now=lambda: later, jitter=lambda: 0.5, policies=policies)


@pytest.fixture
def delivered(enrolled, client):
    """A patient with a visit, all of which the hospital has."""
    enrolled.visit(M1)
    assert deliver(enrolled, client).waiting == 0
    return enrolled


def differences(ward, client):
    (course,) = courses(ward.store, [OURS])
    return {(one.reference, one.what) for one in compare(ward.store, client, "chu-a", course)}


def remove(hospital, client, kind):
    """As somebody at the hospital does by hand."""
    victim = next(one for one in hospital.all(kind))
    assert requests.delete(f"{hospital.base_url}/{kind}/{victim['id']}", timeout=10).ok
    return f"{kind}/{victim['id']}"


def test_what_was_delivered_is_there(delivered, client):
    assert differences(delivered, client) == set()


def test_what_still_waits_is_no_difference(enrolled, client):
    enrolled.visit(M1)
    assert differences(enrolled, client) == set()


def test_what_is_gone_there_is_missing_and_sent_again(delivered, hospital, client):
    gone = remove(hospital, client, "Observation")
    found = compare(delivered.store, client, "chu-a", courses(delivered.store, [OURS])[0])
    assert [(one.reference, one.what) for one in found] == [(gone, GONE)]
    assert repair(delivered.store, "chu-a", found, "park", delivered.now) == 1
    assert differences(delivered, client) == set()
    deliver(delivered, client)
    assert gone in {f"Observation/{one['id']}" for one in hospital.all("Observation")}
    assert differences(delivered, client) == set()


def edited(hospital):
    one = hospital.all("Observation")[0]
    hospital.put(one | {"note": [{"text": "synthetic remark of the hospital"}]})
    return f"Observation/{one['id']}"


def test_what_the_hospital_edited_is_told_and_left_to_its_word(delivered, hospital, client):
    name = edited(hospital)
    found = compare(delivered.store, client, "chu-a", courses(delivered.store, [OURS])[0])
    assert [(one.reference, one.what, one.version) for one in found] == [(name, EDITED, "2")]
    for policy in ("park", "theirs"):
        assert repair(delivered.store, "chu-a", found, policy, delivered.now) == 0


def test_where_our_word_counts_an_edit_is_replaced(delivered, hospital, client):
    name = edited(hospital)
    found = compare(delivered.store, client, "chu-a", courses(delivered.store, [OURS])[0])
    assert repair(delivered.store, "chu-a", found, "ours", delivered.now) == 1
    deliver(delivered, client, "ours")
    now = next(one for one in hospital.all("Observation") if f"Observation/{one['id']}" == name)
    assert "note" not in now
    assert differences(delivered, client) == set()


def test_what_was_never_sent_is_found_and_sent(ward, hospital, client):
    """As after a hospital was configured late, or a queue was restored from an old backup."""
    silent = replace(ward, settings=replace(ward.settings, centres={}))
    silent.enrol()
    silent.visit(M1)
    (course,) = courses(ward.store, [OURS])
    found = compare(ward.store, client, "chu-a", course)
    assert {one.what for one in found} == {NEVER_SENT}
    assert "Patient" in {one.reference.split("/")[0] for one in found}
    assert not {"Consent", "CarePlan", "MedicationRequest"} & {one.reference.split("/")[0] for one in found}
    repair(ward.store, "chu-a", found, "park", silent.now)
    deliver(silent, client)
    assert compare(ward.store, client, "chu-a", course) == []


def test_what_a_person_discarded_is_not_brought_up_again(enrolled, client):
    with enrolled.store.transaction() as tx:
        for row in tx.outbox.listing():
            tx.outbox.discard(row.id, "synthetic reason", NOW)
    assert differences(enrolled, client) == set()


def test_where_the_hospitals_patient_stands_for_ours_ours_is_not_missed(ward, hospital, client):
    hospital.put({"resourceType": "Patient", "id": "abc", "birthDate": "1971-05-02"})
    ward.enrol(hospital_patient="Patient/abc")
    ward.visit(M1)
    deliver(ward, client)
    assert {one["id"] for one in hospital.all("Patient")} == {"abc"}
    assert differences(ward, client) == set()


def test_many_are_asked_for_a_few_at_a_time(delivered, hospital, client, monkeypatch):
    monkeypatch.setattr(reconciling, "AT_ONCE", 2)
    assert differences(delivered, client) == set()


def test_it_goes_on_after_a_course(delivered):
    (course,) = courses(delivered.store, [OURS])
    assert courses(delivered.store, [OURS], after=course) == []
    assert courses(delivered.store, ["BE-001"]) == []
