"""From the outbox to a hospital that fails in every way that hospitals fail. Synthetic patients only."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapter.errors import Refused
from adapter.flows import delivery, sending
from adapter.flows.delivery import drain

COURSE = "6f1c5f0e-0000-5000-8000-000000000001"
OTHER = "6f1c5f0e-0000-5000-8000-000000000002"
OWN = "own-patient"
NATIONAL = "urn:oid:1.2.250.1.213.1.4.8"


class Clock:
    """Moves only when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **much) -> None:
        self.now += timedelta(**much)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def clients(client):
    return {"chu-a": client}


def patient(id_=OWN, **more):
    return {"resourceType": "Patient", "id": id_, "birthDate": "1971-05-02"} | more


def observation(id_, value="0.50", own=OWN):
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"text": "Synthetic neutrophil count"},
        "subject": {"reference": f"Patient/{own}"},
        "valueQuantity": {"value": Decimal(value), "unit": "10*9/L"},
    }


def enrol(store, clock, course=COURSE, number="P-0001", own=OWN, **said):
    content = {"centre": "FR-037", "patient": number, "birth_date": "1971-05-02"} | said
    key = f"FR-037/{number}"
    with store.transaction() as tx:
        tx.enrolments.put(
            id=f"e-{number}", centre="FR-037", patient=number, course=course, key=key, content=content, at=clock()
        )
        tx.resources.put(patient(own), centre="FR-037", course=course, sources=[key], at=clock())


def queue(store, clock, *resources, course=COURSE, destination="chu-a"):
    with store.transaction() as tx:
        return tx.outbox.add(destination, course, resources, source="FR-037/P-0001", at=clock())


def deliver(store, clients, clock, **how):
    return drain(store, clients.__getitem__, worker="w1", now=clock, jitter=lambda: 0.5, **how)


def row(store, id_):
    with store.reading() as tx:
        return tx.outbox.show(id_)


def references(hospital):
    return {o["id"]: o["subject"]["reference"] for o in hospital.all("Observation")}


def test_a_change_set_arrives_once_with_every_digit(store, clients, clock, hospital):
    enrol(store, clock)
    sent = queue(store, clock, patient(), observation("o1", "0.50"))
    report = deliver(store, clients, clock)
    assert (report.delivered, report.retried, report.parked, report.waiting, report.next_due) == (1, 0, 0, 0, None)
    assert str(hospital.all("Observation")[0]["valueQuantity"]["value"]) == "0.50"
    assert row(store, sent).state == "delivered"
    assert deliver(store, clients, clock).delivered == 0


def test_the_changes_of_a_patient_arrive_in_their_order(store, clients, clock, hospital):
    enrol(store, clock)
    queue(store, clock, patient(), observation("o1", "1"))
    queue(store, clock, observation("o1", "2"))
    queue(store, clock, observation("o1", "3"))
    assert deliver(store, clients, clock).delivered == 3
    assert hospital.all("Observation")[0]["meta"]["versionId"] == "3"
    assert hospital.all("Observation")[0]["valueQuantity"]["value"] == 3


def test_one_row_or_a_few_can_be_asked_for(store, clients, clock):
    enrol(store, clock)
    for number in range(4):
        queue(store, clock, patient(), observation(f"o{number}"))
    assert deliver(store, clients, clock, until_empty=False).delivered == 1
    report = deliver(store, clients, clock, limit=2)
    assert (report.delivered, report.waiting) == (2, 1)


def test_an_outage_is_survived(store, clients, clock, hospital):
    enrol(store, clock)
    sent = queue(store, clock, patient(), observation("o1"))
    with hospital.away():
        report = deliver(store, clients, clock)
    assert (report.delivered, report.retried, report.waiting) == (0, 1, 1)
    assert "no answer" in row(store, sent).error
    assert deliver(store, clients, clock).retried == 0, "not due yet"
    clock.pass_(seconds=2)
    assert deliver(store, clients, clock).delivered == 1
    assert row(store, sent).error is None


