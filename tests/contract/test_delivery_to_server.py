"""A course goes out twice and is there once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapter.flows.delivery import Policy, drain
from adapter.hospital import r4_gate
from tests.contract.synthetic import SYSTEM, observation, patient
from tests.lib import leaves
from tests.lib.centre import M1, M3, Ward

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
COURSE = "6f1c5f0e-0000-5000-8000-000000000001"


def enrol(store, own, **said):
    content = {"centre": "FR-037", "patient": "P-0001"} | said
    with store.transaction() as tx:
        tx.enrolments.put(
            id="e1", centre="FR-037", patient="P-0001", course=COURSE, key="FR-037/P-0001", content=content, at=NOW
        )
        tx.resources.put(patient(own), centre="FR-037", course=COURSE, sources=["FR-037/P-0001"], at=NOW)


def queue(store, *resources):
    with store.transaction() as tx:
        return tx.outbox.add("hospital", COURSE, resources, source="FR-037/P-0001", at=NOW)


def deliver(store, client):
    return drain(store, lambda _: client, worker="w1", now=lambda: NOW, jitter=lambda: 0.5)


def test_a_course_sent_twice_is_there_once(store, client, fresh):
    p = fresh("p")
    enrol(store, p)
    course = [patient(p), *(observation(fresh(f"o{n}"), p) for n in range(15))]
    queue(store, *course)
    queue(store, *course)
    report = deliver(store, client)
    assert (report.delivered, report.retried, report.parked, report.waiting) == (2, 0, 0, 0)
    assert len(client.search("Observation", [("patient", p)])) == 15
    assert len(client.search("Patient", [("identifier", f"{SYSTEM}|{p}")])) == 1


def test_the_hospitals_own_patient_is_referred_to(store, client, fresh):
    theirs, own = fresh("theirs"), fresh("own")
    client.transact([patient(theirs)])
    enrol(store, own, identifiers=[{"system": SYSTEM, "value": theirs}])
    queue(store, patient(own), observation(fresh("o"), own))
    assert deliver(store, client).delivered == 1
    assert client.read("Patient", own) is None
    assert client.read("Observation", fresh("o"))["subject"] == {"reference": f"Patient/{theirs}"}


def test_a_refused_row_is_parked_with_the_servers_outcome(store, client, fresh):
    p = fresh("p")
    enrol(store, p)
    sent = queue(store, patient(p), patient(p))
    assert deliver(store, client).parked == 1
    with store.reading() as tx:
        parked = tx.outbox.show(sent)
    assert parked.status in (400, 422)
    assert parked.outcome["resourceType"] == "OperationOutcome"


def test_what_comes_after_an_expired_lease_changes_nothing_twice(store, client, server, fresh):
    p = fresh("p")
    enrol(store, p)
    queue(store, patient(p), observation(fresh("o"), p))
    with store.transaction() as tx:
        row = tx.outbox.lease("dead", at=NOW, lease_seconds=1)
    client.transact(row.content)
    later = NOW + timedelta(minutes=1)
    assert drain(store, lambda _: client, worker="w2", now=lambda: later, jitter=lambda: 0.5).delivered == 1
    assert [o["id"] for o in client.search("Observation", [("patient", p)])] == [fresh("o")]
    if server.quiet:
        assert client.read("Observation", fresh("o"))["meta"]["versionId"] == "1"


def test_a_later_edit_of_the_hospital_is_kept_and_told(store, client, fresh):
    p, o = fresh("p"), fresh("o")
    enrol(store, p)
    queue(store, patient(p), observation(o, p, "1"))
    assert deliver(store, client).delivered == 1
    client.transact([observation(o, p, "9")])
    sent = queue(store, observation(o, p, "2"), observation(fresh("other"), p, "2"))
    assert deliver(store, client).parked == 1
    assert str(client.read("Observation", o)["valueQuantity"]["value"]) == "9"
    assert client.read("Observation", fresh("other")) is not None
    with store.reading() as tx:
        assert "was changed at the hospital" in tx.outbox.show(sent).error
    with store.transaction() as tx:
        tx.outbox.requeue([sent], NOW)
    policies = {"hospital": Policy(conflict="ours")}
    assert drain(store, lambda _: client, worker="w1", now=lambda: NOW, jitter=lambda: 0.5, policies=policies).delivered
    assert str(client.read("Observation", o)["valueQuantity"]["value"]) == "2"


def test_an_answer_that_got_lost_is_looked_for_and_not_sent_again(store, client, fresh):
    p = fresh("p")
    enrol(store, p)
    queue(store, patient(p), observation(fresh("o"), p))
    with store.transaction() as tx:
        row = tx.outbox.lease("dead", at=NOW, lease_seconds=1)
    client.transact(row.content)
    there = client.read("Observation", fresh("o"))
    later = NOW + timedelta(minutes=1)
    report = drain(store, lambda _: client, worker="w2", now=lambda: later, jitter=lambda: 0.5)
    assert (report.delivered, report.parked) == (1, 0)
    assert client.read("Observation", fresh("o"))["meta"]["versionId"] == there["meta"]["versionId"]


def test_the_one_bad_entry_is_parked_and_the_rest_goes_through(store, client, server, fresh):
    if not server.checks:
        pytest.skip(f"{server.name} refuses nothing")
    p = fresh("p")
    enrol(store, p)
    bad = observation(fresh("bad"), p, encounter={"reference": f"Encounter/{fresh('nowhere')}"})
    good = [observation(fresh(f"o{n}"), p) for n in range(9)]
    sent = queue(store, patient(p), *good[:4], bad, *good[4:])
    assert deliver(store, client).parked == 1
    assert {o["id"] for o in client.search("Observation", [("patient", p)])} == {o["id"] for o in good}
    with store.reading() as tx:
        parked = tx.outbox.show(sent)
    assert [o["id"] for o in parked.content] == [fresh("bad")]
    assert fresh("nowhere") in parked.error


class TestARealCourse:
    """What a centre's own forms become, at the hospital."""

    KINDS = ("Condition", "Observation", "Procedure", "MedicationStatement", "MedicationAdministration")

    def report(self, store, fresh):
        ward = Ward(store)
        ward.enrol(patient=fresh("SYN"))
        ward.visit(M1, patient=fresh("SYN"))
        ward.visit(M3, patient=fresh("SYN"))
        ward.visit(M3, **leaves.full("follow_up") | {"patient": fresh("SYN")})
        return ward

    def deliver(self, ward, client):
        return drain(ward.store, lambda _: client, worker="w1", now=lambda: ward.now, jitter=lambda: 0.5)

    def at_hospital(self, client, own):
        """The resources of the patient there, by `Type/id`; each once or the assertion fails."""
        found = [one for kind in self.KINDS for one in client.search(kind, [("patient", own)])]
        named = {f"{one['resourceType']}/{one['id']}": one for one in found}
        assert len(named) == len(found)
        return named

    def test_sent_twice_it_is_there_exactly_once(self, store, client, fresh):
        ward = self.report(store, fresh)
        (own,) = [one.id for one in ward.stored("Patient")]
        with store.transaction() as tx:
            for row in tx.outbox.listing():
                tx.outbox.add(row.destination, row.course, row.content, source=row.source, at=ward.now)
        report = self.deliver(ward, client)
        assert (report.delivered, report.retried, report.parked, report.waiting) == (8, 0, 0, 0)
        assert client.read("Patient", own)["birthDate"] == "1971-05-02"
        there = self.at_hospital(client, own)
        here = {one.reference: item for item, one in ward.items().items() if one.kind in self.KINDS}
        reckoned = {name for name, item in here.items() if item.startswith("plan-bsa/")}  # is pulled with the plan
        assert set(there) == set(here) - reckoned
        assert all(r4_gate.read(one) for one in there.values())

    def test_sent_by_somebody_who_died_it_is_found_as_ours_and_not_sent_again(self, store, client, fresh):
        ward = Ward(store)
        ward.enrol(patient=fresh("SYN"))
        ward.visit(M1, patient=fresh("SYN"))
        with store.transaction() as tx:
            rows = [tx.outbox.lease("dead", at=ward.now, lease_seconds=0)]
            rows += tx.outbox.follow(rows[0], until=ward.now, most=9)
        client.transact([resource for row in rows for resource in row.content])
        (own,) = [one.id for one in ward.stored("Patient")]
        before = self.at_hospital(client, own)
        report = self.deliver(ward, client)
        assert (report.delivered, report.retried, report.parked) == (2, 0, 0)
        after = self.at_hospital(client, own)
        assert {name: one["meta"]["versionId"] for name, one in after.items() if name in before} == {
            name: one["meta"]["versionId"] for name, one in before.items()
        }

    def test_what_the_form_says_with_its_digits_is_what_the_hospital_has(self, store, client, fresh):
        ward = self.report(store, fresh)
        self.deliver(ward, client)
        (own,) = [one.id for one in ward.stored("Patient")]
        values = [one.get("valueQuantity", {}).get("value") for one in self.at_hospital(client, own).values()]
        assert "120.50" in map(str, values)

    def test_a_corrected_visit_changes_only_what_it_corrects(self, store, client, fresh):
        ward = self.report(store, fresh)
        self.deliver(ward, client)
        (own,) = [one.id for one in ward.stored("Patient")]
        before = self.at_hospital(client, own)
        corrected = {"date": "2026-04-01", "cd4": {"value": Decimal("121.50"), "unit": "/uL"}}
        ward.visit(M1, patient=fresh("SYN"), immune_reconstitution=corrected)
        assert self.deliver(ward, client).delivered == 1
        after = self.at_hospital(client, own)
        changed = [name for name in after if after[name]["meta"]["versionId"] != before[name]["meta"]["versionId"]]
        assert [str(after[name]["valueQuantity"]["value"]) for name in changed] == ["121.50"]