def test_waits_grow_and_retry_after_is_kept(store, clients, clock, hospital):
    enrol(store, clock)
    queue(store, clock, patient())
    waits = []
    for retry_after in (None, None, None, 300):
        hospital.fail(status=502, retry_after=retry_after)
        before = clock()
        clock.now = max(clock(), (report := deliver(store, clients, clock)).next_due or clock())
        assert report.retried == 1
        waits.append((clock() - before).total_seconds())
    assert waits == [1, 2, 4, 301]


def test_a_silent_hospital_is_asked_once_and_not_by_every_patient(store, clients, clock, hospital):
    enrol(store, clock)
    enrol(store, clock, course=OTHER, number="P-0002", own="own-2")
    queue(store, clock, patient())
    queue(store, clock, patient("own-2"), course=OTHER)
    hospital.fail(next=9, status=503, retry_after=60)
    report = deliver(store, clients, clock)
    assert (report.retried, report.waiting) == (1, 2)
    assert len(hospital.requests) == 1
    assert report.next_due > clock() + timedelta(seconds=59)


def test_one_row_that_the_server_chokes_on_does_not_stop_other_patients(store, clients, clock, hospital):
    enrol(store, clock)
    enrol(store, clock, course=OTHER, number="P-0002", own="own-2")
    queue(store, clock, patient())
    queue(store, clock, patient("own-2"), course=OTHER)
    hospital.fail(next=1, status=500)
    report = deliver(store, clients, clock)
    assert (report.delivered, report.retried) == (1, 1)


def test_a_refusal_parks_the_row_with_the_servers_own_outcome_and_holds_back_the_patient(
    store, clients, clock, hospital
):
    enrol(store, clock)
    sent = queue(store, clock, patient(), observation("o1"))
    later = queue(store, clock, observation("o2"))
    hospital.fail(next=2, status=422, says="synthetic refusal")  # both together, then the Patient alone
    report = deliver(store, clients, clock)
    assert (report.parked, report.delivered, report.waiting) == (1, 0, 1)
    parked = row(store, sent)
    assert (parked.state, parked.status) == ("parked", 422)
    assert parked.outcome["issue"][0]["diagnostics"] == "synthetic refusal"
    assert row(store, later).state == "waiting"
    with store.transaction() as tx:
        tx.outbox.requeue([sent], clock())
    assert deliver(store, clients, clock).delivered == 2


@pytest.mark.parametrize(
    ("fault", "blind"),
    [
        ({"gender": "blue"}, (sending.r4_gate, "read")),
        ({"surname": "not R4"}, (sending, "require_valid")),
        ({"birthDate": "spring"}, None),
    ],
)
def test_what_is_not_r4_never_leaves_even_if_one_of_two_readers_is_blind(
    store, clients, clock, hospital, monkeypatch, fault, blind
):
    if blind:
        monkeypatch.setattr(*blind, lambda _: None)
    enrol(store, clock)
    sent = queue(store, clock, patient(**fault))
    assert deliver(store, clients, clock).parked == 1
    parked = row(store, sent)
    assert parked.outcome["issue"][0]["expression"][0].startswith("Patient")
    assert not hospital.requests


def test_an_answer_that_got_lost_makes_no_second_version(store, clients, clock, hospital):
    enrol(store, clock)
    queue(store, clock, patient(), observation("o1"))
    hospital.drop()
    assert deliver(store, clients, clock).retried == 1
    clock.pass_(minutes=1)
    assert deliver(store, clients, clock).delivered == 1
    assert hospital.all("Observation")[0]["meta"]["versionId"] == "1"


def test_a_worker_that_dies_leaves_its_row_to_the_next_one(store, clients, clock, hospital):
    enrol(store, clock)
    sent = queue(store, clock, patient(), observation("o1"))
    with store.transaction() as tx:
        tx.outbox.lease("dead", at=clock(), lease_seconds=delivery.LEASE_SECONDS)
    assert deliver(store, clients, clock).delivered == 0
    clock.pass_(seconds=delivery.LEASE_SECONDS)
    assert deliver(store, clients, clock).delivered == 1
    assert row(store, sent).state == "delivered"


def test_a_lease_that_was_lost_meanwhile_is_not_marked(store, clients, clock, hospital):
    enrol(store, clock)
    sent = queue(store, clock, patient())

    def slow_client(name):
        clock.pass_(seconds=delivery.LEASE_SECONDS)
        with store.transaction() as tx:
            tx.outbox.lease("w2", at=clock(), lease_seconds=60)
        return clients[name]

    drain(store, slow_client, worker="w1", now=clock, jitter=lambda: 0.5, until_empty=False)
    with store.reading() as tx:
        assert (tx.outbox.show(sent).state, tx.links.get("chu-a", COURSE)) == ("leased", None)


@pytest.mark.parametrize("trouble", [LookupError("chu-b"), Refused("the secret cannot be read")])
def test_a_destination_that_is_not_configured_waits_for_its_configuration(store, clock, trouble):
    enrol(store, clock)
    sent = queue(store, clock, patient(), destination="chu-b")

    def nobody(_):
        raise trouble

    report = drain(store, nobody, worker="w1", now=clock, jitter=lambda: 0.5)
    assert (report.retried, report.parked) == (1, 0)
    assert "chu-b is not configured" in row(store, sent).error


class TestTheHospitalsOwnPatient:
    """Where the hospital has the patient, results go into that record and none is made beside it."""

    def test_named_by_the_centre(self, store, clients, clock, hospital):
        hospital.put(patient("abc"))
        enrol(store, clock, hospital_patient="Patient/abc")
        queue(store, clock, patient(), observation("o1"))
        assert deliver(store, clients, clock).delivered == 1
        assert [p["id"] for p in hospital.all("Patient")] == ["abc"]
        assert references(hospital) == {"o1": "Patient/abc"}

    def test_found_by_the_only_identifier(self, store, clients, clock, hospital):
        identifier = {"system": NATIONAL, "value": "42,1|x"}
        hospital.put(patient("abc", identifier=[identifier]), patient("other"))
        enrol(store, clock, identifiers=[identifier])
        queue(store, clock, patient(), observation("o1"))
        assert deliver(store, clients, clock).delivered == 1
        assert references(hospital) == {"o1": "Patient/abc"}

    def test_found_once_and_then_remembered(self, store, clients, clock, hospital):
        hospital.put(patient("abc"))
        enrol(store, clock, hospital_patient="https://chu-a.example/fhir/Patient/abc")
        queue(store, clock, patient())
        deliver(store, clients, clock)
        with store.reading() as tx:
            assert tx.links.get("chu-a", COURSE) == "Patient/abc"
            (met,) = tx.inbox.listing()
        assert (met.method, met.kind, met.resource_id) == ("MEET", "Patient", "abc"), "what the hospital has of them"
        hospital.requests.clear()
        queue(store, clock, observation("o2"))
        deliver(store, clients, clock)
        assert Counter(hospital.requests) == {("POST", ""): 1}
        assert references(hospital) == {"o2": "Patient/abc"}
        with store.reading() as tx:
            assert len(tx.inbox.listing()) == 1

    def test_a_row_with_nothing_but_our_patient_needs_no_transaction(self, store, clients, clock, hospital):
        hospital.put(patient("abc"))
        enrol(store, clock, hospital_patient="Patient/abc")
        queue(store, clock, patient())
        assert deliver(store, clients, clock).delivered == 1
        assert [p["id"] for p in hospital.all("Patient")] == ["abc"]

    def test_unknown_there_so_ours_is_sent_and_stays_the_one(self, store, clients, clock, hospital):
        identifier = {"system": NATIONAL, "value": "42"}
        enrol(store, clock, hospital_patient="Patient/nobody", identifiers=[identifier])
        queue(store, clock, patient(identifier=[identifier]), observation("o1"))
        deliver(store, clients, clock)
        hospital.put(patient("late", identifier=[identifier]))
        queue(store, clock, observation("o2"))
        deliver(store, clients, clock)
        assert references(hospital) == {"o1": f"Patient/{OWN}", "o2": f"Patient/{OWN}"}

    def test_our_own_patient_found_again_after_a_crash_is_still_ours(self, store, clients, clock, hospital):
        identifier = {"system": NATIONAL, "value": "42"}
        hospital.put(patient(identifier=[identifier]))
        enrol(store, clock, identifiers=[identifier])
        queue(store, clock, patient(identifier=[identifier]), observation("o1"))
        deliver(store, clients, clock)
        assert references(hospital) == {"o1": f"Patient/{OWN}"}

    def test_several_matches_are_for_a_person_to_decide(self, store, clients, clock, hospital):
        identifier = {"system": NATIONAL, "value": "42"}
        hospital.put(patient("abc", identifier=[identifier]), patient("def", identifier=[identifier]))
        enrol(store, clock, identifiers=[identifier])
        sent = queue(store, clock, patient(), observation("o1"))
        assert deliver(store, clients, clock).parked == 1
        assert "2 patients of chu-a" in row(store, sent).error
        assert not hospital.all("Observation")

    def test_a_second_patient_beside_ours_is_for_a_person_to_decide(self, store, clients, clock, hospital):
        identifier = {"system": NATIONAL, "value": "42"}
        hospital.put(patient(identifier=[identifier]), patient("late", identifier=[identifier]))
        enrol(store, clock, identifiers=[identifier])
        queue(store, clock, patient(), observation("o1"))
        assert deliver(store, clients, clock).parked == 1

    def test_a_server_that_ignores_the_question_and_names_everybody(self, store, clients, clock, hospital):
        everybody = [patient("abc", identifier=[{"system": "urn:oid:2.9", "value": "42"}]), patient("def")]
        hospital.put(*everybody)
        clients["chu-a"].search = lambda kind, params: everybody
        enrol(store, clock, identifiers=[{"system": NATIONAL, "value": "42"}])
        queue(store, clock, patient(), observation("o1"))
        deliver(store, clients, clock)
        assert references(hospital) == {"o1": f"Patient/{OWN}"}

    def test_another_birthday_is_another_person(self, store, clients, clock, hospital):
        hospital.put(patient("abc", birthDate="1980-01-01"))
        enrol(store, clock, hospital_patient="Patient/abc")
        sent = queue(store, clock, patient(), observation("o1"))
        assert deliver(store, clients, clock).parked == 1
        assert "born on another day" in row(store, sent).outcome["issue"][0]["diagnostics"]
        assert not hospital.all("Observation")

    def test_a_birthday_known_to_the_year_only_may_agree(self, store, clients, clock, hospital):
        hospital.put(patient("abc", birthDate="1971"))
        enrol(store, clock, hospital_patient="Patient/abc")
        queue(store, clock, patient(), observation("o1"))
        assert deliver(store, clients, clock).delivered == 1

    def test_a_patient_that_was_merged_away_is_not_written_to(self, store, clients, clock, hospital):
        hospital.put(patient("survivor"))
        link = {"other": {"reference": "Patient/survivor"}, "type": "replaced-by"}
        hospital.put(patient("abc", link=[link]))
        enrol(store, clock, hospital_patient="Patient/abc")
        sent = queue(store, clock, patient(), observation("o1"))
        assert deliver(store, clients, clock).parked == 1
        assert "merged" in row(store, sent).error

    def test_a_course_without_a_patient_of_ours_is_sent_as_it_is(self, store, clients, clock, hospital):
        hospital.put(patient("abc"))
        queue(store, clock, observation("o1", own="abc"))
        assert deliver(store, clients, clock).delivered == 1

    def test_what_is_no_longer_about_our_patient_never_asks_for_one(self, store, clients, clock, hospital):
        """De-identified resources have other ids; the national number of the patient must not follow them."""
        enrol(store, clock, identifiers=[{"system": NATIONAL, "value": "42"}])
        queue(store, clock, {"resourceType": "Patient", "id": "k-71"}, observation("k-72", own="k-71"))
        deliver(store, clients, clock)
        assert list(hospital.requests) == [("POST", "")]
        with store.reading() as tx:
            assert tx.links.get("chu-a", COURSE) is None

    def test_a_patient_whose_enrolment_is_not_here_is_ours(self, store, clients, clock, hospital):
        with store.transaction() as tx:
            tx.resources.put(patient(), centre="FR-037", course=COURSE, sources=["elsewhere"], at=clock())
        queue(store, clock, patient(), observation("o1"))
        assert deliver(store, clients, clock).delivered == 1
        assert references(hospital) == {"o1": f"Patient/{OWN}"}
